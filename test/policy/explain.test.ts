import { beforeAll, expect, test } from 'vitest'
import {
  COMMANDS_EXPLAINED_MAX,
  type ExplainedRule,
  explainStatement,
  RULES_LISTED_MAX,
} from '../../src/policy/explain.js'
import { decideStatement } from '../../src/policy/statement-judge.js'
import type { StatementPolicy } from '../../src/policy/statement-policy.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { ASKER, NOON, policyOf, rule, ruleName, spell } from './asked.js'

beforeAll(loadPostgresGrammar)

const SHIPPED = policyOf([])

function explain(text: string, policy: StatementPolicy = SHIPPED) {
  const input = {
    ...ASKER,
    text,
    facts: readPostgresText(text),
    statements: [],
    now: NOON,
    resolveTables: ({ schema, name }: { schema: string | undefined; name: string }) => [
      `${schema ?? 'public'}.${name}`,
    ],
  }
  const explanation = explainStatement(policy, input)
  // Whatever is explained is what is decided.
  expect(explanation.decision).toEqual(decideStatement(policy, input))
  return explanation
}

const spellRule = ({ rule: name, outcome, close }: ExplainedRule): string =>
  `${name} ${close ? 'close' : outcome}`

/** The decision, and for each command the rules that say something of it. */
function check(text: string, decision: string, ...said: readonly (readonly string[])[]) {
  const explanation = explain(text)
  expect(spell(explanation.decision)).toBe(decision)
  const telling = explanation.commands.map(({ rules }) =>
    rules.filter(one => one.outcome !== 'missed' || one.close).map(spellRule),
  )
  expect(telling).toEqual(said)
}

test('the rule that decided is among those that matched, and a rule of the same verb came close', () => {
  check('SELECT 1', 'allow', [])
  check('DELETE FROM t', 'deny no-bare-delete', ['no-bare-delete matched'])
  check('DELETE FROM t WHERE id = 1', 'allow', ['no-bare-delete close'])
  check('UPDATE t SET a = 1 WHERE id = 1', 'allow', ['no-bare-update close'])
  check('DROP TABLE t', 'deny no-drop', ['no-drop matched'])
  check('ALTER TABLE t ADD COLUMN a int', 'allow', ['no-drop close'])
  check('TRUNCATE t', 'deny no-truncate', ['no-truncate matched'])
})

test('each command of a text is explained for itself', () => {
  check('SELECT 1; DELETE FROM t', 'deny no-bare-delete', [], ['no-bare-delete matched'])
  check(
    'WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d',
    'deny no-bare-delete',
    [],
    ['no-bare-delete matched'],
  )
})

test('a text that was not understood has no rules to speak of', () => {
  const { decision, commands } = explain('SELEC 1')
  expect([spell(decision), commands]).toEqual(['deny not-understood', []])
})

test('rules behind the one that decided are asked as well', () => {
  const policy = policyOf([
    rule('statement.verb == "SELECT"', { name: ruleName('first') }),
    rule('role == "reader"', { name: ruleName('second'), message: 'readers do not' }),
    rule('statement.verb == "SELECT" && statement.writes', { name: ruleName('third') }),
    rule('true', { name: ruleName('elsewhere'), connections: ['other-*'] }),
    rule('true', { name: ruleName('by-hand'), effect: 'allow' }),
  ])
  const { decision, commands } = explain('SELECT 1', policy)
  expect(spell(decision)).toBe('deny first')
  const [command] = commands
  expect(command?.rules.slice(0, 4)).toEqual([
    expect.objectContaining({ rule: 'first', effect: 'deny', origin: 'configured', outcome: 'matched' }),
    expect.objectContaining({ rule: 'second', message: 'readers do not' }),
    expect.objectContaining({ rule: 'by-hand', effect: 'allow', outcome: 'matched' }),
    expect.objectContaining({ rule: 'third', outcome: 'missed', close: true }),
  ])
  expect(command?.rules.map(one => one.rule)).not.toContain('elsewhere')
})

test('a rule that cannot be evaluated is shown as failed, with the reason', () => {
  const policy = policyOf([rule('principal.groups[7] == "x"', { name: ruleName('broken') })])
  const { decision, commands } = explain('SELECT 1', policy)
  expect(spell(decision)).toBe('deny broken')
  expect(commands[0]?.rules[0]).toMatchObject({
    rule: 'broken',
    outcome: 'failed',
    message: expect.stringContaining('cannot be evaluated'),
  })
})

test('tables are shown as rules see them', () => {
  const [command] = explain('INSERT INTO a SELECT * FROM s.b').commands
  expect([command?.tables, command?.writtenTables]).toEqual([['public.a', 's.b'], ['public.a']])
  const many = Array.from({ length: 1001 }, (_, index) => `t${index}`).join(', ')
  expect(explain(`SELECT FROM ${many}`).commands[0]?.tables).toBeUndefined()
})

test('an explanation is bounded, and says what it leaves out', () => {
  const policy = policyOf(
    Array.from({ length: 150 }, (_, index) => rule('false', { name: ruleName(`r-${index}`) })),
  )
  const { commands, commandCount } = explain('SELECT 1;'.repeat(50), policy)
  expect([commands.length, commandCount]).toEqual([COMMANDS_EXPLAINED_MAX, 50])
  expect([commands[0]?.rules.length, commands[0]?.ruleCount]).toEqual([RULES_LISTED_MAX, 158])
})
