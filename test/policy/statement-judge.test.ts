import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { PolicyDecision } from '../../src/domain/decision.js'
import type { CommandFacts, StatementFacts, TextFacts } from '../../src/domain/facts.js'
import type { PolicyRule } from '../../src/policy/rule.js'
import { type Asker, COMMANDS_MAX, decideStatement, type Question } from '../../src/policy/statement-judge.js'
import type { StatementPolicyOptions } from '../../src/policy/statement-policy.js'
import { ASKER, NOON, policyOf, rule, ruleName, spell } from './asked.js'
import { calls, command, reads, statement, text, writesTo } from './facts.js'

const resolveTables: Question['resolveTables'] = ({ schema, name }) => [`${schema ?? 'public'}.${name}`]

interface Case extends Partial<StatementPolicyOptions>, Partial<Asker> {
  readonly rules: readonly PolicyRule[]
  readonly facts: TextFacts
  readonly text?: string
  readonly behindNames?: readonly StatementFacts[]
  readonly now?: Date
}

function decide(one: Case): PolicyDecision {
  const own = one.facts.understood ? one.facts.statements : []
  return decideStatement(policyOf(one.rules, one), {
    ...ASKER,
    ...one,
    text: one.text ?? 'SELECT 1',
    statements: [...own, ...(one.behindNames ?? [])],
    now: one.now ?? NOON,
    resolveTables,
  })
}

function check(title: string, one: Case, verdict: string): void {
  test(title, () => {
    expect(spell(decide(one))).toBe(verdict)
  })
}

const SELECT = text(command('SELECT', { relations: [reads('customers')] }))
const allow = (when: string): PolicyRule => rule(when, { name: ruleName('by-hand'), effect: 'allow' })
const matches = (when: string, facts: Partial<CommandFacts> = {}, more: Partial<Case> = {}): void =>
  check(
    `${when} matches`,
    { rules: [rule(when)], facts: text(command('SELECT', facts)), ...more },
    'deny house-rule',
  )
const differs = (when: string, facts: Partial<CommandFacts> = {}, more: Partial<Case> = {}): void =>
  check(`${when} differs`, { rules: [rule(when)], facts: text(command('SELECT', facts)), ...more }, 'allow')

// Variables
matches('statement.verb == "SELECT"')
differs('statement.verb == "INSERT"')
matches('statement.object == "TABLE"', { object: 'TABLE' })
matches('statement.nested', { nested: true })
matches('statement.writes', { writes: true })
matches('!statement.filtered', { filtered: false })
matches('statement.defines', { defines: true })
differs('statement.drops || statement.opaque || statement.server_access')
matches('statement.understood')
matches('"public.customers" in statement.tables', { relations: [reads('customers')] })
matches('"sales.customers" in statement.tables', { relations: [reads('sales.customers')] })
differs('"public.customers" in statement.written_tables', { relations: [reads('customers')] })
matches('"public.customers" in statement.written_tables', { relations: [writesTo('customers')] })
matches('statement.tables.exists(t, t.startsWith("public."))', { relations: [reads('customers')] })
matches('statement.tables.size() > 1', { relations: [reads('a'), reads('b'), reads('a')] })
differs('statement.tables.size() > 1', { relations: [reads('a'), reads('a')] })
matches('"pg_sleep" in statement.functions', { functions: [calls('pg_catalog.pg_sleep')] })
matches('"pg_catalog.pg_sleep" in statement.functions', { functions: [calls('pg_catalog.pg_sleep')] })
matches('"work_mem" in statement.settings', { settings: [{ name: 'Work_Mem', value: '1GB' }] })
matches('statement.text.matches("(?i)secret")', {}, { text: 'SELECT * FROM Secrets' })
differs('statement.text.matches("^secret")', {}, { text: 'SELECT * FROM secrets' })
matches('principal.name == "ana@example.com" && principal.subject == "u-1"')
matches('principal.issuer.startsWith("https://")')
matches('"engineering" in principal.groups')
differs('"admins" in principal.groups')
matches('connection.name == "prod-db" && connection.protocol == "postgres" && connection.database == "shop"')
matches('role == "reader"')
matches('now.hour == 12 && now.minute == 30 && now.weekday == 2')
matches('now.time > timestamp("2026-03-10T12:00:00Z")')
matches('now.time.getHours("Europe/Berlin") == 13')
differs('now.hour < 9 || now.hour >= 17')

// Scope, order and what counts
check(
  'a rule speaks of the connections it names',
  { rules: [rule('true', { connections: ['staging-*'] })], facts: SELECT },
  'allow',
)
check(
  'a glob covers connections',
  { rules: [rule('true', { connections: ['prod-*'] })], facts: SELECT },
  'deny house-rule',
)
check(
  'a denial overrides an allowance that comes before it',
  { rules: [allow('true'), rule('true')], facts: SELECT },
  'deny house-rule',
)
check(
  'an allowance does not lift a shipped rule',
  { rules: [allow('true')], facts: text(command('DROP', { drops: true })) },
  'deny no-drop',
)
check(
  "a configuration's denial is named before a shipped one",
  { rules: [rule('statement.drops')], facts: text(command('DROP', { drops: true })) },
  'deny house-rule',
)
check('an allowance is named', { rules: [allow('true')], facts: SELECT }, 'allow by-hand')
check(
  'each command inside a statement is judged',
  {
    rules: [rule('statement.nested && statement.writes')],
    facts: text(command('SELECT'), command('INSERT', { nested: true, writes: true })),
  },
  'deny house-rule',
)
check(
  'what stands behind a name is judged with the text that uses it',
  {
    rules: [],
    facts: text(command('EXECUTE')),
    behindNames: [statement(command('DELETE', { filtered: false }))],
  },
  'deny no-bare-delete',
)
test('the statements of the text are judged also when the caller leaves them out', () => {
  const facts = text(command('TRUNCATE'))
  const question = {
    ...ASKER,
    text: '',
    facts,
    statements: [statement(command('SELECT'))],
    now: NOON,
    resolveTables,
  }
  expect(spell(decideStatement(policyOf([]), question))).toBe('deny no-truncate')
})

