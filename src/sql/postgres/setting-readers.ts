import type { Scope } from './scope.js'
import { bodyOf, constantText, listAt, type Tree, textAt } from './syntax-tree.js'
import type { StatementReader, Walk } from './walk.js'

/** SET, RESET, SHOW, DISCARD and transaction control. PostgreSQL 18, "Server Configuration". */
export const SETTING_READERS: readonly (readonly [string, StatementReader])[] = [
  ['VariableSetStmt', readSet],
  ['VariableShowStmt', readShow],
  ['DiscardStmt', readDiscard],
  ['TransactionStmt', readTransaction],
  ['ConstraintsSetStmt', (_walk, _body, scope) => name(scope, 'SET', 'CONSTRAINTS')],
]

function readSet(walk: Walk, body: Tree, scope: Scope): void {
  const kind = textAt(body, 'kind') ?? ''
  name(scope, kind === 'VAR_RESET' || kind === 'VAR_RESET_ALL' ? 'RESET' : 'SET', '')
  readSettings(walk, body, scope)
}

/**
 * Notes what a VariableSetStmt changes, wherever it stands: SET, ALTER ROLE … SET, CREATE FUNCTION … SET. RESET ALL is
 * the name `all` without a value: it goes back to what the session began with.
 */
export function readSettings(walk: Walk, body: Tree, scope: Scope): void {
  const setting = textAt(body, 'name')
  const values = listAt(body, 'args')
  switch (textAt(body, 'kind')) {
    case 'VAR_RESET_ALL':
      walk.setting(scope, { name: 'all', value: undefined })
      return
    case 'VAR_SET_MULTI':
      readMulti(walk, scope, setting ?? '', values)
      return
    case 'VAR_SET_VALUE':
      walk.setting(scope, {
        name: setting ?? '*',
        value: values.map(value => constantText(value) ?? '*').join(', '),
      })
      walk.visit(values, scope)
      return
    default:
      walk.setting(scope, { name: setting ?? '*', value: undefined })
  }
}

/** SET TRANSACTION and SET SESSION CHARACTERISTICS set several; the latter their defaults. */
function readMulti(walk: Walk, scope: Scope, what: string, values: readonly unknown[]): void {
  const prefix = what === 'SESSION CHARACTERISTICS' ? 'default_' : ''
  if (what === 'TRANSACTION SNAPSHOT') {
    walk.setting(scope, { name: 'transaction_snapshot', value: constantText(values[0]) })
  } else readOptions(walk, scope, prefix, values)
}

function readOptions(walk: Walk, scope: Scope, prefix: string, options: readonly unknown[]): void {
  for (const item of options) {
    const option = bodyOf(item, 'DefElem')
    const setting = option === undefined ? undefined : textAt(option, 'defname')
    if (option === undefined || setting === undefined) continue
    const text = constantText(option.arg)
    const value = setting === 'transaction_isolation' ? text : text === '0' ? 'off' : 'on'
    walk.setting(scope, { name: prefix + setting, value })
  }
}

function readShow(_walk: Walk, body: Tree, scope: Scope): void {
  name(scope, 'SHOW', textAt(body, 'name')?.toUpperCase() === 'ALL' ? 'ALL' : '')
}

/** DISCARD ALL also ends prepared statements and cursors, and drops temporary tables. */
function readDiscard(walk: Walk, body: Tree, scope: Scope): void {
  const target = (textAt(body, 'target') ?? '').replace('DISCARD_', '')
  name(scope, 'DISCARD', target)
  scope.command.defines = target === 'ALL' || target === 'TEMP'
  if (target !== 'ALL') return
  walk.setting(scope, { name: 'all', value: undefined })
  walk.flow.sessionName = { kind: 'deallocate', name: undefined }
}

const TRANSACTION_VERBS: ReadonlyMap<string, readonly [verb: string, object: string]> = new Map([
  ['TRANS_STMT_BEGIN', ['BEGIN', '']],
  ['TRANS_STMT_START', ['START', 'TRANSACTION']],
  ['TRANS_STMT_COMMIT', ['COMMIT', '']],
  ['TRANS_STMT_ROLLBACK', ['ROLLBACK', '']],
  ['TRANS_STMT_SAVEPOINT', ['SAVEPOINT', '']],
  ['TRANS_STMT_RELEASE', ['RELEASE', 'SAVEPOINT']],
  ['TRANS_STMT_ROLLBACK_TO', ['ROLLBACK', 'SAVEPOINT']],
  ['TRANS_STMT_PREPARE', ['PREPARE', 'TRANSACTION']],
  ['TRANS_STMT_COMMIT_PREPARED', ['COMMIT', 'PREPARED']],
  ['TRANS_STMT_ROLLBACK_PREPARED', ['ROLLBACK', 'PREPARED']],
])

function readTransaction(walk: Walk, body: Tree, scope: Scope): void {
  const kind = textAt(body, 'kind') ?? ''
  const known = TRANSACTION_VERBS.get(kind)
  name(scope, known?.[0] ?? 'TRANSACTION', known?.[1] ?? '')
  if (known === undefined) scope.command.opaque = true
  readOptions(walk, scope, '', listAt(body, 'options'))
}

function name(scope: Scope, verb: string, object: string): void {
  scope.command.verb = verb
  scope.command.object = object
}
