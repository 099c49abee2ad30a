import { isDeepStrictEqual } from 'node:util'
import type { GrantRequest } from '../../domain/api.js'
import type { ApprovalDemand } from '../../domain/decision.js'
import { type ReviewId, readReviewId } from '../../domain/ids.js'
import { grantDigest } from '../../domain/operation-digest.js'
import { isSamePrincipal } from '../../domain/principal.js'
import type { Review, ReviewSubject } from '../../domain/review.js'
import { describeEnd } from '../../domain/review-machine.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { AccessDecision } from '../../policy/access.js'
import { giveGrant } from './give-grant.js'
import type { Asking, GrantAnswer, GrantsDeps } from './grants.js'

/** The longest reason that is kept, in characters. */
const REASON_LENGTH_MAX = 1_000
/** Approvals of one person for one connection that are looked through. */
const APPROVED_MAX = 50

/** A question about a grant that is to be given when people agree. */
export interface GrantReview extends Review {
  readonly subject: Extract<ReviewSubject, { kind: 'grant' }>
}

/** The rules want people to agree. */
export type NeedsApproval = Extract<AccessDecision, { kind: 'needs-approval' }>

/**
 * The review that a request names. Fails with `not_found` for somebody else's, for one about a statement and for none, in
 * the same words, and with `usage` when the request asks for something else than the review is about.
 */
export async function findNamedReview(
  { reviews }: Pick<GrantsDeps, 'reviews'>,
  { principal }: Asking,
  { review: text = '', ...request }: GrantRequest,
): Promise<GrantReview> {
  const id = readReviewId(text)
  const review = id === undefined ? undefined : await reviews.find(id)
  if (review === undefined || !isAboutGrant(review) || !isSamePrincipal(review.requester, principal)) {
    throw new HoopError(
      'not_found',
      `Cannot claim review "${text}": there is none of that name about a grant of yours`,
      { hint: 'hoop reviews --mine' },
    )
  }
  const { connection, role } = review.subject
  if (request.connection !== connection || !isAsked(review, request)) {
    const why = `it is about another grant, of "${connection}" as "${role}"`
    throw new HoopError('usage', `Cannot claim review "${review.id}": ${why}`, {
      hint: `hoop reviews show ${review.id}`,
    })
  }
  return review
}

/** An approval of this person that is not used yet and that gives what is asked for; undefined where there is none. */
export async function findApproved(
  { store, now }: Pick<GrantsDeps, 'store' | 'now'>,
  { principal }: Asking,
  request: GrantRequest,
): Promise<GrantReview | undefined> {
  const at = now()
  const approved = await store.reviews.list({
    reader: undefined,
    states: ['approved'],
    requester: principal,
    connection: request.connection,
    limit: APPROVED_MAX,
  })
  return approved
    .map(({ review }) => review)
    .filter(isAboutGrant)
    .find(review => at < review.until && isAsked(review, request))
}

/**
 * Asks people about a grant, or gives it once they have agreed. Fails with `conflict` when the approval cannot be used (any
 * more), and as asking does.
 */
export async function claimOrAsk(
  deps: GrantsDeps,
  asking: Asking,
  { decision, review, reason, connection }: Claim,
): Promise<GrantAnswer> {
  const { principal, address } = asking
  const { role, durationMs, demand } = decision
  const digest = grantDigest({ principal, connection, role, durationMs, reason })
  if (review === undefined) {
    const subject = { kind: 'grant', connection, role, durationMs, afterwards: false } as const
    const demands = [demand]
    const question = { subject, requester: principal, address, reason, demands, digest }
    return { kind: 'asked', review: await deps.reviews.ask(question) }
  }
  if (review.state === 'pending') return { kind: 'asked', review }
  await checkDemand(deps, review, demand)
  // INVARIANT 6: once, for exactly this grant, by people who still may say yes.
  const use = await deps.reviews.use(review.id, digest)
  if (use.kind === 'refused') throw notClaimable(use.review, use.why)
  const { rule, until } = decision
  const given = { connection, role, rule, reason, until, review: review.id }
  return { kind: 'given', grant: await giveGrant(deps, asking, given) }
}

interface Claim {
  readonly decision: NeedsApproval
  /** The one to be used; undefined asks. */
  readonly review: GrantReview | undefined
  readonly reason: string | undefined
  readonly connection: GrantReview['subject']['connection']
}

/** People agreed on the terms of their time. Where the rule wants others now, what they said is not enough. */
async function checkDemand(
  { reviews }: GrantsDeps,
  review: GrantReview,
  { rule, terms }: ApprovalDemand,
): Promise<void> {
  const [asked, ...more] = review.demands
  const isSame = more.length === 0 && asked?.rule === rule && isDeepStrictEqual(asked.terms, terms)
  if (isSame || review.state !== 'approved') return
  const why = 'the access rules ask for another approval now'
  throw notClaimable(await reviews.void(review.id, why), why)
}

function isAboutGrant(review: Review): review is GrantReview {
  return review.subject.kind === 'grant' && !review.subject.afterwards
}

/** A reason as it is kept; one that is blank is none. */
export function readReason(text: string | undefined): string | undefined {
  return text?.trim().slice(0, REASON_LENGTH_MAX) || undefined
}

/** What a request leaves open is as it was asked; what it says is as it was asked too. */
function isAsked({ subject, reason }: GrantReview, request: GrantRequest): boolean {
  const { role, durationSeconds } = request
  return (
    (role === undefined || role === subject.role) &&
    (durationSeconds === undefined || durationSeconds * 1000 === subject.durationMs) &&
    (request.reason === undefined || readReason(request.reason) === reason)
  )
}

function notClaimable({ id, state, subject }: { readonly id: ReviewId } & Review, why: string): HoopError {
  const code = state === 'denied' ? 'forbidden' : 'conflict'
  return new HoopError(code, `Cannot claim review "${id}": ${why}`, {
    hint: `hoop connect ${subject.connection} asks anew`,
  })
}

/** Why a review that has ended gives nothing. */
export function refuseEnded(review: Review): HoopError | undefined {
  return review.state === 'pending' || review.state === 'approved'
    ? undefined
    : notClaimable(review, describeEnd(review))
}
