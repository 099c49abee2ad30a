import type { OperatorUse } from '../../domain/facts.js'
import { isBuiltInOperator } from '../lineage/operators.js'
import { stringsAt, type Tree, textAt } from './syntax-tree.js'

/** What `x IN (SELECT …)`, `CASE x WHEN …`, USING and NATURAL look up by its name, and BETWEEN by theirs. */
const EQUALITY: readonly string[] = ['=']
const BOUNDS: readonly (readonly string[])[] = [['>='], ['<='], ['<'], ['>']]

/** The operators of one node of a tree: those that it names, and those that its syntax means. */
export function readOperators(type: string | undefined, body: Tree): readonly OperatorUse[] {
  return operatorPaths(type, body).flatMap(path => {
    const name = path.at(-1)
    if (name === undefined) return []
    const schema = path.at(-2)
    const builtIn = isBuiltInOperator(name) && (schema === undefined || schema === 'pg_catalog')
    return [{ schema, name, builtIn }]
  })
}

function operatorPaths(type: string | undefined, body: Tree): readonly (readonly string[])[] {
  switch (type) {
    case 'A_Expr':
      // BETWEEN has its own word in the place of an operator's name.
      return (textAt(body, 'kind') ?? '').includes('BETWEEN') ? BOUNDS : [stringsAt(body, 'name')]
    case 'SubLink': {
      const path = stringsAt(body, 'operName')
      return path.length > 0 ? [path] : body.testexpr === undefined ? [] : [EQUALITY]
    }
    case 'CaseExpr':
      return body.arg === undefined ? [] : [EQUALITY]
    case 'JoinExpr':
      return body.isNatural === true || body.usingClause !== undefined ? [EQUALITY] : []
    case 'SortBy':
      return [stringsAt(body, 'useOp')]
    default:
      return []
  }
}
