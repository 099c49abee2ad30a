import { outputName } from '../lineage/output-name.js'
import {
  bodyOf,
  isTree,
  listAt,
  stringOf,
  stringsAt,
  type Tree,
  textAt,
  treeAt,
  typeOf,
} from './syntax-tree.js'

/** One item of a select list or of RETURNING. */
export type Item =
  | { readonly kind: 'star' }
  /** A column and nothing else; `as` is the name under which it travels on. */
  | {
      readonly kind: 'column'
      readonly qualifier: string | undefined
      readonly name: string
      readonly as: string
    }
  /** `as` is undefined where nobody says how PostgreSQL names it. */
  | { readonly kind: 'expression'; readonly value: unknown; readonly as: string | undefined }

/** A query without its set operations. */
export interface Leaf {
  readonly body: Tree
  readonly items: readonly Item[]
  /** UNION, INTERSECT, EXCEPT around it compare its rows; UNION ALL does not. */
  readonly compared: boolean
}

/** The parts of a query, leftmost first, and the set operations above them, whose own clauses count too. */
export interface SelectShape {
  readonly leaves: readonly Leaf[]
  readonly operations: readonly Tree[]
}

/** Takes a query apart. A loop: long set operations are deep trees. */
export function readShape(query: Tree): SelectShape {
  const leaves: Leaf[] = []
  const operations: Tree[] = []
  const waiting = [{ body: query, compared: false }]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { body, compared } = next
    const operation = textAt(body, 'op')
    if (operation === undefined || operation === 'SETOP_NONE') {
      leaves.push({ body, compared, items: readItems(listAt(body, 'targetList')) })
      continue
    }
    operations.push(body)
    const compares = compared || operation !== 'SETOP_UNION' || body.all !== true
    for (const side of ['rarg', 'larg']) {
      const branch = treeAt(body, side)
      if (branch !== undefined) waiting.push({ body: branch, compared: compares })
    }
  }
  return { leaves, operations }
}

/** The items of a select list or of RETURNING. */
export function readItems(list: readonly unknown[]): readonly Item[] {
  return list.map((item): Item => {
    const target = bodyOf(item, 'ResTarget')
    const value = target === undefined ? item : target.val
    const alias = target === undefined ? undefined : textAt(target, 'name')
    const path = listAt(bodyOf(value, 'ColumnRef') ?? {}, 'fields')
    if (path.length === 0) return { kind: 'expression', value, as: alias ?? outputName(value) }
    const name = stringOf(path.at(-1))
    if (name === undefined) return { kind: 'star' }
    return { kind: 'column', qualifier: stringOf(path.at(-2)), name, as: alias ?? name }
  })
}

/** What a FROM item or a common table expression selects from: the query, or the modification behind RETURNING. */
export function readSource(value: unknown): readonly (readonly Item[])[] {
  const query = bodyOf(value, 'SelectStmt')
  if (query !== undefined) return readShape(query).leaves.map(leaf => leaf.items)
  const type = isTree(value) ? typeOf(value) : undefined
  const body = type === undefined ? undefined : bodyOf(value, type)
  const returning = body === undefined ? undefined : treeAt(body, 'returningClause')
  return returning === undefined ? [] : [readItems(listAt(returning, 'exprs'))]
}

/** The number of an output that ORDER BY, GROUP BY or DISTINCT ON names by its place, from 1. */
export function placeOf(value: unknown): number | undefined {
  const constant = bodyOf(value, 'A_Const')
  const integer = constant === undefined ? undefined : treeAt(constant, 'ival')
  return integer !== undefined && typeof integer.ival === 'number' ? integer.ival : undefined
}

/** The expressions of ORDER BY, GROUP BY or DISTINCT ON, without what is wrapped around them. */
export function keysOf(list: readonly unknown[]): readonly unknown[] {
  const keys: unknown[] = []
  const waiting = [...list]
  for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
    const sort = bodyOf(key, 'SortBy')
    const grouping = bodyOf(key, 'GroupingSet')
    if (grouping !== undefined) waiting.push(...listAt(grouping, 'content'))
    else keys.push(sort === undefined ? key : sort.node)
  }
  return keys
}

/** The names in a list of columns, `c(a, b)`. */
export function columnList(alias: Tree | undefined): readonly string[] {
  return alias === undefined ? [] : stringsAt(alias, 'colnames')
}
