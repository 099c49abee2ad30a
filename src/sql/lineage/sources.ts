import type { OutputLineage } from '../../domain/lineage.js'

/** Attribute numbers end at 1600 (`MaxHeapAttributeNumber`), so a column fits one number with its relation's OID. */
const NUMBERS_PER_RELATION = 2048
/** Columns behind one value. More are not told apart: a few hundred wide rows in one expression are no honest query. */
const COLUMNS_MAX = 20_000

/** The columns a value can come from. Immutable: sets are shared. */
export interface Sources {
  readonly columns: ReadonlySet<number>
  /** Why more than these columns can be behind it; undefined when there are no others. */
  readonly unknown: string | undefined
}

/** A constant: from no column. */
export const NOTHING: Sources = { columns: new Set(), unknown: undefined }

/** Sources of values that are a column's own. By identity: whatever makes a new value of them makes new sources. */
const copies = new WeakSet<Sources>()

/** The same columns, for a value that was computed from them. */
export function asComputed(sources: Sources): Sources {
  return copies.has(sources) ? { ...sources } : sources
}

/** From anywhere. `reason` names what could not be followed, never a value. */
export function unknownSources(reason: string): Sources {
  return { columns: NOTHING.columns, unknown: reason }
}

/** One column of a relation. */
export function columnSource(oid: number, number: number): Sources {
  const source = { columns: new Set([oid * NUMBERS_PER_RELATION + number]), unknown: undefined }
  copies.add(source)
  return source
}

/** All of these together. What is unknown anywhere is unknown. Only one alone can still be a column's own value. */
export function unite(parts: readonly Sources[]): Sources {
  const distinct = new Set(parts.filter(part => part.columns.size > 0 || part.unknown !== undefined))
  const telling = [...distinct]
  const [first] = telling
  if (first === undefined) return NOTHING
  if (telling.length === 1) return parts.length === 1 ? first : asComputed(first)
  const unknown = telling.find(part => part.unknown !== undefined)
  if (unknown !== undefined) return unknown
  const columns = new Set<number>()
  for (const part of telling) {
    for (const column of part.columns) columns.add(column)
    if (columns.size > COLUMNS_MAX) return unknownSources('too many columns')
  }
  return { columns, unknown: undefined }
}

/** True when both say the same. */
export function sameSources(one: Sources, other: Sources): boolean {
  if ((one.unknown === undefined) !== (other.unknown === undefined)) return false
  return (
    one.columns.size === other.columns.size && [...one.columns].every(column => other.columns.has(column))
  )
}

/** The same wide row can be behind hundreds of outputs. */
const described = new WeakMap<Sources, OutputLineage>()

/** As it is told outside. */
export function describeSources(sources: Sources): OutputLineage {
  const known = described.get(sources)
  if (known !== undefined) return known
  const told = describe(sources)
  const output: OutputLineage =
    told.kind === 'columns' && copies.has(sources) ? { ...told, isCopy: true } : told
  described.set(sources, output)
  return output
}

function describe({ columns, unknown }: Sources): OutputLineage {
  if (unknown !== undefined) return { kind: 'unknown', reason: unknown }
  const sorted = [...columns].sort((one, other) => one - other)
  return {
    kind: 'columns',
    columns: sorted.map(column => ({
      oid: Math.floor(column / NUMBERS_PER_RELATION),
      number: column % NUMBERS_PER_RELATION,
    })),
  }
}
