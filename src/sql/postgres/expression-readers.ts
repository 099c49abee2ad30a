import { isNameColumn, readQuery } from './query-reader.js'
import { atPlace, isVisible, type Scope } from './scope.js'
import { bodyOf, constantText, listAt, stringOf, stringsAt, type Tree, textAt } from './syntax-tree.js'
import type { NodeReader, Walk } from './walk.js'

/** Functions that store something for others to see; the rest of SQL's writing is syntax. */
const WRITING_FUNCTIONS: ReadonlySet<string> = new Set([
  'nextval',
  'setval',
  'lo_creat',
  'lo_create',
  'lo_from_bytea',
  'lo_import',
  'lo_put',
  'lo_truncate',
  'lo_truncate64',
  'lo_unlink',
  'lowrite',
])

/** Nodes of expressions and FROM clauses that need more than a walk over their fields. */
export const EXPRESSION_READERS: readonly (readonly [string, NodeReader])[] = [
  ['ColumnRef', readColumn],
  ['A_Expr', readOperator],
  ['A_Indirection', readIndirection],
  ['FuncCall', readCall],
  ['TypeCast', readCast],
  ['RangeVar', readRange],
  ['JoinExpr', readJoin],
  ['RangeTableSample', readSample],
  ['RangeFunction', readRangeFunction],
  ['ColumnDef', (walk, body, scope) => walk.fields(body, scope, TYPE_ONLY)],
  ['MultiAssignRef', readMultiAssign],
  ['SelectStmt', (walk, body, scope) => readQuery(walk, body, scope, { outermost: false })],
  ['InferClause', (walk, body, scope) => walk.fields(body, atPlace(scope, 'filter'))],
  ['CurrentOfExpr', (walk, body) => void walk.flow.positions.add(textAt(body, 'cursor_name') ?? '')],
  // Names of types stand alone in argument lists of PREPARE, CREATE FUNCTION and the like: nothing is cast there.
  ['TypeName', () => {}],
]

/** A reference: `ssn`, `c.ssn`, `public.customers.ssn`, `c.*`. A single name of a row in scope is that whole row. */
function readColumn(walk: Walk, body: Tree, scope: Scope): void {
  const fields = listAt(body, 'fields')
  const last = fields.at(-1)
  const name = stringOf(last)
  if (name === undefined) {
    // A star inside an expression, `row_to_json(c.*)`: the columns travel as a row and without names.
    if (bodyOf(last, 'A_Star') !== undefined) {
      walk.flow.wholeRow = true
      walk.flow.innerStar = true
    }
    return
  }
  if (fields.length === 1 && isVisible(scope.rows, name)) walk.flow.wholeRow = true
  walk.column(scope, fields.length > 1 ? stringOf(fields.at(-2)) : undefined, name)
}

/** Operators in a row, `a || b || c`, lean to the left: a loop, so that their number does not count as depth. */
function readOperator(walk: Walk, body: Tree, scope: Scope): void {
  const right: unknown[] = [body.rexpr]
  let left = body.lexpr
  for (let next = bodyOf(left, 'A_Expr'); next !== undefined; next = bodyOf(left, 'A_Expr')) {
    right.push(next.rexpr)
    left = next.lexpr
  }
  walk.visit(left, scope)
  for (const operand of right.reverse()) walk.visit(operand, scope)
}

/**
 * `(c).ssn`, `(f(x)).name`, `a[b]`. The field is a column of something, or a function of one argument in the notation of
 * columns: `('postgresql.conf'::text).pg_read_file` reads that file (PostgreSQL 18, 8.16.5). So it counts as both.
 */
function readIndirection(walk: Walk, body: Tree, scope: Scope): void {
  walk.visit(body.arg, scope)
  for (const step of listAt(body, 'indirection')) {
    const name = stringOf(step)
    if (name !== undefined) {
      walk.column(scope, undefined, name)
      noteCall(walk, [name], scope)
    } else if (bodyOf(step, 'A_Star') !== undefined) {
      walk.flow.wholeRow = true
      walk.flow.innerStar = true
    } else walk.visit(step, scope)
  }
}

