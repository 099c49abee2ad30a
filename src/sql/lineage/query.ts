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
} from '../postgres/syntax-tree.js'
import { isStarTarget } from './expression.js'
import { below, type FromItem, traceFrom } from './from-clause.js'
import { lookUpName, lookUpRow } from './look-up.js'
import { outputName } from './output-name.js'
import { alsoFrom, concatenated, conditionsOf, type Shape, sealedShape, stacked, wholeRow } from './shape.js'
import { NOTHING, type Sources, unite } from './sources.js'
import { type Scope, type Tracer, Untraceable } from './tracer.js'
import { withTables } from './with-clause.js'

/** The rows of a SELECT, VALUES or TABLE, wherever it stands. PostgreSQL 18, "SELECT". */
export function traceQuery(tracer: Tracer, body: Tree, around: Scope): Shape {
  const scope = withTables(tracer, treeAt(body, 'withClause'), { ...around, windows: [] })
  const shape = isSetOperation(body) ? traceBranches(tracer, body, scope) : traceSimple(tracer, body, scope)
  // How many rows are left out can be computed, and then which row comes first tells a value.
  const limit = unite([tracer.expression(body.limitCount, scope), tracer.expression(body.limitOffset, scope)])
  const limited = alsoFrom(shape, limit)
  return { ...limited, rows: unite([limited.rows, limit]) }
}

/** The columns of a select list or of RETURNING. */
export function traceTargets(
  tracer: Tracer,
  targets: readonly unknown[],
  { scope, from }: { readonly scope: Scope; readonly from: FromItem },
): Shape {
  const shapes = targets.map(target => {
    if (isStarTarget(target)) return starShape(target, scope, from)
    const body = bodyOf(target, 'ResTarget')
    if (body === undefined) throw new Untraceable('an output is not followed')
    if (expandsRow(body.val)) throw new Untraceable('a row is expanded')
    const sources = tracer.expression(body.val, scope)
    return sealedShape([{ name: textAt(body, 'name') ?? outputName(body.val), sources }])
  })
  return concatenated(shapes)
}

function traceSimple(tracer: Tracer, body: Tree, scope: Scope): Shape {
  const values = listAt(body, 'valuesLists')
  if (values.length > 0) return traceValues(tracer, values, scope)
  const from = traceFrom(tracer, listAt(body, 'fromClause'), scope)
  const targets = listAt(body, 'targetList')
  const seen = { ...below(scope, from.items, from.star.rows), windows: listAt(body, 'windowClause') }
  const conditions = conditionSources(tracer, body, { scope: seen, from })
  const items = from.items.map(item => ({ ...item, shape: chosen(item.shape, conditions) }))
  const inner = below({ ...seen, frame: scope.frame }, items)
  const star = chosen(from.star, conditions)
  const shape = traceTargets(tracer, targets, { scope: inner, from: { ...from, items, star } })
  const distinct = listAt(body, 'distinctClause').length > 0 ? wholeRow(shape) : NOTHING
  const rows = unite([from.star.rows, rowsOfTargets(tracer, targets, inner), distinct])
  return { ...shape, rows, conditions: unite([conditions, conditionsOf([from.star])]) }
}

/**
 * The conditions of a query, those of joins included. They are no part of lineage, with two exceptions: EXISTS is nothing
 * but its condition, and values that are made up are candidates from which a condition chooses.
 */
function conditionSources(
  tracer: Tracer,
  body: Tree,
  { scope, from }: { readonly scope: Scope; readonly from: FromItem },
): Sources {
  const found = [
    ...[tracer.expression(body.whereClause, scope), tracer.expression(body.havingClause, scope)],
    from.compared,
  ]
  const waiting = [...listAt(body, 'fromClause')]
  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    const join = bodyOf(item, 'JoinExpr')
    if (join === undefined) continue
    found.push(tracer.expression(join.quals, scope))
    for (const name of stringsAt(join, 'usingClause')) found.push(lookUpName(name, scope.frame))
    waiting.push(join.larg, join.rarg)
  }
  return unite(found)
}

