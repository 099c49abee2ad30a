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
import { columnOf, lookUpColumn, lookUpName, lookUpRow, type RowCalls } from './look-up.js'
import { isBuiltInOperator } from './operators.js'
import { wholeRow } from './shape.js'
import { NOTHING, type Sources, unite, unknownSources } from './sources.js'
import type { Scope, Tracer } from './tracer.js'

type Reader = (tracer: Tracer, body: Tree, scope: Scope) => Sources

/** Nodes that compute from what is in them and from nothing else. */
const COMPUTING = (
  'List BoolExpr NullTest BooleanTest CaseExpr CaseWhen CoalesceExpr MinMaxExpr A_ArrayExpr RowExpr A_Indices ' +
  'NamedArgExpr SortBy XmlExpr XmlSerialize CollateClause JsonObjectConstructor JsonArrayConstructor JsonKeyValue ' +
  'JsonValueExpr JsonParseExpr JsonScalarExpr JsonSerializeExpr JsonIsPredicate JsonFuncExpr JsonArgument ' +
  'JsonBehavior JsonOutput JsonReturning JsonFormat RangeTableFuncCol JsonTableColumn JsonTablePathSpec ResTarget ' +
  'MultiAssignRef'
).split(' ')

/** Nodes that stand for no column's value. */
const CONSTANT =
  'A_Const String Integer Float Boolean BitString ParamRef SQLValueFunction GroupingFunc SetToDefault MergeSupportFunc'.split(
    ' ',
  )

const READERS: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ...COMPUTING.map((type): [string, Reader] => [type, traceFields]),
  ...CONSTANT.map((type): [string, Reader] => [type, () => NOTHING]),
  ['ColumnRef', traceColumn],
  ['A_Expr', traceOperator],
  ['A_Indirection', traceIndirection],
  ['TypeCast', traceFields],
  ['FuncCall', traceCall],
  ['SubLink', traceSubLink],
  ['JsonObjectAgg', traceJsonAggregate],
  ['JsonArrayAgg', traceJsonAggregate],
  ['JsonArrayQueryConstructor', traceJsonQuery],
])

/** Where the value of an expression can come from. A node that nobody listed can hold anything. */
export function traceExpression(tracer: Tracer, node: unknown, scope: Scope): Sources {
  if (Array.isArray(node)) return unite(node.map(item => tracer.expression(item, scope)))
  if (!isTree(node)) return NOTHING
  const type = typeOf(node)
  if (type === undefined) return traceFields(tracer, node, scope)
  const reader = READERS.get(type)
  return reader === undefined
    ? unknownSources(`${type} is not followed`)
    : reader(tracer, treeAt(node, type) ?? {}, scope)
}

function traceFields(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const found: Sources[] = []
  for (const field in body) {
    const value = body[field]
    if (typeof value !== 'object') continue
    found.push(field === 'typeName' ? castSources(tracer, value) : tracer.expression(value, scope))
  }
  return unite(found)
}

/** A cast to a type that is not built in runs code: its input function, a domain's check. */
export function castSources(tracer: Tracer, typeName: unknown): Sources {
  const names = isTree(typeName) ? stringsAt(typeName, 'names') : []
  const written = names[0] === 'pg_catalog' ? names.slice(1) : names
  const [name] = written
  const known = written.length === 1 && name !== undefined && tracer.options.isBuiltInType(name)
  return known ? NOTHING : unknownSources('a type is not built in')
}

/** What `alias.name` can be beside a column. */
export function rowCalls({ catalog, options }: Tracer): RowCalls {
  return {
    isUserFunction: name => catalog.userFunctions.has(name),
    takesRow: name => options.takesRow(name),
  }
}

