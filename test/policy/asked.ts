import type { ApprovalTerms } from '../../src/domain/approval.js'
import type { PolicyDecision } from '../../src/domain/decision.js'
import type { RuleName } from '../../src/domain/names.js'
import { readRuleName } from '../../src/domain/names.js'
import type { Principal } from '../../src/domain/principal.js'
import type { PolicyRule, WrittenRule } from '../../src/policy/rule.js'
import type { Asker } from '../../src/policy/statement-judge.js'
import {
  compileStatementPolicy,
  type StatementPolicy,
  type StatementPolicyOptions,
} from '../../src/policy/statement-policy.js'

export const ANA: Principal = {
  issuer: 'https://login.example.com',
  subject: 'u-1',
  name: 'ana@example.com',
  groups: ['engineering'],
}

export const ASKER: Asker = {
  principal: ANA,
  connection: { name: 'prod-db', protocol: 'postgres' },
  role: 'reader',
  database: 'shop',
}

/** A Tuesday. */
export const NOON = new Date('2026-03-10T12:30:00Z')

/** A rule's name that is known to be one. */
export function ruleName(text: string): RuleName {
  const name = readRuleName(text)
  if (name === undefined) throw new Error(`"${text}" is no rule name`)
  return name
}

/** A denial named `house-rule`, unless said otherwise. */
export function rule(
  when: string,
  more: Partial<WrittenRule> & { readonly effect?: 'deny' | 'allow' } = {},
): PolicyRule {
  return {
    name: ruleName('house-rule'),
    connections: ['*'],
    when,
    effect: 'deny',
    message: undefined,
    hint: undefined,
    ...more,
  }
}

/** Terms that one person of `dba` meets. */
export const TERMS: ApprovalTerms = {
  name: 'a-dba',
  groups: ['dba'],
  manager: false,
  count: 1,
  waitMs: 900_000,
  waitInTransactionMs: 60_000,
  validMs: 300_000,
  reasonRequired: false,
}

/** A rule by this name that asks people, on terms of its own. */
export function review(name: string, when: string, more: Partial<WrittenRule> = {}): PolicyRule {
  return { ...rule(when, { name: ruleName(name), ...more }), effect: 'review', terms: TERMS }
}

/** The compiled policy; fails the test when a rule does not compile. */
export function policyOf(
  rules: readonly PolicyRule[],
  options: Partial<StatementPolicyOptions> = {},
): StatementPolicy {
  const compiled = compileStatementPolicy(rules, {
    defaultRulesOff: [],
    statementDefault: 'allow',
    ...options,
  })
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.problems))
  return compiled.policy
}

/** A decision in a few words: `allow`, `allow by-hand`, `deny no-drop`, `review one, other`. */
export function spell(decision: PolicyDecision): string {
  if (decision.kind === 'review') return `review ${decision.demands.map(demand => demand.rule).join(', ')}`
  return decision.rule === undefined ? decision.kind : `${decision.kind} ${decision.rule}`
}
