import { expect, test } from 'vitest'
import type { CommandFacts, TextFacts } from '../../src/domain/facts.js'
import { DEFAULT_RULES } from '../../src/policy/default-rules.js'
import { decideStatement } from '../../src/policy/statement-judge.js'
import { ASKER, NOON, policyOf, ruleName, spell } from './asked.js'
import { calls, command, reads, text, writesTo } from './facts.js'

const policy = policyOf([])

function check(title: string, facts: TextFacts, verdict: string): void {
  test(title, () => {
    const statements = facts.understood ? facts.statements : []
    const decision = decideStatement(policy, {
      ...ASKER,
      text: '…',
      facts,
      statements,
      now: NOON,
      resolveTables: relation => [relation.name],
    })
    expect(spell(decision)).toBe(verdict)
  })
}

const select = command('SELECT')
const sets = (name: string, value?: string, verb = 'SET'): TextFacts =>
  text(command(verb, { settings: [{ name, value }] }))
const setConfig = (name: string, value?: string): TextFacts =>
  text(command('SELECT', { functions: [calls('set_config')], settings: [{ name, value }] }))
const nested = (verb: string, facts: Partial<CommandFacts> = {}): CommandFacts =>
  command(verb, { nested: true, writes: true, ...facts })

check('a SELECT is allowed', text(select), 'allow')
check('an empty text is allowed: there is nothing to run', { understood: true, statements: [] }, 'allow')
check(
  'what was not understood is refused',
  { understood: false, reason: 'syntax error' },
  'deny not-understood',
)
check('a statement without commands is refused', text(), 'deny not-understood')

check('DROP TABLE is refused', text(command('DROP', { object: 'TABLE', drops: true })), 'deny no-drop')
check(
  'ALTER … DROP COLUMN is refused',
  text(command('ALTER', { object: 'TABLE', drops: true })),
  'deny no-drop',
)
check('ALTER … ADD COLUMN is allowed', text(command('ALTER', { object: 'TABLE', defines: true })), 'allow')
check('TRUNCATE is refused', text(command('TRUNCATE', { writes: true })), 'deny no-truncate')
check(
  'UPDATE without a condition is refused',
  text(command('UPDATE', { filtered: false })),
  'deny no-bare-update',
)
check('UPDATE with a condition is allowed', text(command('UPDATE', { writes: true })), 'allow')
check(
  'DELETE without a condition is refused',
  text(command('DELETE', { filtered: false })),
  'deny no-bare-delete',
)
check('DELETE with a condition is allowed', text(command('DELETE', { writes: true })), 'allow')
check(
  'a bare DELETE in a CTE is refused',
  text(select, nested('DELETE', { filtered: false })),
  'deny no-bare-delete',
)
check(
  'a bare DELETE branch of MERGE is refused',
  text(command('MERGE', { writes: true }), nested('UPDATE'), nested('DELETE', { filtered: false })),
  'deny no-bare-delete',
)
check(
  'a bare UPDATE under EXPLAIN ANALYZE is refused',
  text(command('EXPLAIN'), nested('UPDATE', { filtered: false })),
  'deny no-bare-update',
)
check(
  'one bad statement among good ones is refused',
  {
    understood: true,
    statements: [...text(select).statements, ...text(command('TRUNCATE')).statements],
  },
  'deny no-truncate',
)

check('a DO block is refused', text(command('DO', { opaque: true })), 'deny no-opaque-code')
check(
  'CREATE FUNCTION is refused',
  text(command('CREATE', { object: 'FUNCTION', opaque: true })),
  'deny no-opaque-code',
)
check('COPY to a program is refused', text(command('COPY', { serverAccess: true })), 'deny no-server-access')
for (const name of [
  'pg_read_file',
  'pg_catalog.pg_read_binary_file',
  'pg_ls_waldir',
  'pg_stat_file',
  'lo_import',
  'lo_export',
  'dblink',
  'ext.dblink_exec',
  'query_to_xml',
  'query_to_xml_and_xmlschema',
  'table_to_xml',
  'database_to_xmlschema',
  'cursor_to_xml',
  'xpath_table',
  'crosstab4',
  'connectby',
  'ts_stat',
  'ts_rewrite',
  'pg_logical_slot_peek_changes',
  'get_raw_page',
  'cron.schedule',
  'schedule',
]) {
  check(
    `calling ${name} is refused`,
    text(command('SELECT', { functions: [calls(name)] })),
    'deny no-server-access',
  )
}
for (const name of ['now', 'pg_sleep', 'pg_terminate_backend', 'to_tsvector', 'app.schedule', 'lo_get']) {
  check(`calling ${name} is allowed`, text(command('SELECT', { functions: [calls(name)] })), 'allow')
}