/** `name`, `alias.name`, `schema.table.name`, and each with a star, which is the row as one value here. */
function traceColumn(tracer: Tracer, body: Tree, { frame }: Scope): Sources {
  const fields = listAt(body, 'fields')
  const last = fields.at(-1)
  const alias = stringOf(fields.at(-2))
  if (bodyOf(last, 'A_Star') !== undefined) {
    const rows = alias === undefined ? undefined : lookUpRow(alias, frame)
    return rows === undefined
      ? unknownSources('a row is not known')
      : unite(rows.map(row => wholeRow(row.shape)))
  }
  const name = stringOf(last)
  if (name === undefined) return unknownSources('a reference is not followed')
  if (alias === undefined)
    return fields.length === 1 ? lookUpName(name, frame) : unknownSources('a reference is not followed')
  // With a schema the row is found by its relation, wherever it is: only the nearest of that name is looked at, and all
  // further out, so that none is missed.
  if (fields.length > 2) return traceQualified(tracer, alias, name, frame)
  return lookUpColumn({ alias, name, calls: rowCalls(tracer) }, frame)
}

function traceQualified(tracer: Tracer, alias: string, name: string, frame: Scope['frame']): Sources {
  const found: Sources[] = []
  for (let current = frame; current !== undefined; current = current.outer) {
    for (const item of current.items) {
      if (item.name === alias) found.push(columnOf(item.shape, name, rowCalls(tracer)))
    }
  }
  return found.length === 0 ? unknownSources('a row is not known') : unite(found)
}

/** Operators in a row, `a || b || c`, lean to the left: a loop, so that their number does not count as depth. */
function traceOperator(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const found: Sources[] = []
  let current: Tree | undefined = body
  while (current !== undefined) {
    found.push(operatorSources(tracer, current), tracer.expression(current.rexpr, scope))
    const left: Tree | undefined = bodyOf(current.lexpr, 'A_Expr')
    if (left === undefined) found.push(tracer.expression(current.lexpr, scope))
    current = left
  }
  return unite(found)
}

function operatorSources({ catalog }: Tracer, body: Tree): Sources {
  const name = listAt(body, 'name').map(stringOf)
  const [first, second] = name
  const operator =
    name.length === 2 && first === 'pg_catalog' ? second : name.length === 1 ? first : undefined
  const words = WORD_KINDS.has(textAt(body, 'kind') ?? '')
  const isOwn = (one: string): boolean => catalog.code?.operators.has(one) === true
  const isKnown = words
    ? !WORD_OPERATORS.some(isOwn)
    : operator !== undefined && isBuiltInOperator(operator) && !isOwn(operator)
  if (isKnown) return NOTHING
  return unknownSources('an operator is not built in')
}

/** BETWEEN has its own word in the place of an operator's name. */
const WORD_KINDS: ReadonlySet<string> = new Set([
  'AEXPR_BETWEEN',
  'AEXPR_NOT_BETWEEN',
  'AEXPR_BETWEEN_SYM',
  'AEXPR_NOT_BETWEEN_SYM',
])
const WORD_OPERATORS = ['>=', '<=', '<', '>']

/**
 * `a[1]`, `(c).name`. A name can be a function's (8.16.5): it is taken for a field where the row in scope has it, or where
 * a function of the name would compute from its argument.
 */
function traceIndirection(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const steps = listAt(body, 'indirection')
  const found = [tracer.expression(body.arg, scope)]
  steps.forEach((step, index) => {
    const name = stringOf(step)
    if (name !== undefined)
      found.push(fieldSources(tracer, name, index === 0 ? rowNamed(body.arg, scope) : undefined))
    else if (bodyOf(step, 'A_Star') === undefined) found.push(tracer.expression(step, scope))
  })
  return unite(found)
}

function fieldSources(tracer: Tracer, name: string, names: ReadonlySet<string> | undefined): Sources {
  if (tracer.catalog.userFunctions.has(name)) return unknownSources('a field could be a call of a function')
  const known = names?.has(name) === true || tracer.options.isTraceable(name)
  return known ? NOTHING : unknownSources('a field is not known')
}

