import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import type { PolicyDecision } from '../../src/domain/decision.js'
import type { TextFacts } from '../../src/domain/facts.js'
import type { PolicyRule } from '../../src/policy/rule.js'
import { decideStatement, makeStatementJudge, type Question } from '../../src/policy/statement-judge.js'
import type { StatementPolicyOptions } from '../../src/policy/statement-policy.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { ASKER, NOON, policyOf, review, rule, ruleName, spell, TERMS } from './asked.js'
import { command, text } from './facts.js'

beforeAll(loadPostgresGrammar)

const resolveTables: Question['resolveTables'] = ({ schema, name }) => [`${schema ?? 'public'}.${name}`]

function decideFacts(
  facts: TextFacts,
  rules: readonly PolicyRule[],
  options: Partial<StatementPolicyOptions> = {},
  sql = '',
): PolicyDecision {
  const statements = facts.understood ? facts.statements : []
  const question = { text: sql, facts, statements, now: NOON, resolveTables }
  return decideStatement(policyOf(rules, options), { ...ASKER, ...question })
}

const decide = (sql: string, rules: readonly PolicyRule[], options: Partial<StatementPolicyOptions> = {}) =>
  decideFacts(readPostgresText(sql), rules, options, sql)

function check(
  title: string,
  [sql, rules, options]: readonly [string, readonly PolicyRule[], Partial<StatementPolicyOptions>?],
  verdict: string,
): void {
  test(title, () => {
    expect(spell(decide(sql, rules, options))).toBe(verdict)
  })
}

const WRITES = review('writes', 'statement.writes')
const DELETES = review('deletes', 'statement.verb == "DELETE"')
const NO_ORDERS = rule('"public.orders" in statement.written_tables', { name: ruleName('no-orders') })
const READS = rule('statement.verb == "SELECT"', { name: ruleName('reads'), effect: 'allow' })
const ANY = rule('true', { name: ruleName('any'), effect: 'allow' })
const DENY_REST = { statementDefault: 'deny' } as const

check('a statement that no review rule speaks of goes on', ['SELECT 1', [WRITES]], 'allow')
check('a write is put to people', ['INSERT INTO t VALUES (1)', [WRITES]], 'review writes')
check(
  'every rule that matches adds its demand',
  ['DELETE FROM t WHERE id = 1', [WRITES, DELETES]],
  'review writes, deletes',
)
check(
  'demands come in the order of the file',
  ['DELETE FROM t WHERE id = 1', [DELETES, WRITES]],
  'review deletes, writes',
)
check(
  'a rule adds its demand once',
  ['INSERT INTO t VALUES (1); UPDATE t SET a = 1 WHERE id = 1', [WRITES]],
  'review writes',
)
check(
  'one command of many is enough',
  ['SELECT 1; SELECT 2; DELETE FROM t WHERE id = 1; SELECT 3', [DELETES]],
  'review deletes',
)
check(
  'rules of different commands add up in the order of the file',
  [
    'DELETE FROM t WHERE id = 1; INSERT INTO u VALUES (1)',
    [review('inserts', 'statement.verb == "INSERT"'), DELETES],
  ],
  'review inserts, deletes',
)
check(
  'a write inside of a query is a write',
  ['WITH d AS (DELETE FROM t WHERE a = 1 RETURNING *) SELECT * FROM d', [WRITES]],
  'review writes',
)
check(
  'a rule of another connection asks nobody',
  ['INSERT INTO t VALUES (1)', [review('writes', 'statement.writes', { connections: ['staging-*'] })]],
  'allow',
)

//
check('EXPLAIN of a write reads', ['EXPLAIN DELETE FROM t WHERE id = 1', [WRITES]], 'allow')
check(
  'EXPLAIN ANALYZE of a write is a write',
  ['EXPLAIN ANALYZE DELETE FROM t WHERE id = 1', [WRITES]],
  'review writes',
)
check(
  'so it is with the option in brackets',
  ['EXPLAIN (COSTS off, ANALYZE) UPDATE t SET a = 1 WHERE id = 1', [WRITES]],
  'review writes',
)
check(
  'and with a value of the option',
  ['EXPLAIN (ANALYZE true) INSERT INTO t VALUES (1)', [WRITES]],
  'review writes',
)
check(
  'EXPLAIN ANALYZE of CREATE TABLE AS is a write',
  ['EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1', [WRITES]],
  'review writes',
)