check('SET ROLE is refused', sets('role', 'admin'), 'deny no-identity-change')
check(
  'SET ROLE between double quotes and in capitals is refused',
  sets('ROLE', 'admin'),
  'deny no-identity-change',
)
check(
  'SET SESSION AUTHORIZATION is refused',
  sets('session_authorization', 'admin'),
  'deny no-identity-change',
)
check('RESET ROLE is allowed: it goes back to the grant', sets('role', undefined, 'RESET'), 'allow')
check('SET ROLE NONE is allowed for the same reason', sets('role', 'none'), 'allow')
check('set_config of the role is refused', setConfig('role', 'admin'), 'deny no-identity-change')
check('set_config of the role to a computed value is refused', setConfig('role'), 'deny no-identity-change')
check('ALTER ROLE … SET role is refused', sets('role', undefined, 'ALTER'), 'deny no-identity-change')
check('set_config with a computed name is refused', setConfig('*'), 'deny no-reading-change')

check('ordinary settings are allowed', sets('work_mem', '64MB'), 'allow')
check('search_path is allowed', sets('search_path', 'app'), 'allow')
check('RESET ALL is allowed', sets('all', undefined, 'RESET'), 'allow')
for (const value of ['on', 'true', 'ON']) {
  check(
    `standard_conforming_strings = ${value} is allowed`,
    sets('standard_conforming_strings', value),
    'allow',
  )
}
for (const value of ['off', 'false', 'o', 'unheard-of', undefined]) {
  check(
    `standard_conforming_strings = ${value} is refused`,
    sets('standard_conforming_strings', value),
    'deny no-reading-change',
  )
}
check(
  'standard_conforming_strings by set_config is refused',
  setConfig('Standard_Conforming_Strings', 'off'),
  'deny no-reading-change',
)
check(
  'standard_conforming_strings by ALTER ROLE is refused',
  sets('standard_conforming_strings', 'off', 'ALTER'),
  'deny no-reading-change',
)
for (const encoding of ['UTF8', 'utf-8', 'UNICODE', undefined]) {
  check(`client_encoding = ${encoding} is allowed`, sets('client_encoding', encoding), 'allow')
}
for (const encoding of [
  'SJIS',
  'S_J-I_S',
  'BIG5',
  'GBK',
  'UHC',
  'GB18030',
  'JOHAB',
  'SHIFT_JIS_2004',
  'SQL_ASCII',
  'LATIN1',
  '',
]) {
  check(
    `client_encoding = ${encoding} is refused`,
    sets('client_encoding', encoding),
    'deny no-reading-change',
  )
}
check(
  'client_encoding to a computed value is refused',
  setConfig('client_encoding'),
  'deny no-reading-change',
)
check('backslash_quote = on is refused', sets('backslash_quote', 'on'), 'deny no-reading-change')
check('backslash_quote = safe_encoding is allowed', sets('backslash_quote', 'safe_encoding'), 'allow')
check(
  'session_replication_role = replica is refused',
  sets('session_replication_role', 'replica'),
  'deny no-reading-change',
)
check(
  'an UPDATE of pg_settings is refused: it sets settings',
  text(command('UPDATE', { writes: true, relations: [writesTo('pg_settings')] })),
  'deny no-reading-change',
)
check(
  'a view over pg_settings is refused: it could be updated',
  text(command('CREATE', { object: 'VIEW', defines: true, relations: [reads('pg_catalog.pg_settings')] })),
  'deny no-reading-change',
)
check(
  'reading pg_settings is allowed',
  text(command('SELECT', { relations: [reads('pg_settings')] })),
  'allow',
)
check(
  "a table of one's own called pg_settings may be written",
  text(command('UPDATE', { relations: [writesTo('app.pg_settings')] })),
  'allow',
)

test('a shipped rule can be turned off by name, except those that other promises stand on', () => {
  const all = DEFAULT_RULES.map(one => one.name)
  const off = policyOf([], { defaultRulesOff: [...all, ruleName('not-understood')] })
  expect(off.denials.map(one => one.name)).toEqual(['no-reading-change'])
  const decision = decideStatement(off, {
    ...ASKER,
    text: '',
    facts: { understood: false, reason: 'syntax error' },
    statements: [],
    now: NOON,
    resolveTables: () => [],
  })
  expect(decision).toEqual({
    kind: 'deny',
    rule: 'not-understood',
    message: 'the statement was not understood: syntax error',
    hint: undefined,
  })
})
