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

/** The name of an output that nothing names. */
const NAMELESS = '?column?'

/** Expressions that are named after what they are. */
const OWN_NAMES: ReadonlyMap<string, string> = new Map([
  ['A_ArrayExpr', 'array'],
  ['RowExpr', 'row'],
  ['CoalesceExpr', 'coalesce'],
  ['A_Const', NAMELESS],
  ['ParamRef', NAMELESS],
  ['BoolExpr', NAMELESS],
  ['NullTest', NAMELESS],
  ['BooleanTest', NAMELESS],
])

/** A name, and whether it is only a fallback that a name further up overrules. */
interface Found {
  readonly name: string | undefined
  readonly weak: boolean
}

/**
 * The name that PostgreSQL gives to an output without an alias (`FigureColname` in parse_target.c). Undefined where we do
 * not say it: a wrong name would be found in the wrong place, so every doubt stands for all names.
 */
export function outputName(node: unknown): string | undefined {
  return figure(node).name
}

function figure(node: unknown): Found {
  const type = isTree(node) ? typeOf(node) : undefined
  const body = type === undefined ? undefined : bodyOf(node, type)
  if (type === undefined || body === undefined) return { name: undefined, weak: false }
  const own = OWN_NAMES.get(type)
  if (own !== undefined) return { name: own, weak: own === NAMELESS }
  switch (type) {
    case 'ColumnRef':
      return strong(stringOf(listAt(body, 'fields').at(-1)))
    case 'FuncCall':
      return strong(stringsAt(body, 'funcname').at(-1))
    case 'CollateClause':
      return figure(body.arg)
    case 'A_Expr':
      return textAt(body, 'kind') === 'AEXPR_NULLIF' ? strong('nullif') : { name: NAMELESS, weak: true }
    case 'TypeCast':
      return figureCast(body)
    case 'CaseExpr': {
      const found = body.defresult === undefined ? undefined : figure(body.defresult)
      return found === undefined || found.weak ? { name: 'case', weak: true } : found
    }
    case 'SubLink':
      return strong(SUBLINK_NAMES.get(textAt(body, 'subLinkType') ?? ''))
    default:
      return { name: undefined, weak: false }
  }
}

const SUBLINK_NAMES: ReadonlyMap<string, string> = new Map([
  ['EXISTS_SUBLINK', 'exists'],
  ['ARRAY_SUBLINK', 'array'],
])

function figureCast(body: Tree): Found {
  const found = figure(body.arg)
  if (!found.weak) return found
  const type = treeAt(body, 'typeName')
  return { name: type === undefined ? undefined : stringsAt(type, 'names').at(-1), weak: true }
}

function strong(name: string | undefined): Found {
  return { name, weak: false }
}
