import { bodyOf, isTree, listAt, stringOf, type Tree, textAt, treeAt, typeOf } from './syntax-tree.js'

/**
 * What a condition comes to, as far as its text says. `reads`: it depends on a column. `open`: it is the same for all
 * rows, but only running it tells. `never` stands for false and for NULL.
 */
type Weight = 'always' | 'never' | 'open' | 'reads'

/** Levels of a condition that are looked at. Below that it counts as `open`: a filter has to be plain. */
const CONDITION_DEPTH_MAX = 50

/** Decides whether a column reference counts as reading a row. */
export type CountsAsRow = (qualifier: string | undefined) => boolean

/**
 * True when a condition picks rows by what is in them: it reads a column and the text does not make it true for every
 * row (`1 = 1`, `id = id`, `id > 5 OR true`, `NOT false`, `ssn LIKE '%'`). This is a guard against accidents and lazy
 * evasion; no text can show that `id > 0` leaves anything out.
 */
export function isFilter(condition: unknown, countsAsRow: CountsAsRow): boolean {
  return condition !== undefined && weigh(condition, countsAsRow, 0) === 'reads'
}

function weigh(node: unknown, counts: CountsAsRow, depth: number): Weight {
  if (!isTree(node) || depth > CONDITION_DEPTH_MAX) return 'open'
  const type = typeOf(node) ?? ''
  const body = treeAt(node, type)
  if (body === undefined) return 'open'
  switch (type) {
    case 'A_Const':
      return weighConstant(body)
    case 'BoolExpr':
      return weighBoolean(body, counts, depth + 1)
    case 'A_Expr':
      return weighOperator(node, body, counts)
    case 'BooleanTest':
      return weighBooleanTest(body, counts, depth + 1)
    case 'CaseExpr':
      return weighCase(body, counts, depth + 1)
    case 'TypeCast':
      return weigh(body.arg, counts, depth + 1)
    case 'CurrentOfExpr':
      return 'reads'
    default:
      return readsRow(node, counts) ? 'reads' : 'open'
  }
}

function weighConstant(body: Tree): Weight {
  if (body.isnull === true) return 'never'
  const boolean = treeAt(body, 'boolval')
  if (boolean === undefined) return 'open'
  return boolean.boolval === true ? 'always' : 'never'
}

