import { CommandDraft } from './command-draft.js'
import { isFilter } from './condition.js'
import { readResults, readWith } from './query-reader.js'
import { rangeNames, targetName } from './range-names.js'
import { atPlace, type Scope, withRows } from './scope.js'
import { bodyOf, listAt, type Tree, textAt, treeAt } from './syntax-tree.js'
import type { StatementOptions, StatementReader, Walk } from './walk.js'

/** INSERT, UPDATE, DELETE and MERGE. PostgreSQL 18, "SQL Commands". */
export const MODIFICATION_READERS: readonly (readonly [string, StatementReader])[] = [
  ['InsertStmt', readInsert],
  ['UpdateStmt', readUpdate],
  ['DeleteStmt', readDelete],
  ['MergeStmt', readMerge],
]

/** Rows that the server offers beside the tables: `excluded` in ON CONFLICT, `old` and `new` in RETURNING. */
const OFFERED_ROWS = ['excluded', 'old', 'new']

function readInsert(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const scope = begin(walk, body, around, { verb: 'INSERT', from: [] })
  walk.flow.storesData = true
  walk.visit(listAt(body, 'cols'), scope)
  walk.visit(body.selectStmt, scope)
  walk.visit(body.onConflictClause, scope)
  readReturning(walk, body, scope, options)
}

function readUpdate(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const scope = begin(walk, body, around, { verb: 'UPDATE', from: listAt(body, 'fromClause') })
  walk.flow.storesData = true
  walk.visit(body.fromClause, scope)
  walk.visit(body.targetList, scope)
  readCondition(walk, body, scope)
  readReturning(walk, body, scope, options)
}

function readDelete(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const scope = begin(walk, body, around, { verb: 'DELETE', from: listAt(body, 'usingClause') })
  walk.visit(body.usingClause, scope)
  readCondition(walk, body, scope)
  readReturning(walk, body, scope, options)
}

function readMerge(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const source = body.sourceRelation
  const scope = begin(walk, body, around, { verb: 'MERGE', from: [source] })
  walk.flow.storesData = true
  walk.visit(source, scope)
  walk.visit(body.joinCondition, atPlace(scope, 'filter'))
  for (const clause of listAt(body, 'mergeWhenClauses')) {
    const branch = bodyOf(clause, 'MergeWhenClause')
    if (branch !== undefined) readMergeBranch(walk, branch, scope, treeAt(body, 'relation'))
  }
  readReturning(walk, body, scope, options)
}

const BRANCH_VERBS: ReadonlyMap<string, string> = new Map([
  ['CMD_INSERT', 'INSERT'],
  ['CMD_UPDATE', 'UPDATE'],
  ['CMD_DELETE', 'DELETE'],
])

/** Each branch that changes rows is a command of its own: a DELETE or UPDATE of all matched rows must not hide here. */
function readMergeBranch(walk: Walk, branch: Tree, around: Scope, relation: Tree | undefined): void {
  const verb = BRANCH_VERBS.get(textAt(branch, 'commandType') ?? '')
  if (verb === undefined) {
    walk.visit(branch.condition, atPlace(around, 'filter'))
    return
  }
  const command = new CommandDraft(true)
  command.verb = verb
  command.writes = true
  walk.commands.push(command)
  const scope = { ...around, command }
  walk.target(relation, scope)
  walk.fields(branch, scope)
  const rows = { target: targetName(relation), othersCount: true }
  command.filtered = verb === 'INSERT' || isFilter(branch.condition, rows)
}

/** What the four have in common: the verb, the target, its common table expressions and the rows in scope. */
function begin(
  walk: Walk,
  body: Tree,
  around: Scope,
  { verb, from }: { readonly verb: string; readonly from: readonly unknown[] },
): Scope {
  around.command.verb = verb
  around.command.writes = true
  const outer = readWith(walk, treeAt(body, 'withClause'), around)
  const names = rangeNames(from)
  for (const name of OFFERED_ROWS) names.add(name)
  const target = targetName(treeAt(body, 'relation'))
  if (target !== undefined) names.add(target)
  const scope = withRows(outer, names)
  walk.target(body.relation, scope)
  return scope
}

/** A condition filters when it reads the rows that would change; one on another table alone changes all or none. */
function readCondition(walk: Walk, body: Tree, scope: Scope): void {
  // The walk comes first: it refuses conditions that are too deep to look into.
  walk.visit(body.whereClause, atPlace(scope, 'filter'))
  const rows = { target: targetName(treeAt(body, 'relation')), othersCount: false }
  scope.command.filtered = isFilter(body.whereClause, rows)
}

/** RETURNING, as a list (until PostgreSQL 17) or as a clause with its own names for the old and the new row. */
function readReturning(walk: Walk, body: Tree, around: Scope, options: StatementOptions): void {
  const clause = treeAt(body, 'returningClause')
  if (clause === undefined) return
  const names = new Set<string>()
  for (const option of listAt(clause, 'options')) {
    const value = bodyOf(option, 'ReturningOption')
    const name = value === undefined ? undefined : textAt(value, 'value')
    if (name !== undefined) names.add(name)
  }
  readResults(walk, listAt(clause, 'exprs'), withRows(around, names), options)
}
