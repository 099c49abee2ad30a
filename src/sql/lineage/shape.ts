import { asComputed, NOTHING, type Sources, sameSources, unite } from './sources.js'

/** A column of a row: its name, undefined where it cannot be said for certain, and where its values come from. */
export interface ShapeColumn {
  readonly name: string | undefined
  readonly sources: Sources
}

/**
 * What the rows of a FROM item or of a query look like.
 *
 * The catalog is a snapshot, and names are looked up along a search path that is the client's: a relation can be another
 * one with other columns, also one of a transaction that is not over. So the columns of a relation are believed by name
 * only, and never by their position among others.
 */
export interface Shape {
  readonly columns: readonly ShapeColumn[]
  /** These are the columns, in this order and no others: the text says so, and no relation's definition matters. */
  readonly sealed: boolean
  /** Where columns that are not listed come from; undefined when there are none. */
  readonly rest: Sources | undefined
  /** What decides how many rows there are, beside conditions: arguments of functions in FROM, LIMIT. */
  readonly rows: Sources
  /** What the conditions of the query read, and of those in its FROM clause; undefined for what is no query. */
  readonly conditions?: Sources
}

/** A name under which rows can be mentioned. */
export interface Item {
  readonly name: string | undefined
  readonly shape: Shape
}

/** The rows of one FROM clause, and those around. */
export interface Frame {
  readonly items: readonly Item[]
  readonly outer: Frame | undefined
}

/** Rows that are exactly these columns. */
export function sealedShape(columns: readonly ShapeColumn[], rows: Sources = NOTHING): Shape {
  return { columns, sealed: true, rest: undefined, rows }
}

/** Rows of which nothing is known but where all of their columns come from. */
export function openShape(rest: Sources, rows: Sources = NOTHING): Shape {
  return { columns: [], sealed: false, rest, rows }
}

/** A row of a query has at most 1664 columns (`MaxTupleAttributeNumber`). Of wider ones only the whole is kept. */
const COLUMNS_MAX = 2_000

/** Wide rows are asked for again and again. */
const wholes = new WeakMap<Shape, Sources>()

/** Everything a row can hold. */
export function wholeRow(shape: Shape): Sources {
  const known = wholes.get(shape)
  if (known !== undefined) return known
  const whole = asComputed(unite([...shape.columns.map(column => column.sources), shape.rest ?? NOTHING]))
  wholes.set(shape, whole)
  return whole
}

/** The same rows when values of any column can come from here as well. */
export function alsoFrom(shape: Shape, sources: Sources): Shape {
  if (sources === NOTHING) return shape
  return {
    ...shape,
    columns: shape.columns.map(column => ({ ...column, sources: unite([column.sources, sources]) })),
    rest: shape.rest === undefined ? undefined : unite([shape.rest, sources]),
  }
}

/** Any column can be any other: for rows whose columns are taken by position and that are not sealed. */
export function blurred(shape: Shape): Shape {
  const whole = wholeRow(shape)
  return {
    ...shape,
    columns: shape.columns.map(({ name }) => ({ name, sources: whole })),
    rest: shape.rest === undefined ? undefined : whole,
  }
}

/** `alias(a, b)`: the first columns get other names. Without a list of names nothing changes. */
export function renamed(shape: Shape, names: readonly string[]): Shape {
  if (names.length === 0) return shape
  if (shape.sealed) {
    return {
      ...shape,
      columns: shape.columns.map((column, index) => ({ ...column, name: names[index] ?? column.name })),
    }
  }
  const whole = wholeRow(shape)
  const named = names.map(name => ({ name, sources: whole }))
  return { ...blurred(shape), columns: [...named, ...blurred(shape).columns] }
}

/** Rows side by side: what `*` over several items gives. */
export function concatenated(shapes: readonly Shape[]): Shape {
  const [only] = shapes
  if (shapes.length === 1 && only !== undefined) return only
  const rests = shapes.flatMap(({ rest }) => (rest === undefined ? [] : [rest]))
  if (shapes.reduce((sum, shape) => sum + shape.columns.length, 0) > COLUMNS_MAX) {
    const all = openShape(unite(shapes.map(wholeRow)), unite(shapes.map(shape => shape.rows)))
    return { ...all, conditions: conditionsOf(shapes) }
  }
  return {
    columns: shapes.flatMap(shape => shape.columns),
    sealed: shapes.every(shape => shape.sealed),
    rest: rests.length === 0 ? undefined : unite(rests),
    rows: unite(shapes.map(shape => shape.rows)),
    conditions: conditionsOf(shapes),
  }
}

/** The conditions of all of them. */
export function conditionsOf(shapes: readonly Shape[]): Sources {
  return unite(shapes.map(({ conditions }) => conditions ?? NOTHING))
}

/** Rows of two queries under each other, column by column; the names are those of the first. */
export function stacked(first: Shape, second: Shape): Shape {
  const rows = unite([first.rows, second.rows])
  const conditions = conditionsOf([first, second])
  if (first.sealed && second.sealed && first.columns.length === second.columns.length) {
    const columns = first.columns.map(({ name, sources }, index) => ({
      name,
      sources: unite([sources, second.columns[index]?.sources ?? NOTHING]),
    }))
    return { ...first, columns, rows, conditions }
  }
  const base = first.sealed ? first : blurred(first)
  const rest = first.rest === undefined && second.rest === undefined ? undefined : wholeRow(second)
  return {
    ...alsoFrom({ ...base, rest: base.sealed ? undefined : (base.rest ?? rest) }, wholeRow(second)),
    ...{ rows, conditions },
  }
}

/** True when both are the same, column by column. */
export function sameShape(one: Shape, other: Shape): boolean {
  return (
    one.sealed === other.sealed &&
    one.columns.length === other.columns.length &&
    sameSources(one.rows, other.rows) &&
    (one.rest === undefined) === (other.rest === undefined) &&
    sameSources(one.rest ?? NOTHING, other.rest ?? NOTHING) &&
    one.columns.every((column, index) =>
      sameSources(column.sources, other.columns[index]?.sources ?? NOTHING),
    )
  )
}