function weighBoolean(body: Tree, counts: CountsAsRow, depth: number): Weight {
  const parts = listAt(body, 'args')
  const weights = parts.map(part => weigh(part, counts, depth))
  switch (textAt(body, 'boolop')) {
    case 'NOT_EXPR':
      return weights[0] === 'always' ? 'never' : weights[0] === 'never' ? 'always' : (weights[0] ?? 'open')
    case 'OR_EXPR':
      if (weights.includes('always') || hasOpposites(parts)) return 'always'
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

function weighOperator(node: Tree, body: Tree, counts: CountsAsRow): Weight {
  if (!readsRow(node, counts)) return 'open'
  const operator = stringOf(listAt(body, 'name').at(-1)) ?? ''
  const kind = textAt(body, 'kind') ?? ''
  const left = shape(body.lexpr)
  if (LIKE_KINDS.has(kind) && operator.startsWith('~~') && matchesAll(body.rexpr)) return 'always'
  if (kind === 'AEXPR_DISTINCT' || kind === 'AEXPR_NOT_DISTINCT') {
    if (left !== shape(body.rexpr)) return 'reads'
    return kind === 'AEXPR_NOT_DISTINCT' ? 'always' : 'never'
  }
  // IN, BETWEEN and their kin compare with a list.
  const others = bodyOf(body.rexpr, 'List')
  if (others !== undefined) {
    const same = listAt(others, 'items').map(item => shape(item) === left)
    const trivial = kind === 'AEXPR_IN' ? operator === '=' && same.includes(true) : !same.includes(false)
    return trivial ? 'always' : 'reads'
  }
  if (kind !== 'AEXPR_OP' && !LIKE_KINDS.has(kind)) return 'reads'
  if (left !== shape(body.rexpr)) return 'reads'
  if (REFLEXIVE.has(operator)) return 'always'
  return IRREFLEXIVE.has(operator) ? 'never' : 'reads'
}

function weighBooleanTest(body: Tree, counts: CountsAsRow, depth: number): Weight {
  const weight = weigh(body.arg, counts, depth)
  const test = textAt(body, 'booltesttype') ?? ''
  if (weight === 'reads' || weight === 'open') return weight
  const holds = weight === 'always' ? ['IS_TRUE', 'IS_NOT_FALSE'] : ['IS_FALSE', 'IS_NOT_TRUE']
  // `never` may be NULL, for which IS UNKNOWN holds.
  return holds.includes(test) || test.endsWith('UNKNOWN') ? 'always' : 'never'
}

function weighCase(body: Tree, counts: CountsAsRow, depth: number): Weight {
  const results = listAt(body, 'args').map(branch => bodyOf(branch, 'CaseWhen')?.result)
  const weights = [...results, body.defresult].map(result =>
    result === undefined ? 'never' : weigh(result, counts, depth),
  )
  if (weights.includes('reads')) return 'reads'
  if (weights.includes('open')) return 'open'
  if (!weights.includes('never')) return 'always'
  return readsRow({ CaseExpr: body }, counts) ? 'reads' : 'open'
}

const OPPOSITES: ReadonlyMap<string, string> = new Map([
  ['=', '<>'],
  ['<', '>='],
  ['>', '<='],
])

/** True when two branches of an OR are a condition and its contrary: `a IS NULL OR a IS NOT NULL`. */
function hasOpposites(parts: readonly unknown[]): boolean {
  const seen = new Set(parts.map(shape))
  return parts.some(part => {
    const negated = bodyOf(part, 'BoolExpr')
    if (negated !== undefined && textAt(negated, 'boolop') === 'NOT_EXPR') {
      return seen.has(shape(listAt(negated, 'args')[0]))
    }
    const test = bodyOf(part, 'NullTest')
    if (test !== undefined && textAt(test, 'nulltesttype') === 'IS_NULL') {
      return seen.has(shape({ NullTest: { ...test, nulltesttype: 'IS_NOT_NULL' } }))
    }
    const expression = bodyOf(part, 'A_Expr')
    const opposite = OPPOSITES.get(stringOf(listAt(expression ?? {}, 'name')[0]) ?? '')
    if (expression === undefined || opposite === undefined) return false
    return seen.has(shape({ A_Expr: { ...expression, name: [{ String: { sval: opposite } }] } }))
  })
}

/** True for a pattern of `%` alone: every text but NULL matches. */
function matchesAll(pattern: unknown): boolean {
  const constant = bodyOf(pattern, 'A_Const')
  const string = constant === undefined ? undefined : treeAt(constant, 'sval')
  return string !== undefined && /^%+$/.test(textAt(string, 'sval') ?? '')
}

/** The tree as text without the places in the source: equal for equal expressions. */
function shape(value: unknown): string {
  return JSON.stringify(value, (field, inner: unknown) => (field === 'location' ? undefined : inner)) ?? ''
}

/** True when a column reference below counts. Columns of a subquery's own tables do not say which rows are meant. */
function readsRow(value: unknown, counts: CountsAsRow): boolean {
  if (Array.isArray(value)) return value.some(item => readsRow(item, counts))
  if (!isTree(value)) return false
  const reference = treeAt(value, 'ColumnRef')
  if (reference !== undefined) {
    const fields = listAt(reference, 'fields')
    return counts(fields.length > 1 ? stringOf(fields.at(-2)) : undefined)
  }
  for (const field in value) {
    if (typeof value[field] === 'object' && readsRow(value[field], counts)) return true
  }
  return false
}
