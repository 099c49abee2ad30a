import { bodyOf, isTree, listAt, stringOf, type Tree, textAt, treeAt, typeOf } from './syntax-tree.js'

/**
 * What a condition comes to, as far as its text says. `reads`: it depends on a column. `open`: it is the same for all
 * rows, but only running it tells. `never` stands for false and for NULL.
 */
type Weight = 'always' | 'never' | 'open' | 'reads'

/** Levels of a condition that are looked at. Below that it counts as `open`: a filter has to be plain. */
const CONDITION_DEPTH_MAX = 50

/** Whose columns say which rows are meant. */
export interface Rows {
  /** The name of the table that changes; its columns may stand without it. */
  readonly target: string | undefined
  /** Columns of other tables count too: in a branch of MERGE source and target row belong together. */
  readonly othersCount: boolean
}

/**
 * True when a condition picks rows by what is in them: it reads a column and the text does not make it true for every
 * row (`1 = 1`, `id = id`, `id > 5 OR true`, `NOT false`, `ssn LIKE '%'`). This is a guard against accidents and lazy
 * evasion; no text can show that `id > 0` leaves anything out.
 */
export function isFilter(condition: unknown, rows: Rows): boolean {
  return condition !== undefined && weigh(condition, rows, 0) === 'reads'
}

function weigh(node: unknown, rows: Rows, depth: number): Weight {
  if (!isTree(node) || depth > CONDITION_DEPTH_MAX) return 'open'
  const type = typeOf(node) ?? ''
  const body = treeAt(node, type)
  if (body === undefined) return 'open'
  switch (type) {
    case 'A_Const':
      return weighConstant(body)
    case 'BoolExpr':
      return weighBoolean(body, rows, depth + 1)
    case 'A_Expr':
      return weighOperator(node, body, rows)
    case 'BooleanTest':
      return weighBooleanTest(body, rows, depth + 1)
    case 'CaseExpr':
      return weighCase(body, rows, depth + 1)
    case 'TypeCast':
      return weigh(body.arg, rows, depth + 1)
    case 'CurrentOfExpr':
      return 'reads'
    default:
      return readsRow(node, rows) ? 'reads' : 'open'
  }
}

function weighConstant(body: Tree): Weight {
  if (body.isnull === true) return 'never'
  const boolean = treeAt(body, 'boolval')
  if (boolean === undefined) return 'open'
  return boolean.boolval === true ? 'always' : 'never'
}

function weighBoolean(body: Tree, rows: Rows, depth: number): Weight {
  const parts = listAt(body, 'args')
  const weights = parts.map(part => weigh(part, rows, depth))
  switch (textAt(body, 'boolop')) {
    case 'NOT_EXPR':
      return weights[0] === 'always' ? 'never' : weights[0] === 'never' ? 'always' : (weights[0] ?? 'open')
    case 'OR_EXPR':
      if (weights.includes('always') || hasOpposites(parts, rows)) return 'always'
      if (weights.includes('open')) return 'open'
      return weights.includes('reads') ? 'reads' : 'never'
    default:
      if (weights.includes('never')) return 'never'
      if (weights.includes('reads')) return 'reads'
      return weights.includes('open') ? 'open' : 'always'
  }
}

const REFLEXIVE: ReadonlySet<string> = new Set(['=', '<=', '>=', '~~', '~~*'])
const IRREFLEXIVE: ReadonlySet<string> = new Set(['<>', '<', '>', '!~~', '!~~*'])
const LIKE_KINDS: ReadonlySet<string> = new Set(['AEXPR_LIKE', 'AEXPR_ILIKE'])

function weighOperator(node: Tree, body: Tree, rows: Rows): Weight {
  if (!readsRow(node, rows)) return 'open'
  const operator = stringOf(listAt(body, 'name').at(-1)) ?? ''
  const kind = textAt(body, 'kind') ?? ''
  const left = shape(body.lexpr, rows)
  if (LIKE_KINDS.has(kind) && operator.startsWith('~~') && matchesAll(body.rexpr)) return 'always'
  if (kind === 'AEXPR_DISTINCT' || kind === 'AEXPR_NOT_DISTINCT') {
    if (left !== shape(body.rexpr, rows)) return 'reads'
    return kind === 'AEXPR_NOT_DISTINCT' ? 'always' : 'never'
  }
  // IN, BETWEEN and their kin compare with a list.
  const others = bodyOf(body.rexpr, 'List')
  if (others !== undefined) {
    const same = listAt(others, 'items').map(item => shape(item, rows) === left)
    const trivial = kind === 'AEXPR_IN' ? operator === '=' && same.includes(true) : !same.includes(false)
    return trivial ? 'always' : 'reads'
  }
  if (kind !== 'AEXPR_OP' && !LIKE_KINDS.has(kind)) return 'reads'
  if (left !== shape(body.rexpr, rows)) return 'reads'
  if (REFLEXIVE.has(operator)) return 'always'
  return IRREFLEXIVE.has(operator) ? 'never' : 'reads'
}

