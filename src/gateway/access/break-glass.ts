import type { ConnectionName } from '../../domain/names.js'
import { grantDigest } from '../../domain/operation-digest.js'
import type { AccessDecision } from '../../policy/access.js'
import { giveGrant } from './give-grant.js'
import type { Asking, GrantAnswer, GrantsDeps } from './grants.js'

interface Breaking {
  readonly decision: Extract<AccessDecision, { kind: 'granted' }>
  readonly connection: ConnectionName
  readonly reason: string | undefined
}

/**
 * Gives a grant at once, by the right to break the glass. People are told, and look at it afterwards: the question comes
 * first, so that there is no such grant without one.
 */
export async function breakGlass(
  deps: GrantsDeps,
  asking: Asking,
  { decision, connection, reason }: Breaking,
): Promise<GrantAnswer> {
  const { principal, address } = asking
  const { role, rule, durationMs, until, afterwards: demand } = decision
  // Fail closed: the configuration has no such rule.
  if (demand === undefined || reason === undefined)
    throw new Error('the glass is broken without a reason or anybody to look at it')
  const review = await deps.reviews.ask({
    subject: { kind: 'grant', connection, role, durationMs, afterwards: true },
    requester: principal,
    address,
    reason,
    demands: [demand],
    digest: grantDigest({ principal, connection, role, durationMs, reason }),
  })
  const given = { connection, role, rule, reason, until, review: review.id, breakGlass: true }
  return { kind: 'given', grant: await giveGrant(deps, asking, given) }
}
