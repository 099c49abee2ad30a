import type { ReviewView } from '../domain/api.js'
import { HoopError } from '../lib/hoop-error.js'
import { describeState } from './review-words.js'
import type { ReviewsApi } from './reviews-api.js'

export interface AnswerOptions {
  readonly reviews: Pick<ReviewsApi, 'find' | 'answer'>
  readonly id: string
  readonly verdict: 'approve' | 'deny'
  readonly comment: string | undefined
  /** Of what the person saw elsewhere; it has to be the question's own. */
  readonly digest: string | undefined
  /** Shows the question and asks; undefined where there is nobody to ask. */
  readonly confirm: ((review: ReviewView) => Promise<boolean>) | undefined
  /** Answers without asking again. */
  readonly yes: boolean
  readonly now: () => Date
}

/**
 * Answers a question. INVARIANT 6: the answer carries the digest of what was shown, so that it counts for nothing else.
 * Gives undefined when the person thought better of it. Fails with `usage` where nobody can be asked and nothing says what
 * was seen, with `conflict` when it was answered before.
 */
export async function answerReview(options: AnswerOptions): Promise<ReviewView | undefined> {
  const { reviews, id, verdict, comment, digest, confirm, yes, now } = options
  const what = `Cannot ${verdict} review "${id}"`
  if (digest === undefined && !yes && confirm === undefined) {
    throw new HoopError('usage', `${what}: without a terminal nobody can be shown what it asks for`, {
      hint: `hoop reviews ${verdict} ${id} --digest DIGEST, as "hoop reviews show ${id}" says it`,
    })
  }
  const review = await reviews.find(id)
  if (digest !== undefined && digest !== review.digest) {
    throw new HoopError('conflict', `${what}: it asks for something else than what was seen`, {
      hint: `hoop reviews show ${id}`,
    })
  }
  if (review.state !== 'pending') throw tooLate(what, review, now())
  const sure = yes || digest !== undefined || (await confirm?.(review)) === true
  if (!sure) return undefined
  const answer = { verdict, digest: review.digest, ...(comment === undefined ? {} : { comment }) }
  return reviews.answer(id, answer).catch(async error => {
    if (!(error instanceof HoopError) || error.code !== 'conflict') throw error
    // Somebody was faster: who, and what they said, is what the person wants to know.
    const latest = await reviews.find(id).catch(() => review)
    throw latest.state === 'pending' ? error : tooLate(what, latest, now())
  })
}

function tooLate(what: string, review: ReviewView, now: Date): HoopError {
  return new HoopError('conflict', `${what}: it is ${describeState(review, now)}`)
}
