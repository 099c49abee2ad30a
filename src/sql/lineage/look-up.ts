import type { Frame, Item, Shape } from './shape.js'
import { wholeRow } from './shape.js'
import { NOTHING, type Sources, unite, unknownSources } from './sources.js'

/** Columns that every table has and that hold nothing of a row (PostgreSQL 18, 5.6). */
const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'])

const NOT_FOUND = unknownSources('a column is not known')
const MAY_BE_CALL = unknownSources('a column could be a call of a function')

/** What `alias.name` can be where there is no such column: the call `name(alias)` (PostgreSQL 18, 8.16.5). */
export interface RowCalls {
  readonly isUserFunction: (name: string) => boolean
  readonly takesRow: (name: string) => boolean
}

/**
 * A name alone. The innermost row that has it wins, but only the text can prove that a row has it: where a relation's
 * definition says so, rows further out count as well. The nearest row of
 * that name can be meant too.
 */
export function lookUpName(name: string, frame: Frame | undefined): Sources {
  const found: Sources[] = []
  let hasRow = false
  for (let current = frame; current !== undefined; current = current.outer) {
    let certain = false
    for (const item of current.items) {
      const inside = columnsNamed(item.shape, name)
      found.push(...inside.sources)
      if (inside.certain) certain = true
    }
    if (certain) return unite(found)
    const rows = hasRow ? [] : current.items.filter(item => item.name === name)
    found.push(...rows.map(row => wholeRow(row.shape)))
    if (rows.length > 0) hasRow = true
  }
  if (found.length > 0) return unite(found)
  return SYSTEM_COLUMNS.has(name) ? NOTHING : NOT_FOUND
}

function columnsNamed(
  { columns, sealed, rest }: Shape,
  name: string,
): { readonly sources: readonly Sources[]; readonly certain: boolean } {
  const sources: Sources[] = []
  let certain = false
  for (const column of columns) {
    if (column.name !== undefined && column.name !== name) continue
    sources.push(column.sources)
    if (sealed && column.name === name) certain = true
  }
  if (rest !== undefined) sources.push(rest)
  return { sources, certain }
}

/** The rows that `alias` means: those of the innermost FROM clause that has it. Undefined when none has. */
export function lookUpRow(alias: string, frame: Frame | undefined): readonly Item[] | undefined {
  for (let current = frame; current !== undefined; current = current.outer) {
    const items = current.items.filter(item => item.name === alias)
    if (items.length > 0) return items
  }
  return undefined
}

/** `alias.name`. */
export function lookUpColumn(
  { alias, name, calls }: { readonly alias: string; readonly name: string; readonly calls: RowCalls },
  frame: Frame | undefined,
): Sources {
  const items = lookUpRow(alias, frame)
  if (items === undefined) return NOT_FOUND
  return unite(items.map(({ shape }) => columnOf(shape, name, calls)))
}

/** Only the text can prove that a row has a column. Where it does not, the name can be a call that tells the whole row. */
export function columnOf(shape: Shape, name: string, calls: RowCalls): Sources {
  const { sources, certain } = columnsNamed(shape, name)
  if (certain) return unite(sources)
  if (calls.isUserFunction(name)) return MAY_BE_CALL
  if (sources.length === 0) return SYSTEM_COLUMNS.has(name) ? NOTHING : NOT_FOUND
  return calls.takesRow(name) ? wholeRow(shape) : unite(sources)
}
