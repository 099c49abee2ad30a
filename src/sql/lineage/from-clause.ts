import {
  bodyOf,
  isTree,
  listAt,
  stringsAt,
  type Tree,
  textAt,
  treeAt,
  typeOf,
} from '../postgres/syntax-tree.js'
import { castSources } from './expression.js'
import { joinStar, naturalCondition, usingShape } from './join.js'
import { outputName } from './output-name.js'
import { relationShape } from './relation-shape.js'
import { alsoFrom, concatenated, type Frame, type Item, openShape, renamed, type Shape } from './shape.js'
import { NOTHING, type Sources, unite } from './sources.js'
import { type Scope, type Tables, type Tracer, Untraceable } from './tracer.js'

/** What a FROM item adds: names of rows, and what a `*` gives of it. */
export interface FromItem {
  readonly items: readonly Item[]
  readonly star: Shape
  /** What its natural joins compare. */
  readonly compared: Sources
}

/** Where a FROM item stands: what it can see only with LATERAL is to its left. */
interface Place {
  readonly scope: Scope
  readonly left: readonly Item[]
}

/** The items of a FROM clause, from left to right. PostgreSQL 18, "SELECT", FROM clause. */
export function traceFrom(
  tracer: Tracer,
  nodes: readonly unknown[],
  scope: Scope,
  before: readonly Item[] = [],
): FromItem {
  const items: Item[] = []
  const stars: Shape[] = []
  const compared: Sources[] = []
  for (const node of nodes) {
    const one = traceItem(tracer, node, { scope, left: [...before, ...items] })
    items.push(...one.items)
    stars.push(one.star)
    compared.push(one.compared)
  }
  return { items, star: concatenated(stars), compared: unite(compared) }
}

/** The scope below these rows. */
export function below(scope: Scope, items: readonly Item[], rows: Sources = NOTHING): Scope {
  const frame: Frame = { items, outer: scope.frame }
  return { ...scope, frame, rows: unite([scope.rows, rows]) }
}

/** A relation or a common table expression by its name. */
export function namedShape(tracer: Tracer, body: Tree, tables: Tables | undefined): Shape {
  const name = textAt(body, 'relname') ?? ''
  const schema = textAt(body, 'schemaname')
  if (schema === undefined) {
    for (let table = tables; table !== undefined; table = table.outer) {
      if (table.name === name) return table.shape()
    }
  }
  return relationShape(tracer.catalog, schema, name)
}

/** A shape under its alias, or under the name it has by itself. */
export function aliased(shape: Shape, body: Tree, ownName: string | undefined): FromItem {
  const alias = treeAt(body, 'alias')
  const name = (alias === undefined ? undefined : textAt(alias, 'aliasname')) ?? ownName
  const star = renamed(shape, alias === undefined ? [] : stringsAt(alias, 'colnames'))
  return { items: [{ name, shape: star }], star, compared: NOTHING }
}

function traceItem(tracer: Tracer, node: unknown, place: Place): FromItem {
  const type = isTree(node) ? typeOf(node) : undefined
  const body = type === undefined ? undefined : bodyOf(node, type)
  if (type === undefined || body === undefined) throw new Untraceable('a FROM item has no type')
  switch (type) {
    case 'RangeVar':
      return aliased(namedShape(tracer, body, place.scope.tables), body, textAt(body, 'relname'))
    case 'RangeSubselect':
      return traceSubselect(tracer, body, place)
    case 'JoinExpr':
      return tracer.nested(() => traceJoin(tracer, body, place))
    case 'RangeFunction':
      return traceFunctions(tracer, body, place)
    case 'RangeTableFunc':
      return aliased(computed(tracer, body, place), body, 'xmltable')
    case 'JsonTable':
      return aliased(computed(tracer, body, place), body, 'json_table')
    case 'RangeTableSample':
      return traceSample(tracer, body, place)
    default:
      throw new Untraceable(`${type} is not followed`)
  }
}

function traceSubselect(tracer: Tracer, body: Tree, { scope, left }: Place): FromItem {
  const query = bodyOf(body.subquery, 'SelectStmt')
  if (query === undefined) throw new Untraceable('a subquery is not followed')
  const inner = body.lateral === true ? below(scope, left) : scope
  return aliased(tracer.query(query, { ...inner, windows: [] }), body, undefined)
}

/** ON is a condition. With an alias, the rows of both sides are only known by that. */
function traceJoin(tracer: Tracer, body: Tree, { scope, left }: Place): FromItem {
  const one = traceItem(tracer, body.larg, { scope, left })
  const other = traceItem(tracer, body.rarg, { scope, left: [...left, ...one.items] })
  const using = stringsAt(body, 'usingClause')
  const star = joinStar(one.star, other.star, body.isNatural === true ? 'natural' : using)
  const compared = unite([
    ...[one.compared, other.compared],
    body.isNatural === true ? naturalCondition(one.star, other.star) : NOTHING,
  ])
  if (treeAt(body, 'alias') !== undefined) return { ...aliased(star, body, undefined), compared }
  const items = [...one.items, ...other.items]
  const merged = treeAt(body, 'join_using_alias')
  if (merged === undefined) return { items, star, compared }
  const name = textAt(merged, 'aliasname')
  return { items: [...items, { name, shape: usingShape(one.star, other.star, using) }], star, compared }
}

/** Functions in FROM see what is to their left. Which columns they give is theirs, so each can hold every argument. */
function traceFunctions(tracer: Tracer, body: Tree, place: Place): FromItem {
  const functions = listAt(body, 'functions').map(item => listAt(bodyOf(item, 'List') ?? {}, 'items'))
  const scope = below(place.scope, place.left)
  const definitions = [
    ...listAt(body, 'coldeflist'),
    ...functions.flatMap(items => listAt(bodyOf(items[1], 'List') ?? {}, 'items')),
  ]
  const sources = unite([
    ...functions.map(items => tracer.expression(items[0], scope)),
    ...definitions.map(definition => castSources(tracer, bodyOf(definition, 'ColumnDef')?.typeName)),
  ])
  const name = outputName(functions[0]?.[0])
  if (name === undefined && treeAt(body, 'alias') === undefined) {
    throw new Untraceable('a function in FROM has no name')
  }
  return aliased(openShape(sources, sources), body, name)
}

/** XMLTABLE and JSON_TABLE: every column is computed from all that is given. */
function computed(tracer: Tracer, { alias: _alias, ...body }: Tree, { scope, left }: Place): Shape {
  const sources = tracer.expression(body, below(scope, left))
  return openShape(sources, sources)
}

/** The share of a sample can be computed, and its number of rows tells of it. */
function traceSample(tracer: Tracer, body: Tree, place: Place): FromItem {
  const { items, star, compared } = traceItem(tracer, body.relation, place)
  const share = tracer.expression([body.args, body.repeatable], below(place.scope, place.left))
  const sampled = (shape: Shape): Shape => ({ ...alsoFrom(shape, share), rows: unite([shape.rows, share]) })
  return {
    items: items.map(item => ({ ...item, shape: sampled(item.shape) })),
    star: sampled(star),
    compared,
  }
}
