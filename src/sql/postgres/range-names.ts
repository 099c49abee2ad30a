import { bodyOf, isTree, listAt, stringsAt, type Tree, textAt, treeAt, typeOf } from './syntax-tree.js'

/**
 * The names by which rows of these FROM items can be mentioned, deeper joins included: aliases, else tables and
 * functions. All of them are visible to the whole query, which is more than LATERAL allows and therefore safe.
 */
export function rangeNames(items: readonly unknown[]): Set<string> {
  const names = new Set<string>()
  const waiting = [...items]
  // A loop and not a recursion: long joins are deep trees.
  for (let item = waiting.pop(); item !== undefined; item = waiting.pop()) {
    const type = isTree(item) ? typeOf(item) : undefined
    const body = type === undefined ? undefined : bodyOf(item, type)
    if (type === undefined || body === undefined) continue
    addName(names, type, body)
    if (type === 'JoinExpr') waiting.push(body.larg, body.rarg)
    if (type === 'RangeTableSample') waiting.push(body.relation)
  }
  return names
}

/** The name under which a target of INSERT, UPDATE, DELETE or MERGE is mentioned: its alias, else its own. */
export function targetName(relation: Tree | undefined): string | undefined {
  if (relation === undefined) return undefined
  const alias = treeAt(relation, 'alias')
  return (alias === undefined ? undefined : textAt(alias, 'aliasname')) ?? textAt(relation, 'relname')
}

function addName(names: Set<string>, type: string, body: Tree): void {
  const using = treeAt(body, 'join_using_alias')
  const usingName = using === undefined ? undefined : textAt(using, 'aliasname')
  if (usingName !== undefined) names.add(usingName)
  const alias = treeAt(body, 'alias')
  const aliasName = alias === undefined ? undefined : textAt(alias, 'aliasname')
  if (aliasName !== undefined) names.add(aliasName)
  else if (type === 'RangeVar') {
    const name = textAt(body, 'relname')
    if (name !== undefined) names.add(name)
  } else if (type === 'RangeFunction') addFunctionNames(names, body)
}

function addFunctionNames(names: Set<string>, body: Tree): void {
  for (const item of listAt(body, 'functions')) {
    const list = bodyOf(item, 'List')
    const call = list === undefined ? undefined : bodyOf(listAt(list, 'items')[0], 'FuncCall')
    const name = call === undefined ? undefined : stringsAt(call, 'funcname').at(-1)
    if (name !== undefined) names.add(name)
  }
}
