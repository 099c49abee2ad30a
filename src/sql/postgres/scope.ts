import type { ColumnUse } from '../../domain/facts.js'
import type { CommandDraft } from './command-draft.js'

/** Names that are visible from here, innermost first. */
export interface Names {
  readonly names: ReadonlySet<string>
  readonly outer: Names | undefined
}

/** Where the walk is. A change is a new scope; the one of the parent stays as it was. */
export interface Scope {
  readonly command: CommandDraft
  readonly place: ColumnUse['place']
  /** Aliases and tables of the FROM clauses around: a column reference with such a name is a whole row. */
  readonly rows: Names | undefined
  /** Common table expressions around: a relation with such a name is not a relation. */
  readonly tables: Names | undefined
  /** What the column `name` of `pg_settings` is in every row of the query around; undefined when that is not known. */
  readonly settingName?: string | undefined
}

/** True when the name is visible. */
export function isVisible(names: Names | undefined, name: string): boolean {
  for (let current = names; current !== undefined; current = current.outer) {
    if (current.names.has(name)) return true
  }
  return false
}

/** The scope of a clause. Inside WHERE everything is `filter`, whatever a subquery there does with it. */
export function atPlace(scope: Scope, place: ColumnUse['place']): Scope {
  return scope.place === 'output' && place !== 'output' ? { ...scope, place } : scope
}

/** The scope below a FROM clause. */
export function withRows(scope: Scope, names: ReadonlySet<string>): Scope {
  return names.size === 0 ? scope : { ...scope, rows: { names, outer: scope.rows } }
}

/** The scope in which these common table expressions can be named. */
export function withTables(scope: Scope, names: ReadonlySet<string>): Scope {
  return names.size === 0 ? scope : { ...scope, tables: { names, outer: scope.tables } }
}
