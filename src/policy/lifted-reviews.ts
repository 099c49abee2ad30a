import type { PolicyDecision } from '../domain/decision.js'

/**
 * A decision where the glass was broken: what would have waited for people runs. It names the rules that would have asked
 * them, so that the recording has them and the person is told. Denials stay.
 */
export function liftReviews(decision: PolicyDecision): PolicyDecision {
  if (decision.kind !== 'review') return decision
  const [first] = decision.demands
  return { kind: 'allow', rule: first?.rule, lifted: decision.demands.map(({ rule }) => rule) }
}