function weighBooleanTest(body: Tree, rows: Rows, depth: number): Weight {
  const weight = weigh(body.arg, rows, depth)
  const test = textAt(body, 'booltesttype') ?? ''
  if (weight === 'reads' || weight === 'open') return weight
  const holds = weight === 'always' ? ['IS_TRUE', 'IS_NOT_FALSE'] : ['IS_FALSE', 'IS_NOT_TRUE']
  // `never` may be NULL, for which IS UNKNOWN holds.
  return holds.includes(test) || test.endsWith('UNKNOWN') ? 'always' : 'never'
}

function weighCase(body: Tree, rows: Rows, depth: number): Weight {
  const results = listAt(body, 'args').map(branch => bodyOf(branch, 'CaseWhen')?.result)
  const weights = [...results, body.defresult].map(result =>
    result === undefined ? 'never' : weigh(result, rows, depth),
  )
  if (weights.includes('reads')) return 'reads'
  if (weights.includes('open')) return 'open'
  if (!weights.includes('never')) return 'always'
  return readsRow({ CaseExpr: body }, rows) ? 'reads' : 'open'
}

const OPPOSITES: ReadonlyMap<string, string> = new Map([
  ['=', '<>'],
  ['<', '>='],
  ['>', '<='],
])

/** True when two branches of an OR are a condition and its contrary: `a IS NULL OR a IS NOT NULL`. */
function hasOpposites(parts: readonly unknown[], rows: Rows): boolean {
  const seen = new Set(parts.map(part => shape(part, rows)))
  return parts.some(part => {
    const negated = bodyOf(part, 'BoolExpr')
    if (negated !== undefined && textAt(negated, 'boolop') === 'NOT_EXPR') {
      return seen.has(shape(listAt(negated, 'args')[0], rows))
    }
    const test = bodyOf(part, 'NullTest')
    if (test !== undefined && textAt(test, 'nulltesttype') === 'IS_NULL') {
      return seen.has(shape({ NullTest: { ...test, nulltesttype: 'IS_NOT_NULL' } }, rows))
    }
    const expression = bodyOf(part, 'A_Expr')
    const opposite = OPPOSITES.get(stringOf(listAt(expression ?? {}, 'name')[0]) ?? '')
    if (expression === undefined || opposite === undefined) return false
    return seen.has(shape({ A_Expr: { ...expression, name: [{ String: { sval: opposite } }] } }, rows))
  })
}

/** True for a pattern of `%` alone: every text but NULL matches. */
function matchesAll(pattern: unknown): boolean {
  const constant = bodyOf(pattern, 'A_Const')
  const string = constant === undefined ? undefined : treeAt(constant, 'sval')
  return string !== undefined && /^%+$/.test(textAt(string, 'sval') ?? '')
}

/** The tree as text without the places in the source: equal for equal expressions, `id` and `orders.id` included. */
function shape(value: unknown, { target }: Rows): string {
  const plain = (field: string, inner: unknown): unknown => {
    if (field === 'location') return undefined
    const ownColumn =
      field === 'fields' && Array.isArray(inner) && inner.length > 1 && stringOf(inner.at(-2)) === target
    return ownColumn ? inner.slice(-1) : inner
  }
  return JSON.stringify(value, plain) ?? ''
}

/** True when a column reference below counts. Columns of a subquery's own tables do not say which rows are meant. */
function readsRow(value: unknown, rows: Rows): boolean {
  if (Array.isArray(value)) return value.some(item => readsRow(item, rows))
  if (!isTree(value)) return false
  const reference = treeAt(value, 'ColumnRef')
  if (reference !== undefined) {
    const fields = listAt(reference, 'fields')
    const qualifier = fields.length > 1 ? stringOf(fields.at(-2)) : undefined
    return rows.othersCount || qualifier === undefined || qualifier === rows.target
  }
  for (const field in value) {
    if (typeof value[field] === 'object' && readsRow(value[field], rows)) return true
  }
  return false
}
