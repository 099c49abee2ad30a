import type { ApprovalTerms } from '../domain/approval.js'
import type { AccessRule } from '../policy/access.js'
import type { PolicyRule } from '../policy/rule.js'
import type { HoopShape } from './hoop-schema.js'

/** How long a question waits while a transaction holds locks, unless the file says otherwise or it waits less anyway. */
const WAIT_IN_TRANSACTION_MS = 60_000

/** What it takes to approve something. */
export function buildApproval(shape: HoopShape['approvals'][number]): ApprovalTerms {
  const { wait, wait_in_transaction: short } = shape
  return {
    name: shape.name,
    groups: [...new Set(shape.groups)],
    manager: shape.manager,
    count: shape.count,
    waitMs: wait,
    waitInTransactionMs: short ?? Math.min(wait, WAIT_IN_TRANSACTION_MS),
    validMs: shape.valid,
    reasonRequired: shape.reason_required,
  }
}

/** An access rule with the terms of its approval. */
export function buildAccessRule(
  rule: HoopShape['access'][number],
  approvals: readonly ApprovalTerms[],
): AccessRule {
  const { approval, during } = rule
  return {
    name: rule.name,
    groups: rule.groups,
    connections: rule.connections,
    roles: rule.roles,
    durationMaxMs: rule.for,
    reasonRequired: rule.reason_required,
    ...(approval === undefined ? {} : { approval: termsOf(approval, approvals) }),
    ...(during === undefined ? {} : { during: during.map(buildWindow) }),
    ...(rule.break_glass ? { breakGlass: true } : {}),
  }
}

/** A statement rule, with the terms of its approval where it asks people. */
export function buildStatementRule(
  shape: HoopShape['statements'][number],
  approvals: readonly ApprovalTerms[],
): PolicyRule {
  const { name, connections, when, then: effect, message, hint, approval = '' } = shape
  const written = { name, connections, when, message, hint }
  return effect === 'review'
    ? { ...written, effect, terms: termsOf(approval, approvals) }
    : { ...written, effect }
}

type WindowShape = NonNullable<HoopShape['access'][number]['during']>[number]

function buildWindow({ days, from, to, zone }: WindowShape): NonNullable<AccessRule['during']>[number] {
  return { days, fromMinute: from, toMinute: to, zone }
}

function termsOf(name: string, approvals: readonly ApprovalTerms[]): ApprovalTerms {
  const terms = approvals.find(one => one.name === name)
  if (terms === undefined) throw new Error('a reference to an approval was not checked before it was built')
  return terms
}