function chosen(shape: Shape, conditions: Sources): Shape {
  const also = (sources: Sources): Sources =>
    sources.columns.size === 0 ? unite([sources, conditions]) : sources
  const columns = shape.columns.map(({ name, sources }) => ({ name, sources: also(sources) }))
  return { ...shape, columns, rest: shape.rest === undefined ? undefined : unite([shape.rest, conditions]) }
}

/** `(f(x)).*` gives as many outputs as the row has. */
function expandsRow(value: unknown): boolean {
  return listAt(bodyOf(value, 'A_Indirection') ?? {}, 'indirection').some(
    step => bodyOf(step, 'A_Star') !== undefined,
  )
}

function starShape(target: unknown, scope: Scope, from: FromItem): Shape {
  const reference = bodyOf(bodyOf(target, 'ResTarget')?.val, 'ColumnRef') ?? {}
  const alias = stringOf(listAt(reference, 'fields').at(-2))
  if (alias === undefined) return { ...from.star, rows: NOTHING }
  const rows = lookUpRow(alias, scope.frame)
  if (rows === undefined) throw new Untraceable('a row is not known')
  const [only] = rows
  return rows.length === 1 && only !== undefined
    ? { ...only.shape, rows: NOTHING }
    : { ...concatenated(rows.map(row => row.shape)), sealed: false, rows: NOTHING }
}

/** Functions that give one value for a row or a group: a call of any other in a select list may give any number of rows. */
const ONE_VALUE: ReadonlySet<string> = new Set(
  (
    'count sum avg min max upper lower length now date_trunc extract to_char round abs concat concat_ws left right substr ' +
    'substring trim btrim ltrim rtrim replace reverse md5 row_number rank dense_rank lag lead first_value last_value ' +
    'string_agg array_agg json_agg jsonb_agg bool_and bool_or coalesce to_json to_jsonb row_to_json format floor ceil'
  ).split(' '),
)

/** Functions in a select list can give many rows: their arguments tell how many. */
function rowsOfTargets(tracer: Tracer, targets: readonly unknown[], scope: Scope): Sources {
  return unite(targets.filter(mayGiveRows).map(target => tracer.expression(target, scope)))
}

/** A loop: the tree of an expression can be deep. What is inside of a subquery gives no rows out here. */
function mayGiveRows(target: unknown): boolean {
  const waiting: unknown[] = [target]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (Array.isArray(value)) {
      for (const item of value) waiting.push(item)
      continue
    }
    if (!isTree(value)) continue
    const type = typeOf(value)
    if (type === 'SubLink') {
      waiting.push(bodyOf(value, type)?.testexpr)
      continue
    }
    const call = type === 'FuncCall' ? bodyOf(value, type) : undefined
    const name = call === undefined ? undefined : stringOf(listAt(call, 'funcname').at(-1))
    if (call !== undefined && (name === undefined || !ONE_VALUE.has(name))) return true
    // `(x).name` can be a call as well.
    if (type === 'A_Indirection') return true
    for (const field in value) waiting.push(value[field])
  }
  return false
}

function traceValues(tracer: Tracer, lists: readonly unknown[], scope: Scope): Shape {
  const rows = lists.map(list => listAt(bodyOf(list, 'List') ?? {}, 'items'))
  const width = rows[0]?.length ?? 0
  if (rows.some(row => row.length !== width)) throw new Untraceable('rows of VALUES differ in length')
  const columns = Array.from({ length: width }, (_, index) => ({
    name: `column${index + 1}`,
    sources: unite(rows.map(row => tracer.expression(row[index], scope))),
  }))
  return sealedShape(columns)
}

/** UNION, INTERSECT, EXCEPT. What a set operation compares decides which rows there are. */
function traceBranches(tracer: Tracer, body: Tree, scope: Scope): Shape {
  const [left, right] = [treeAt(body, 'larg'), treeAt(body, 'rarg')]
  if (left === undefined || right === undefined) throw new Untraceable('a set operation has no branches')
  const shape = stacked(tracer.query(left, scope), tracer.query(right, scope))
  const keepsAll = textAt(body, 'op') === 'SETOP_UNION' && body.all === true
  return keepsAll ? shape : { ...shape, rows: unite([shape.rows, wholeRow(shape)]) }
}

function isSetOperation(body: Tree): boolean {
  const operation = textAt(body, 'op')
  return operation !== undefined && operation !== 'SETOP_NONE'
}
