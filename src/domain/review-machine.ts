import { unreachable } from '../lib/unreachable.js'
import { countApprovals, isSamePerson, mayAnswer, type Seen } from './approval-count.js'
import type { Review, ReviewAnswer } from './review.js'
import type { ReviewState } from './review-state.js'

/** How long a look afterwards may take: whoever broke the glass is not rid of it by waiting. */
export const AFTERWARDS_WAIT_MS = 30 * 24 * 3_600_000

/** Answers that a review keeps. Demands ask for some ten people each; a no is always taken. */
const ANSWERS_MAX = 100

/** Something that happens to a review. */
export type ReviewEvent =
  /** `digest` is of what the person saw. */
  | { readonly kind: 'answer'; readonly answer: ReviewAnswer; readonly digest: string; readonly seen: Seen }
  | { readonly kind: 'withdraw'; readonly why: string }
  | { readonly kind: 'expire' }
  /** `digest` is of what would run now. */
  | { readonly kind: 'use'; readonly digest: string; readonly seen: Seen }
  | { readonly kind: 'void'; readonly why: string }

/** What becomes of a review by an event. */
export type ReviewStep =
  | { readonly kind: 'changed'; readonly review: Review }
  /** `why` is half a sentence. `conflict`: not any more, or not this; `forbidden`: not by them. */
  | { readonly kind: 'refused'; readonly code: 'conflict' | 'forbidden'; readonly why: string }

/** True until the review is in one of its last states. */
export function isOpen({ state }: Pick<Review, 'state'>): boolean {
  return state === 'pending' || state === 'approved'
}

/** True when the time of an open review is over, whether or not somebody wrote that down. */
export function isOverdue(review: Pick<Review, 'state' | 'until'>, now: Date): boolean {
  return isOpen(review) && now >= review.until
}

/** When a new question ends that nobody answers: the smallest wait that is demanded of it, at its own end at the latest. */
export function pendingUntil(
  { subject, demands }: Pick<Review, 'subject' | 'demands'>,
  { now, notAfter }: { readonly now: Date; readonly notAfter: Date | undefined },
): Date {
  const locksAreHeld = subject.kind === 'operation' && subject.inTransaction
  const waits = demands.map(({ terms }) => (locksAreHeld ? terms.waitInTransactionMs : terms.waitMs))
  const afterwards = subject.kind === 'grant' && subject.afterwards
  const waitMs = afterwards ? AFTERWARDS_WAIT_MS : Math.min(...waits)
  return new Date(Math.min(now.getTime() + waitMs, notAfter?.getTime() ?? Number.POSITIVE_INFINITY))
}

/** The review after an event, or why it does not happen. What has ended stays as it is. */
export function nextReview(review: Review, event: ReviewEvent, now: Date): ReviewStep {
  switch (event.kind) {
    case 'answer':
      return answer(review, event, now)
    case 'withdraw':
      if (!isOpen(review)) return ended(review)
      // A-15: who broke the glass does not close the question about it.
      if (isAfterwards(review)) {
        return refused('forbidden', 'it is looked at afterwards, and only who looks at it ends it')
      }
      return moved(review, 'withdrawn', { now, why: event.why })
    case 'expire':
      if (!isOpen(review)) return ended(review)
      if (!isOverdue(review, now)) return refused('conflict', 'its time is not over')
      return moved(review, 'expired', { now, why: whyExpired(review) })
    case 'use':
      return use(review, event, now)
    case 'void':
      if (review.state !== 'approved') return ended(review)
      return moved(review, 'voided', { now, why: event.why })
    default:
      return unreachable(event)
  }
}

function answer(
  review: Review,
  { answer: given, digest, seen }: Extract<ReviewEvent, { kind: 'answer' }>,
  now: Date,
): ReviewStep {
  // Rights first: who may not answer learns nothing of what became of it.
  if (isSamePerson(review.requester, given.by)) return refused('forbidden', 'it is your own question')
  if (!mayAnswer(review, given.by, seen)) return refused('forbidden', 'you are not among those who may')
  if (review.state !== 'pending' || now >= review.until) return ended(review)
  if (digest !== review.digest) return refused('conflict', 'what you saw is not what is asked')
  if (given.verdict === 'approve' && review.answers.some(({ by }) => isSamePerson(by, given.by))) {
    return refused('conflict', 'you have said yes already')
  }
  if (given.verdict === 'approve' && review.answers.length >= ANSWERS_MAX) {
    return refused('conflict', `${ANSWERS_MAX} people have said yes, and others are needed`)
  }
  const answered = { ...review, answers: [...review.answers, given] }
  if (given.verdict === 'deny') return moved(answered, 'denied', { now, why: whyDenied(given) })
  if (!countApprovals(answered, seen).met) return { kind: 'changed', review: answered }
  // What was given already by breaking the glass has been used already too.
  if (isAfterwards(review)) return moved(answered, 'used', { now, why: undefined })
  const validMs = Math.min(...review.demands.map(({ terms }) => terms.validMs))
  return moved({ ...answered, until: new Date(now.getTime() + validMs) }, 'approved', { now, why: undefined })
}

/** INVARIANT 6: for exactly these bytes, once, by enough people who still may say yes. */
function use(review: Review, { digest, seen }: Extract<ReviewEvent, { kind: 'use' }>, now: Date): ReviewStep {
  if (review.state === 'pending') return refused('conflict', 'it is not approved')
  if (review.state !== 'approved' || now >= review.until) return ended(review)
  if (digest !== review.digest) {
    return moved(review, 'voided', { now, why: 'what would run now is not what was approved' })
  }
  if (!countApprovals(review, seen).met) {
    return moved(review, 'voided', { now, why: 'somebody who said yes may not any more' })
  }
  return moved(review, 'used', { now, why: undefined })
}

/** True for a question about what was given already, by breaking the glass. */
export function isAfterwards({ subject }: Pick<Review, 'subject'>): boolean {
  return subject.kind === 'grant' && subject.afterwards
}

function moved(
  review: Review,
  state: ReviewState,
  { now, why }: { readonly now: Date; readonly why: string | undefined },
): ReviewStep {
  return { kind: 'changed', review: { ...review, state, stateAt: now, why } }
}

function refused(code: 'conflict' | 'forbidden', why: string): ReviewStep {
  return { kind: 'refused', code, why }
}

function ended(review: Review): ReviewStep {
  return refused('conflict', describeEnd(review))
}

/** What became of a review, as half a sentence: `it was denied by grace@example.com at 2026-…: not on a Friday`. */
export function describeEnd({ state, stateAt, why, answers }: Review): string {
  const at = stateAt.toISOString()
  switch (state) {
    case 'pending':
      return 'nobody answered in time'
    case 'approved':
      return `it was approved by ${answers.map(({ by }) => by.name).join(', ')} at ${at}`
    case 'denied':
    case 'withdrawn':
    case 'voided':
    case 'expired':
      return `it was ${state} at ${at}${why === undefined ? '' : `: ${why}`}`
    case 'used':
      return `it was used at ${at}`
    default:
      return unreachable(state)
  }
}

function whyDenied({ by, comment }: ReviewAnswer): string {
  return `denied by ${by.name}${comment === undefined ? '' : `: ${comment}`}`
}

function whyExpired({ state }: Review): string {
  return state === 'pending' ? 'nobody answered in time' : 'the approval was not used in time'
}
