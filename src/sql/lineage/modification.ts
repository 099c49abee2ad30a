import type { CatalogRelation } from '../../domain/catalog.js'
import { bodyOf, listAt, type Tree, textAt, treeAt } from '../postgres/syntax-tree.js'
import { below, type FromItem, traceFrom } from './from-clause.js'
import { traceTargets } from './query.js'
import { relationShape } from './relation-shape.js'
import { alsoFrom, concatenated, type Item, openShape, type Shape, sealedShape, wholeRow } from './shape.js'
import { NOTHING, type Sources, unite, unknownSources } from './sources.js'
import { type Scope, type Tracer, Untraceable } from './tracer.js'
import { withTables } from './with-clause.js'

/**
 * The rows of RETURNING. A column of the target holds what was there and what is stored now, whichever column that goes
 * to. PostgreSQL 18, "INSERT", "UPDATE", "DELETE", "MERGE".
 */
export function traceModification(tracer: Tracer, type: string, body: Tree, around: Scope): Shape {
  const scope = withTables(tracer, treeAt(body, 'withClause'), { ...around, windows: [] })
  const relation = treeAt(body, 'relation')
  if (relation === undefined) throw new Untraceable('a modification has no target')
  const target = targetItem(tracer, relation)
  const from = traceFrom(tracer, sourceNodes(type, body), scope)
  const stored = storedSources(tracer, body, { scope, target, from })
  // How many rows are stored can be counted later.
  tracer.store(unite([stored, from.star.rows]))
  const clause = treeAt(body, 'returningClause')
  if (clause === undefined) return sealedShape([])
  const written = alsoFrom(target.shape, stored)
  const star = concatenated([written, from.star])
  const items = [{ ...target, shape: written }, ...from.items]
  const offered = offeredNames(clause)
    .filter(name => items.every(item => item.name !== name))
    .map(name => ({ name, shape: written }))
  const inner = below(scope, [...items, ...offered], star.rows)
  return {
    ...traceTargets(tracer, listAt(clause, 'exprs'), { scope: inner, from: { ...from, items, star } }),
    rows: star.rows,
  }
}

function sourceNodes(type: string, body: Tree): readonly unknown[] {
  switch (type) {
    case 'InsertStmt':
      return []
    case 'UpdateStmt':
      return listAt(body, 'fromClause')
    case 'DeleteStmt':
      return listAt(body, 'usingClause')
    case 'MergeStmt':
      return [body.sourceRelation]
    default:
      throw new Untraceable(`${type} is not followed`)
  }
}

/** Rules and triggers of a view are code that is not read: what comes back of it can be anything. */
function targetItem(tracer: Tracer, relation: Tree): Item {
  const name = textAt(relation, 'relname') ?? ''
  const schema = textAt(relation, 'schemaname')
  const alias = treeAt(relation, 'alias')
  const shape = relationShape(tracer.catalog, schema, name)
  const isTable = ({ kind }: CatalogRelation): boolean => kind === 'table'
  const opaque = !(tracer.catalog.byName.get(name) ?? []).every(isTable)
  return {
    name: (alias === undefined ? undefined : textAt(alias, 'aliasname')) ?? name,
    shape: opaque ? openShape(unknownSources('it modifies a view')) : shape,
  }
}

/** What is stored: the rows of INSERT, the sources of SET, of ON CONFLICT and of each branch of MERGE. */
function storedSources(
  tracer: Tracer,
  body: Tree,
  { scope, target, from }: { readonly scope: Scope; readonly target: Item; readonly from: FromItem },
): Sources {
  const select = bodyOf(body.selectStmt, 'SelectStmt')
  const source = select === undefined ? undefined : tracer.query(select, scope)
  const rows = source === undefined ? NOTHING : unite([wholeRow(source), source.rows])
  const excluded: Item = { name: 'excluded', shape: openShape(unite([rows, wholeRow(target.shape)])) }
  const conflict = treeAt(body, 'onConflictClause')
  const items = [target, ...from.items, ...(conflict === undefined ? [] : [excluded])]
  const inner = below(scope, items, from.star.rows)
  const branches = listAt(body, 'mergeWhenClauses').map(clause => bodyOf(clause, 'MergeWhenClause') ?? {})
  const assigned = [
    ...listAt(body, 'targetList'),
    ...listAt(conflict ?? {}, 'targetList'),
    ...branches.flatMap(branch => [...listAt(branch, 'targetList'), ...listAt(branch, 'values')]),
  ]
  return unite([rows, tracer.expression(assigned, inner)])
}

/** The names of the old and the new row: their own, or those that `RETURNING WITH (…)` gives. */
function offeredNames(clause: Tree): readonly string[] {
  const given = listAt(clause, 'options').flatMap(option => {
    const name = textAt(bodyOf(option, 'ReturningOption') ?? {}, 'value')
    return name === undefined ? [] : [name]
  })
  return ['old', 'new', ...given]
}
