import { rangeNames } from './range-names.js'
import { isVisible, type Scope, withRows, withTables } from './scope.js'
import {
  bodyOf,
  constantText,
  isTree,
  listAt,
  stringsAt,
  type Tree,
  textAt,
  treeAt,
  typeOf,
} from './syntax-tree.js'
import type { StatementOptions, Walk } from './walk.js'

/** Fields that are read out of order or that name nothing: FOR UPDATE OF names aliases. */
const READ_APART: ReadonlySet<string> = new Set([
  'withClause',
  'intoClause',
  'fromClause',
  'targetList',
  'lockingClause',
  'larg',
  'rarg',
])

/** Reads a SELECT, VALUES or TABLE into the command of the scope, wherever it stands. PostgreSQL 18, "SELECT". */
export function readQuery(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const outer = readWith(walk, treeAt(body, 'withClause'), around)
  const from = listAt(body, 'fromClause')
  const rows = from.length === 0 ? outer : withRows(outer, rangeNames(from))
  const scope = { ...rows, settingName: settingNameOf(body, from, outer) }
  const into = treeAt(body, 'intoClause')
  if (into !== undefined) readInto(walk, into, scope)
  if (listAt(body, 'lockingClause').length > 0) scope.command.writes = true
  if (from.length > 0) walk.visit(from, scope)
  readResults(walk, listAt(body, 'targetList'), scope, {
    outermost: options.outermost && into === undefined,
  })
  readBranches(walk, body, scope, options)
  walk.fields(body, scope, READ_APART)
}

/** Reads a list of result columns. A `*` that is not among the statement's own results carries columns unnamed. */
export function readResults(
  walk: Walk,
  items: readonly unknown[],
  scope: Scope,
  options: StatementOptions,
): void {
  for (const item of items) {
    const target = bodyOf(item, 'ResTarget')
    if (target === undefined) walk.visit(item, scope)
    else if (!isStar(target.val)) walk.visit(target.val, scope)
    else if (!options.outermost) walk.flow.innerStar = true
  }
}

/** Reads the common table expressions of a statement and gives the scope in which their names are known. */
export function readWith(walk: Walk, clause: Tree | undefined, around: Scope): Scope {
  if (clause === undefined) return around
  const expressions = listAt(clause, 'ctes')
  const recursive = clause.recursive === true
  let scope = recursive ? withTables(around, new Set(expressions.map(nameOf))) : around
  for (const expression of expressions) {
    const body = bodyOf(expression, 'CommonTableExpr')
    if (body === undefined) continue
    if (listAt(body, 'aliascolnames').length > 0) walk.flow.renamesColumns = true
    walk.visit(body.ctequery, scope)
    if (!recursive) scope = withTables(scope, new Set([nameOf(expression)]))
  }
  return scope
}

/** Reads where a query's rows are stored: SELECT INTO, CREATE TABLE AS, CREATE MATERIALIZED VIEW. */
export function readInto(walk: Walk, into: Tree, scope: Scope): void {
  walk.target(into.rel, scope)
  if (listAt(into, 'colNames').length > 0) walk.flow.renamesColumns = true
  walk.flow.storesData = true
  scope.command.writes = true
  scope.command.defines = true
}

/** UNION, INTERSECT, EXCEPT. Long ones lean to the left: a loop, so that their number does not count as depth. */
function readBranches(walk: Walk, body: Tree, scope: Scope, options: StatementOptions): void {
  if (!isSetOperation(body)) return
  walk.flow.setOperation = true
  const branches: (Tree | undefined)[] = [treeAt(body, 'rarg')]
  let left = treeAt(body, 'larg')
  while (
    left !== undefined &&
    isSetOperation(left) &&
    !CLAUSES.some(clause => left?.[clause] !== undefined)
  ) {
    branches.push(treeAt(left, 'rarg'))
    left = treeAt(left, 'larg')
  }
  branches.push(left)
  for (const branch of branches.reverse()) {
    // A branch is a body without its wrapping; `descend` keeps count of the depth.
    if (branch !== undefined) walk.descend(() => readQuery(walk, branch, scope, options))
  }
}

/**
 * The setting that `… FROM pg_settings WHERE name = 'constant'` is about: pg_dump calls `set_config(name, …)` like this, so
 * that a server without the setting does not fail. Nothing else may be in FROM or WHERE.
 */
function settingNameOf(body: Tree, from: readonly unknown[], around: Scope): string | undefined {
  const range = from.length === 1 ? bodyOf(from[0], 'RangeVar') : undefined
  const where = bodyOf(body.whereClause, 'A_Expr')
  if (range === undefined || where === undefined || textAt(range, 'relname') !== 'pg_settings')
    return undefined
  if (isVisible(around.tables, 'pg_settings') || range.alias !== undefined) return undefined
  if ((textAt(range, 'schemaname') ?? 'pg_catalog') !== 'pg_catalog') return undefined
  const isEquality = textAt(where, 'kind') === 'AEXPR_OP' && stringsAt(where, 'name').join('.') === '='
  // A constant with a cast could be of a type whose equality is another one.
  const isPlain = bodyOf(where.rexpr, 'A_Const') !== undefined
  return isEquality && isPlain && isNameColumn(where.lexpr) ? constantText(where.rexpr) : undefined
}

/** True for the column reference `name`. */
export function isNameColumn(value: unknown): boolean {
  const column = bodyOf(value, 'ColumnRef')
  return (
    column !== undefined && listAt(column, 'fields').length === 1 && stringsAt(column, 'fields')[0] === 'name'
  )
}

/** What a set operation in parentheses can have of its own. */
const CLAUSES = ['withClause', 'sortClause', 'limitCount', 'limitOffset', 'lockingClause']

function isSetOperation(body: Tree): boolean {
  const operation = textAt(body, 'op')
  return operation !== undefined && operation !== 'SETOP_NONE'
}

/** True for `*` and `alias.*` themselves. */
function isStar(value: unknown): boolean {
  if (!isTree(value)) return false
  const type = typeOf(value)
  if (type !== 'ColumnRef') return false
  const fields = listAt(treeAt(value, type) ?? {}, 'fields')
  return bodyOf(fields.at(-1), 'A_Star') !== undefined
}

function nameOf(expression: unknown): string {
  const body = bodyOf(expression, 'CommonTableExpr')
  return (body === undefined ? undefined : textAt(body, 'ctename')) ?? ''
}
