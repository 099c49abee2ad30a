import { mayAnswer } from '../../domain/approval-count.js'
import type { Grant } from '../../domain/grant.js'
import { readGrantId, readReviewId } from '../../domain/ids.js'
import { isSamePrincipal, type Principal } from '../../domain/principal.js'
import { HoopError } from '../../lib/hoop-error.js'
import { actorOf } from '../../store/actor.js'
import type { Asking, GrantsDeps } from './grants.js'

/**
 * Takes a grant back and ends what it had opened: one's own, or one whose review one may answer, as who says yes may think
 * better of it. Takes the grant's name or its review's. Fails with `not_found`, for a grant that is not there too.
 */
export async function revokeGrant(deps: GrantsDeps, asking: Asking, text: string): Promise<void> {
  const { principal, address } = asking
  const grant = await findRevocable(deps, principal, text)
  if (grant === undefined) {
    throw new HoopError(
      'not_found',
      `Cannot revoke grant "${text}": there is none of that name that is yours to take back`,
      { hint: 'hoop grants list' },
    )
  }
  // Who gives back what is gone already is not told off, and not written down twice.
  if (grant.revokedAt !== undefined) return
  const at = deps.now()
  const actor = actorOf(principal)
  const isRevokedNow = await deps.store.grants.revoke(grant.id, actor, at)
  // INVARIANT 5: whatever becomes of the audit log, nothing lives on.
  deps.endSessions(grant)
  if (!isRevokedNow) return
  const detail = isSamePrincipal(grant.principal, principal) ? undefined : { of: actorOf(grant.principal) }
  await deps.store.audit.append({ at, actor, action: 'grant.revoked', subject: grant.id, address, detail })
}

async function findRevocable(
  deps: GrantsDeps,
  principal: Principal,
  text: string,
): Promise<Grant | undefined> {
  const grant = await findGrant(deps, text)
  if (grant === undefined || isSamePrincipal(grant.principal, principal)) return grant
  const review = grant.review === undefined ? undefined : await deps.reviews.find(grant.review)
  if (review === undefined) return undefined
  const seen = await deps.reviews.seen([principal, review.requester])
  return mayAnswer(review, principal, seen) ? grant : undefined
}

async function findGrant({ store }: GrantsDeps, text: string): Promise<Grant | undefined> {
  const id = readGrantId(text)
  if (id !== undefined) return store.grants.find(id)
  const review = readReviewId(text)
  return review === undefined ? undefined : store.grants.findByReview(review)
}