/** The columns of the row that `(c).name` speaks of, when it speaks of one. */
function rowNamed(node: unknown, { frame }: Scope): ReadonlySet<string> | undefined {
  const fields = listAt(bodyOf(node, 'ColumnRef') ?? {}, 'fields')
  const alias = fields.length === 1 ? stringOf(fields[0]) : undefined
  const rows = alias === undefined ? undefined : lookUpRow(alias, frame)
  return rows && new Set(rows.flatMap(row => row.shape.columns.flatMap(({ name }) => name ?? [])))
}

/** A function of the server, an aggregate or a window function: its arguments, and how many rows there are. */
function traceCall(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const path = listAt(body, 'funcname').map(stringOf)
  const name = path.at(-1)
  const builtIn = path.length === 1 || (path.length === 2 && path[0] === 'pg_catalog')
  const { options, catalog } = tracer
  if (name === undefined || !builtIn || catalog.userFunctions.has(name) || !options.isTraceable(name)) {
    return unknownSources('a function is not followed')
  }
  return unite([
    tracer.expression(body.args, scope),
    tracer.expression(body.agg_filter, scope),
    tracer.expression(body.agg_order, scope),
    overSources(tracer, treeAt(body, 'over'), scope),
    scope.rows,
  ])
}

function overSources(tracer: Tracer, over: Tree | undefined, scope: Scope): Sources {
  if (over === undefined) return NOTHING
  const named = over.name !== undefined || over.refname !== undefined
  const windows = named ? scope.windows.map(window => bodyOf(window, 'WindowDef') ?? {}) : []
  return unite(
    [over, ...windows].map(window =>
      tracer.expression(
        WINDOW_PARTS.map(part => window[part]),
        scope,
      ),
    ),
  )
}

const WINDOW_PARTS = ['partitionClause', 'orderClause', 'startOffset', 'endOffset']

function traceJsonAggregate(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const made = treeAt(body, 'constructor') ?? {}
  const { over, output, agg_filter: filter, agg_order: order } = made
  return unite([
    tracer.expression(body.arg, scope),
    tracer.expression([filter, order, output], scope),
    overSources(tracer, isTree(over) ? over : undefined, scope),
    scope.rows,
  ])
}

function traceJsonQuery(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const shape = tracer.query(bodyOf(body.query, 'SelectStmt') ?? {}, scope)
  return unite([wholeRow(shape), shape.rows, tracer.expression(body.output, scope)])
}

/**
 * A query as a value. EXISTS only tells whether there are rows, so its conditions count; what its select list names counts
 * all the same, but a `*` there, which nobody reads, does not, except below a set operation, which compares.
 */
function traceSubLink(tracer: Tracer, body: Tree, scope: Scope): Sources {
  const query = bodyOf(body.subselect, 'SelectStmt')
  if (query === undefined) return unknownSources('a subquery is not followed')
  const isExists = textAt(body, 'subLinkType') === 'EXISTS_SUBLINK'
  const shape = tracer.query(isExists ? withoutStars(query) : query, scope)
  const operator =
    listAt(body, 'operName').length === 0 ? NOTHING : operatorSources(tracer, { name: body.operName })
  const conditions = isExists ? (shape.conditions ?? NOTHING) : NOTHING
  return unite([tracer.expression(body.testexpr, scope), operator, wholeRow(shape), shape.rows, conditions])
}

function withoutStars(query: Tree): Tree {
  if ((textAt(query, 'op') ?? 'SETOP_NONE') !== 'SETOP_NONE') return query
  return { ...query, targetList: listAt(query, 'targetList').filter(target => !isStarTarget(target)) }
}

/** True for `*` and `alias.*` in a select list. */
export function isStarTarget(target: unknown): boolean {
  const reference = bodyOf(bodyOf(target, 'ResTarget')?.val, 'ColumnRef')
  return reference !== undefined && bodyOf(listAt(reference, 'fields').at(-1), 'A_Star') !== undefined
}
