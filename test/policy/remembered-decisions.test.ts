import { expect, test } from 'vitest'
import { makeStatementJudge, type Question } from '../../src/policy/statement-judge.js'
import { ANA, ASKER, NOON, policyOf, rule, spell } from './asked.js'
import { command, reads, text } from './facts.js'

const SELECT = text(command('SELECT', { relations: [reads('customers')] }))
const resolveTables: Question['resolveTables'] = ({ schema, name }) => [`${schema ?? 'public'}.${name}`]

function judgeWith(when: string) {
  let looked = 0
  const counting: Question['resolveTables'] = relation => {
    looked += 1
    return resolveTables(relation)
  }
  const judge = makeStatementJudge(policyOf([rule(when)]), ASKER)
  const ask = (more: Partial<Question> = {}) =>
    judge.decide({
      text: 'SELECT',
      facts: SELECT,
      statements: SELECT.statements,
      now: NOON,
      resolveTables: counting,
      ...more,
    })
  return { ask, looked: () => looked }
}

test('the same facts are decided once', () => {
  const { ask, looked } = judgeWith('"public.orders" in statement.tables')
  expect([ask(), ask(), ask()].map(spell)).toEqual(['allow', 'allow', 'allow'])
  expect(looked()).toBe(1)
})

test('nothing is remembered where a rule looks at the time', () => {
  const { ask } = judgeWith('now.hour >= 17')
  expect(spell(ask())).toBe('allow')
  expect(spell(ask({ now: new Date('2026-03-10T17:00:00Z') }))).toBe('deny house-rule')
})

test('nothing is remembered across a change of the catalog', () => {
  const { ask } = judgeWith('"sales.customers" in statement.tables')
  expect(spell(ask())).toBe('allow')
  expect(spell(ask({ resolveTables: () => ['sales.customers'] }))).toBe('deny house-rule')
})

test('another text with the same facts is decided anew', () => {
  const { ask } = judgeWith('statement.text.contains("/* batch */")')
  expect(spell(ask())).toBe('allow')
  expect(spell(ask({ text: 'SELECT /* batch */' }))).toBe('deny house-rule')
})

test('a rule sees who asks, so judges of two people do not share decisions', () => {
  const policy = policyOf([rule('!("engineering" in principal.groups)')])
  const question = { text: '', facts: SELECT, statements: SELECT.statements, now: NOON, resolveTables }
  const guest = { ...ASKER, principal: { ...ANA, groups: ['guests'] } }
  expect(spell(makeStatementJudge(policy, ASKER).decide(question))).toBe('allow')
  expect(spell(makeStatementJudge(policy, guest).decide(question))).toBe('deny house-rule')
})
