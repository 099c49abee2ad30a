/**
 * The syntax tree as the grammar gives it: parsed JSON. A node is an object with one field that is named after its type,
 * `{ ColumnRef: { fields: [] } }`; a field whose type is fixed holds the body without that wrapping. Fields with their
 * default value are absent. Everything is read as `unknown`, so a shape nobody expected is empty rather than an exception.
 */
export interface Tree {
  readonly [field: string]: unknown
}

const NOTHING: readonly unknown[] = []

/** True for an object of the tree, a node or a body. */
export function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The name of a node's type; undefined when this is not a node but a body. */
export function typeOf(value: Tree): string | undefined {
  for (const field in value) {
    const first = field.charCodeAt(0)
    return first >= 65 && first <= 90 ? field : undefined
  }
  return undefined
}

/** The body of a node of this type; undefined when the value is anything else. */
export function bodyOf(value: unknown, type: string): Tree | undefined {
  return isTree(value) ? treeAt(value, type) : undefined
}

/** A field that holds a node or a body. */
export function treeAt(node: Tree, field: string): Tree | undefined {
  const value = node[field]
  return isTree(value) ? value : undefined
}

/** A field that holds a list; an absent one is empty. */
export function listAt(node: Tree, field: string): readonly unknown[] {
  const value: unknown = node[field]
  return Array.isArray(value) ? value : NOTHING
}

/** A field that holds text. */
export function textAt(node: Tree, field: string): string | undefined {
  const value = node[field]
  return typeof value === 'string' ? value : undefined
}

/** The text of a String node, `{ String: { sval } }`; an empty one has no `sval`. */
export function stringOf(value: unknown): string | undefined {
  const body = bodyOf(value, 'String')
  return body === undefined ? undefined : (textAt(body, 'sval') ?? '')
}

/** The names in a list of String nodes; other nodes are left out. */
export function stringsAt(node: Tree, field: string): readonly string[] {
  const names: string[] = []
  for (const item of listAt(node, field)) {
    const name = stringOf(item)
    if (name !== undefined) names.push(name)
  }
  return names
}

/** A constant as text, whichever node holds it: A_Const, String, Integer, Float, Boolean; undefined for all else. */
export function constantText(value: unknown): string | undefined {
  if (!isTree(value)) return undefined
  const type = typeOf(value)
  const body = type === undefined ? undefined : treeAt(value, type)
  switch (type) {
    case 'A_Const':
      return body === undefined ? undefined : constantBody(body)
    case 'String':
      return stringOf(value)
    case 'Integer':
      return String(body?.ival ?? 0)
    case 'Float':
      return body === undefined ? undefined : textAt(body, 'fval')
    case 'Boolean':
      return body?.boolval === true ? 'true' : 'false'
    case 'TypeCast':
      return body === undefined ? undefined : constantText(body.arg)
    default:
      return undefined
  }
}

function constantBody(body: Tree): string | undefined {
  const string = treeAt(body, 'sval')
  if (string !== undefined) return textAt(string, 'sval') ?? ''
  const integer = treeAt(body, 'ival')
  if (integer !== undefined) return String(integer.ival ?? 0)
  const float = treeAt(body, 'fval')
  if (float !== undefined) return textAt(float, 'fval')
  const boolean = treeAt(body, 'boolval')
  if (boolean !== undefined) return boolean.boolval === true ? 'true' : 'false'
  const bits = treeAt(body, 'bsval')
  return bits === undefined ? undefined : textAt(bits, 'bsval')
}
