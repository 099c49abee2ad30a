import type { ApprovalDemand } from '../../domain/decision.js'
import type { ReviewId } from '../../domain/ids.js'
import type { Principal } from '../../domain/principal.js'
import type { Review, ReviewSubject } from '../../domain/review.js'

/** A question before it has a name. */
export interface ReviewQuestion {
  readonly subject: ReviewSubject
  readonly requester: Principal
  readonly address: string
  readonly reason: string | undefined
  /** At least one. */
  readonly demands: readonly ApprovalDemand[]
  /** INVARIANT 6: of everything that is approved. */
  readonly digest: string
  /** A question never waits longer than this: the end of the grant whose session asks. */
  readonly notAfter?: Date | undefined
}

/** Someone's answer as it arrives. */
export interface AnswerRequest {
  readonly by: Principal
  readonly address: string
  readonly verdict: 'approve' | 'deny'
  readonly comment: string | undefined
  /** Of what the person saw; another one than the review's is refused. */
  readonly digest: string
}

/** A person who takes a question back. */
export interface Withdrawing {
  readonly principal: Principal
  readonly address: string
}

/** What became of an approval when it was to be used. */
export type Use =
  | { readonly kind: 'used'; readonly review: Review }
  /** `why` is half a sentence for the person who asked: it expired, somebody who said yes may not any more, … */
  | { readonly kind: 'refused'; readonly why: string; readonly review: Review }

/**
 * Where questions are asked, answered and used: one engine for grants and for operations. Every change is one
 * compare-and-set in the store, so that of two that race one wins and the other is told. INVARIANT 12: every question,
 * view, answer, use and end is in the audit log before it counts.
 */
export interface ReviewDesk {
  /**
   * Asks. Fails with `usage` when a reason is demanded and missing, with `limit_exceeded` when this person asks too much
   * or too fast, or when it is too large to be shown. The same question of the same person that is pending already is not
   * told to anybody again; about a grant it is not even asked again, the answer is the one that waits.
   */
  ask(question: ReviewQuestion): Promise<Review>
  find(id: ReviewId): Promise<Review | undefined>
  /** Answers. Fails with `not_found`, `forbidden` (whoever may not answer, the requester first of all) or `conflict` (it is not pending any more, or what was seen is not what is asked). */
  answer(id: ReviewId, answer: AnswerRequest): Promise<Review>
  /**
   * Takes a pending or approved question back; what has ended stays as it is. Fails with `forbidden` when it is about what
   * was given already: who broke the glass does not close it.
   *
   * @param by who does it, where it is a person from an address and not the session itself
   */
  withdraw(id: ReviewId, why: string, by?: Withdrawing): Promise<Review>
  /** Resolves when the review is not pending any more, at its `until` at the latest. Rejects when the signal aborts. */
  settled(id: ReviewId, signal: AbortSignal): Promise<Review>
  /**
   * INVARIANT 6: uses an approval up, once, for exactly `digest`. People who said yes are checked again: they still may, and
   * they are still enough.
   */
  use(id: ReviewId, digest: string): Promise<Use>
  /** Ends an approval because what would run now is not what was approved. */
  void(id: ReviewId, why: string): Promise<Review>
}
