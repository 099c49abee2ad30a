import type { CopyUse } from '../../domain/facts.js'
import type { Scope } from './scope.js'
import { bodyOf, constantText, listAt, stringsAt, type Tree, textAt, treeAt } from './syntax-tree.js'
import type { Walk } from './walk.js'

/** COPY. The rows of `COPY (query)` have no description on the wire, so a `*` in it counts as an inner one. */
export function readCopy(walk: Walk, body: Tree, scope: Scope): void {
  const { command } = scope
  const relation = treeAt(body, 'relation')
  const into = body.is_from === true
  const through =
    textAt(body, 'filename') === undefined ? 'client' : body.is_program === true ? 'program' : 'file'
  command.verb = 'COPY'
  command.writes = into || through !== 'client'
  command.serverAccess = through !== 'client'
  if (relation !== undefined) {
    if (into) walk.target(relation, scope)
    else walk.range(relation, scope)
  }
  walk.flow.copy = { direction: into ? 'in' : 'out', through, ...readShape(body, relation) }
  if (!into && relation !== undefined) noteColumns(walk, body, scope)
  walk.visit(body.whereClause, { ...scope, place: 'filter' })
  const query = treeAt(body, 'query')
  if (query !== undefined) walk.statement(query, scope, { outermost: false })
}

/** The columns of `COPY t (a, b)` are read. Without a list all of them are, and `copy` says so. */
function noteColumns(walk: Walk, body: Tree, scope: Scope): void {
  for (const name of stringsAt(body, 'attlist')) walk.column(scope, undefined, name)
}

type CopyShape = Pick<CopyUse, 'relation' | 'columns' | 'format' | 'options'>

function readShape(body: Tree, relation: Tree | undefined): CopyShape {
  const options: Record<string, string> = {}
  let format: CopyUse['format'] = 'text'
  for (const item of listAt(body, 'options')) {
    const option = bodyOf(item, 'DefElem')
    const name = option === undefined ? undefined : textAt(option, 'defname')?.toLowerCase()
    if (option === undefined || name === undefined) continue
    const value = optionText(option.arg)
    // PostgreSQL refuses a format it does not know: then nothing moves, whatever we call it.
    if (name === 'format') format = value === 'csv' || value === 'binary' ? value : 'text'
    else Object.defineProperty(options, name, { value, enumerable: true, configurable: true })
  }
  const name = relation === undefined ? undefined : textAt(relation, 'relname')
  return {
    relation:
      relation === undefined || name === undefined
        ? undefined
        : { schema: textAt(relation, 'schemaname'), name },
    columns: stringsAt(body, 'attlist'),
    format,
    options,
  }
}

/** An option's value as text; one without a value is on, a list is its names with commas. */
function optionText(value: unknown): string {
  if (value === undefined) return 'true'
  const list = bodyOf(value, 'List')
  return list === undefined ? (constantText(value) ?? '*') : stringsAt(list, 'items').join(',')
}
