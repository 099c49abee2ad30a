import type { SessionName } from '../../domain/facts.js'
import type { CommandDraft } from './command-draft.js'
import { readCopy } from './copy-reader.js'
import { readFunction } from './expression-readers.js'
import { readInto, readQuery } from './query-reader.js'
import type { Scope } from './scope.js'
import { bodyOf, constantText, listAt, type Tree, textAt, treeAt } from './syntax-tree.js'
import type { StatementOptions, StatementReader, Walk } from './walk.js'

/** Queries and what is wrapped around them: EXPLAIN, PREPARE, cursors, COPY, CALL, CREATE TABLE AS, views. */
export const SESSION_READERS: readonly (readonly [string, StatementReader])[] = [
  ['SelectStmt', readSelect],
  ['ExplainStmt', readExplain],
  ['PrepareStmt', readPrepare],
  ['ExecuteStmt', readExecute],
  ['DeallocateStmt', (walk, body, scope) => readName(walk, body, scope, 'deallocate')],
  ['DeclareCursorStmt', readDeclare],
  ['FetchStmt', readFetch],
  ['ClosePortalStmt', (walk, body, scope) => readName(walk, body, scope, 'close')],
  ['CopyStmt', (walk, body, scope) => readCopy(walk, body, scope)],
  ['CallStmt', readCallStatement],
  ['CreateTableAsStmt', readCreateTableAs],
  ['ViewStmt', readView],
]

function readSelect(walk: Walk, body: Tree, scope: Scope, options: StatementOptions): void {
  scope.command.verb = 'SELECT'
  readQuery(walk, body, scope, options)
}

/** With ANALYZE the statement runs; without it only its plan is made, and its relations and functions are looked at. */
function readExplain(walk: Walk, body: Tree, scope: Scope, options: StatementOptions): void {
  scope.command.verb = 'EXPLAIN'
  const query = treeAt(body, 'query')
  if (query === undefined) return
  const first = walk.commands.length
  walk.statement(query, scope, options)
  if (isAnalyze(body)) return
  for (const command of walk.commands.splice(first)) takeOver(scope.command, command)
}

function takeOver(explain: CommandDraft, command: CommandDraft): void {
  for (const { schema, name } of command.relations.items) {
    explain.relations.add(`read.${schema ?? ''}.${name}`, { schema, name, access: 'read' })
  }
  for (const use of command.functions.items) explain.functions.add(`${use.schema ?? ''}.${use.name}`, use)
}

const FALSE_WORDS: ReadonlySet<string> = new Set(['off', 'false', '0'])

/** As `defGetBoolean`: the last ANALYZE counts. A value that is no boolean fails in the server; here it is true. */
function isAnalyze(body: Tree): boolean {
  let analyze = false
  for (const item of listAt(body, 'options')) {
    const option = bodyOf(item, 'DefElem')
    if (option === undefined || textAt(option, 'defname')?.toLowerCase() !== 'analyze') continue
    analyze = !FALSE_WORDS.has((constantText(option.arg) ?? 'true').toLowerCase())
  }
  return analyze
}

function readPrepare(walk: Walk, body: Tree, scope: Scope, options: StatementOptions): void {
  readName(walk, body, scope, 'prepare')
  walk.statement(body.query, scope, options)
}

function readExecute(walk: Walk, body: Tree, scope: Scope): void {
  readName(walk, body, scope, 'execute')
  walk.visit(body.params, scope)
}

function readDeclare(walk: Walk, body: Tree, scope: Scope, options: StatementOptions): void {
  readName(walk, body, scope, 'declare')
  walk.statement(body.query, scope, options)
}

const NAME_VERBS: Readonly<Record<SessionName['kind'], string>> = {
  prepare: 'PREPARE',
  execute: 'EXECUTE',
  deallocate: 'DEALLOCATE',
  declare: 'DECLARE',
  fetch: 'FETCH',
  close: 'CLOSE',
}

function readName(walk: Walk, body: Tree, scope: Scope, kind: SessionName['kind']): void {
  scope.command.verb = body.ismove === true ? 'MOVE' : NAME_VERBS[kind]
  const name = body.isall === true ? undefined : (textAt(body, 'name') ?? textAt(body, 'portalname'))
  walk.flow.sessionName = { kind, name }
}

/** Only NEXT, FORWARD and ALL go on. PostgreSQL, "FETCH": a count of 0 is the row before again, a negative one is BACKWARD. */
function readFetch(walk: Walk, body: Tree, scope: Scope): void {
  readName(walk, body, scope, 'fetch')
  const { direction, howMany } = body
  const goesOn = direction === 'FETCH_FORWARD' && typeof howMany === 'number' && howMany > 0
  const use = walk.flow.sessionName
  if (!goesOn && use?.kind === 'fetch') walk.flow.sessionName = { ...use, goesBack: true }
}

/** A procedure can change anything, and end transactions; its name is among the functions. */
function readCallStatement(walk: Walk, body: Tree, scope: Scope): void {
  scope.command.verb = 'CALL'
  scope.command.writes = true
  scope.command.defines = true
  const call = treeAt(body, 'funccall')
  if (call === undefined) return
  readFunction(walk, call, scope)
  walk.visit(call.args, scope)
}

/** CREATE TABLE AS and CREATE MATERIALIZED VIEW, of a query or of EXECUTE. */
function readCreateTableAs(walk: Walk, body: Tree, scope: Scope): void {
  scope.command.verb = 'CREATE'
  scope.command.object = textAt(body, 'objtype') === 'OBJECT_MATVIEW' ? 'MATERIALIZED VIEW' : 'TABLE'
  const into = treeAt(body, 'into')
  if (into !== undefined) readInto(walk, into, scope)
  const execute = bodyOf(body.query, 'ExecuteStmt')
  if (execute === undefined) walk.visit(body.query, scope)
  else walk.statement(body.query, scope, { outermost: false })
}

function readView(walk: Walk, body: Tree, scope: Scope): void {
  scope.command.verb = 'CREATE'
  scope.command.object = 'VIEW'
  scope.command.writes = true
  scope.command.defines = true
  walk.flow.storesData = true
  walk.target(body.view, scope)
  if (listAt(body, 'aliases').length > 0) walk.flow.renamesColumns = true
  walk.visit(body.query, scope)
}