// The strictest counts
check(
  'a denial wins over a review',
  ['DELETE FROM orders WHERE id = 1', [WRITES, NO_ORDERS]],
  'deny no-orders',
)
check(
  'also when a later command is denied',
  ['DELETE FROM t WHERE id = 1; DELETE FROM orders WHERE id = 1', [WRITES, NO_ORDERS]],
  'deny no-orders',
)
check(
  'also when an earlier command is denied',
  ['DELETE FROM orders WHERE id = 1; DELETE FROM t WHERE id = 1', [WRITES, NO_ORDERS]],
  'deny no-orders',
)
check('a shipped rule wins over a review', ['DELETE FROM t', [WRITES]], 'deny no-bare-delete')
check('a review wins over an allowance', ['DELETE FROM t WHERE id = 1', [ANY, WRITES]], 'review writes')
check('what was not understood is put to nobody', ['SELEC 1', [review('all', 'true')]], 'deny not-understood')

// statement_default: deny
check('agreement is allowance enough', ['DELETE FROM t WHERE id = 1', [WRITES], DENY_REST], 'review writes')
check(
  'but only for the commands that people are asked about',
  ['DELETE FROM t WHERE id = 1; SELECT 1', [WRITES], DENY_REST],
  'deny statement-default',
)
check(
  'the others need an allowance of their own',
  ['DELETE FROM t WHERE id = 1; SELECT 1', [WRITES, READS], DENY_REST],
  'review writes',
)

// INVARIANT 11
check(
  'a review rule that cannot be evaluated denies',
  ['SELECT 1', [review('broken', 'principal.groups[7] == "x"')]],
  'deny broken',
)
check(
  'so does one behind a rule that matched',
  ['INSERT INTO t VALUES (1)', [WRITES, review('broken', 'principal.groups[7] == "x"')]],
  'deny broken',
)
check(
  'so does one that fails for a later command',
  [
    'INSERT INTO t VALUES (1); SELECT 1',
    [WRITES, review('broken', 'statement.verb == "SELECT" && principal.groups[7] == "x"')],
  ],
  'deny broken',
)

test('a demand has its rule, its message and its terms', () => {
  const rules = [review('writes', 'statement.writes', { message: 'writes need a second pair of eyes' })]
  expect(decide('INSERT INTO t VALUES (1)', rules)).toEqual({
    kind: 'review',
    demands: [{ rule: 'writes', message: 'writes need a second pair of eyes', terms: TERMS }],
  })
})

test('a remembered statement is put to people again, and another text with it is not mixed up', () => {
  const facts = readPostgresText('INSERT INTO t VALUES (1)')
  if (!facts.understood) throw new Error(facts.reason)
  const judge = makeStatementJudge(policyOf([WRITES]), ASKER)
  const question = { text: '', facts, statements: facts.statements, now: NOON, resolveTables }
  expect([1, 2, 3].map(() => spell(judge.decide(question)))).toEqual(Array(3).fill('review writes'))
  const other = text(command('SELECT'))
  expect(spell(judge.decide({ ...question, facts: other, statements: other.statements }))).toBe('allow')
  const both = judge.decide({
    ...question,
    facts: other,
    statements: [...other.statements, ...facts.statements],
  })
  expect(spell(both)).toBe('review writes')
})

test('one more command never makes a decision milder, and never takes a demand away', () => {
  const strictness = { allow: 0, review: 1, deny: 2 } as const
  const someCommand = fc
    .record({
      writes: fc.boolean(),
      filtered: fc.boolean(),
      verb: fc.constantFrom('SELECT', 'DELETE', 'INSERT', 'DO'),
    })
    .map(({ verb, ...facts }) => command(verb, facts))
  const rules = [DELETES, READS, WRITES]
  fc.assert(
    fc.property(
      fc.array(someCommand, { minLength: 1 }),
      someCommand,
      fc.constantFrom('allow', 'deny'),
      (commands, extra, statementDefault) => {
        const before = decideFacts(text(...commands), rules, { statementDefault })
        const after = decideFacts(text(...commands, extra), rules, { statementDefault })
        expect(strictness[after.kind]).toBeGreaterThanOrEqual(strictness[before.kind])
        if (before.kind !== 'review' || after.kind !== 'review') return
        expect(after.demands).toEqual(expect.arrayContaining([...before.demands]))
      },
    ),
  )
})