function readCall(walk: Walk, body: Tree, scope: Scope): void {
  readFunction(walk, body, scope)
  if (body.agg_within_group !== true) walk.fields(body, scope, NAME_ONLY)
  else {
    // Within a group the ordered values are the arguments: `mode() WITHIN GROUP (ORDER BY ssn)` returns one.
    walk.fields(body, scope, NAME_AND_ORDER)
    walk.visit(body.agg_order, scope)
  }
}

/** The type of a column that is defined is no cast. */
const TYPE_ONLY: ReadonlySet<string> = new Set(['typeName'])
const NAME_ONLY: ReadonlySet<string> = new Set(['funcname'])
const NAME_AND_ORDER: ReadonlySet<string> = new Set(['funcname', 'agg_order'])

/** Notes a function, and what is known of it by its name. */
export function readFunction(walk: Walk, body: Tree, scope: Scope): void {
  const path = stringsAt(body, 'funcname')
  noteCall(walk, path, scope)
  if (path.at(-1) === 'set_config') readSetConfig(walk, listAt(body, 'args'), scope)
}

function noteCall(walk: Walk, path: readonly string[], scope: Scope): void {
  walk.call(scope, path)
  if (WRITING_FUNCTIONS.has(path.at(-1) ?? '')) scope.command.writes = true
}

/** `set_config(name, value, local)` is SET in another form. A name that is computed could be any: `*`. */
function readSetConfig(walk: Walk, values: readonly unknown[], scope: Scope): void {
  const named = values.some(value => bodyOf(value, 'NamedArgExpr') !== undefined)
  const known = isNameColumn(values[0]) ? scope.settingName : constantText(values[0])
  const name = named ? undefined : known
  // A value that is only known when it runs is `*` too: it must not pass for the absent value of DEFAULT.
  walk.setting(scope, { name: name ?? '*', value: (named ? undefined : constantText(values[1])) ?? '*' })
}

function readCast(walk: Walk, body: Tree, scope: Scope): void {
  walk.cast(body.typeName)
  walk.visit(body.arg, scope)
}

function readRange(walk: Walk, body: Tree, scope: Scope): void {
  walk.alias(body.alias)
  walk.range(body, scope)
}

/** The columns of USING are named as plain strings. */
function readJoin(walk: Walk, body: Tree, scope: Scope): void {
  for (const name of stringsAt(body, 'usingClause')) walk.column(atPlace(scope, 'filter'), undefined, name)
  walk.fields(body, scope)
}

/** `TABLESAMPLE method(…)`: the method is a function of the server's, also one of an extension. */
function readSample(walk: Walk, body: Tree, scope: Scope): void {
  walk.call(scope, stringsAt(body, 'method'))
  walk.fields(body, scope)
}

/** The column list of a function that returns records says what its values are read as: `AS r(ssn bytea)`. */
function readRangeFunction(walk: Walk, body: Tree, scope: Scope): void {
  readTypes(walk, listAt(body, 'coldeflist'))
  for (const item of listAt(body, 'functions')) {
    const list = bodyOf(item, 'List')
    const columns = list === undefined ? undefined : bodyOf(listAt(list, 'items')[1], 'List')
    if (columns !== undefined) readTypes(walk, listAt(columns, 'items'))
  }
  walk.fields(body, scope)
}

function readTypes(walk: Walk, columns: readonly unknown[]): void {
  for (const column of columns) walk.cast(bodyOf(column, 'ColumnDef')?.typeName)
}

/** `SET (a, b) = (SELECT …)` repeats the source for every column: once is enough, and more would be quadratic. */
function readMultiAssign(walk: Walk, body: Tree, scope: Scope): void {
  if (body.colno === 1) walk.visit(body.source, scope)
}