// What no rule speaks of
check('by default what no rule speaks of is allowed', { rules: [allow('false')], facts: SELECT }, 'allow')
check(
  'with statement_default deny it is refused',
  { rules: [allow('statement.verb == "INSERT"')], facts: SELECT, statementDefault: 'deny' },
  'deny statement-default',
)
check(
  'with statement_default deny an allowance lets it pass',
  { rules: [allow('statement.verb == "SELECT"')], facts: SELECT, statementDefault: 'deny' },
  'allow by-hand',
)
check(
  'with statement_default deny every command needs an allowance',
  {
    rules: [allow('statement.verb == "SELECT"')],
    facts: text(command('SELECT'), command('INSERT', { nested: true })),
    statementDefault: 'deny',
  },
  'deny statement-default',
)

// INVARIANT 11
for (const when of [
  'statement.tables[7] == "x"',
  'int(role) == 1',
  '1 / 0 == 1',
  'dyn(statement).tables.verb == "x"',
  'now.time.getHours("Mars/Olympus") == 1',
  'timestamp(role) < now.time',
]) {
  check(
    `${when} cannot be evaluated, which denies`,
    { rules: [rule(when)], facts: SELECT },
    'deny house-rule',
  )
  check(`${when} denies as an allowance too`, { rules: [allow(when)], facts: SELECT }, 'deny by-hand')
}
test('the denial says that the rule could not be evaluated, in one line', () => {
  const decision = decide({ rules: [rule('statement.tables[7] == "x"')], facts: SELECT })
  expect(decision).toMatchObject({
    kind: 'deny',
    message: expect.stringMatching(/^the rule cannot be evaluated: .+$/),
  })
})
check(
  'more tables than a rule may look at deny it',
  {
    rules: [rule('"x" in statement.tables')],
    facts: text(command('SELECT', { relations: Array.from({ length: 1001 }, (_, n) => reads(`t${n}`)) })),
  },
  'deny house-rule',
)
check(
  'more commands than are judged are refused',
  { rules: [], facts: text(...Array.from({ length: COMMANDS_MAX + 1 }, () => command('SELECT'))) },
  'deny not-understood',
)
check(
  'a long text that would be read for each of many commands is refused',
  {
    rules: [rule('statement.text.contains("x")')],
    facts: text(...Array.from({ length: 3000 }, () => command('SELECT'))),
    text: ' '.repeat(100_000),
  },
  'deny not-understood',
)

test('a pattern that would make a backtracking engine hang is answered at once', () => {
  const started = performance.now()
  const decision = decide({
    rules: [rule('statement.text.matches("^(a+)+$")')],
    facts: SELECT,
    text: `${'a'.repeat(50_000)}!`,
  })
  expect(spell(decision)).toBe('allow')
  expect(performance.now() - started).toBeLessThan(2000)
})

test('the message and hint of a rule reach the person', () => {
  const rules = [rule('true', { message: 'prod is frozen until Monday', hint: 'ask in #releases' })]
  expect(decide({ rules, facts: SELECT })).toEqual({
    kind: 'deny',
    rule: 'house-rule',
    message: 'prod is frozen until Monday',
    hint: 'ask in #releases',
  })
})

test('whatever the facts, a decision is made, and adding a command never turns a denial into an allowance', () => {
  const flag = fc.boolean()
  const someCommand = fc
    .record({
      filtered: flag,
      drops: flag,
      opaque: flag,
      serverAccess: flag,
      verb: fc.constantFrom('SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'SET', ''),
      settings: fc.array(
        fc.record({
          name: fc.constantFrom('role', '*', 'client_encoding', 'work_mem', '__proto__'),
          value: fc.option(fc.string(), { nil: undefined }),
        }),
      ),
      functions: fc.array(
        fc.record({ schema: fc.option(fc.string(), { nil: undefined }), name: fc.string() }),
      ),
      relations: fc.array(fc.constantFrom(reads('a'), writesTo('b.c'), reads('pg_settings'))),
    })
    .map(({ verb, ...facts }) => command(verb, facts))
  const rules = [rule('statement.tables.exists(t, t == "b.c")'), allow('statement.writes')]
  fc.assert(
    fc.property(fc.array(someCommand, { minLength: 1 }), someCommand, (commands, extra) => {
      const before = decide({ rules, facts: text(...commands) })
      const after = decide({ rules, facts: text(...commands, extra) })
      expect(before.kind === 'deny' && after.kind === 'allow').toBe(false)
    }),
  )
})
