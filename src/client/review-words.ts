import type { ReviewSubjectView, ReviewView } from '../domain/api.js'
import { unreachable } from '../lib/unreachable.js'
import { toPrintable } from '../recording/printable.js'
import { cutToWidth } from '../recording/text-width.js'
import { showDuration } from './durations.js'

/** Who has to answer yet: `1 of [dba, the manager]`, for each demand. */
export function whoMayAnswer({ demands }: Pick<ReviewView, 'demands'>): string {
  const open = demands.filter(({ count, given }) => given < count)
  return (open.length === 0 ? demands : open)
    .map(demand => `${Math.max(demand.count - demand.given, 0)} of [${approversOf(demand).join(', ')}]`)
    .join(' and ')
}

/** Whom a demand names: groups, and the manager of who asks. */
export function approversOf({ approvers, manager }: ReviewView['demands'][number]): readonly string[] {
  return [...approvers, ...(manager ? ['the manager'] : [])]
}

/** How long a question can still be answered, or an approval used. */
export function countDown({ until }: Pick<ReviewView, 'until'>, now: Date): string {
  return showDuration((new Date(until).getTime() - now.getTime()) / 1000)
}

/** The answers that decided: `grace@example.com at 10:04:09: "looks fine"`. */
export function describeAnswers({ state, answers }: Pick<ReviewView, 'state' | 'answers'>): string {
  const verdict = state === 'denied' ? 'deny' : 'approve'
  const decided = answers.filter(answer => answer.verdict === verdict)
  return decided.map(describeAnswer).join(', ') || 'nobody'
}

/** One answer: who, when, and what they said about it. */
export function describeAnswer({ by, at, comment }: ReviewView['answers'][number]): string {
  return `${by} at ${showTime(at)}${comment === undefined || comment === '' ? '' : `: "${comment}"`}`
}

/** What became of a question, in a line; for one that waits, on whom. */
export function describeState(review: ReviewView, now: Date): string {
  const why = review.why === undefined ? '' : `: ${review.why}`
  switch (review.state) {
    case 'pending':
      return `pending, ${countDown(review, now)} left, waits for ${whoMayAnswer(review)}`
    case 'approved':
      return `approved by ${describeAnswers(review)}, can be used for ${countDown(review, now)}`
    case 'used':
      return `approved by ${describeAnswers(review)}, and used at ${showTime(review.stateAt)}`
    case 'denied':
      return `denied by ${describeAnswers(review)}`
    case 'withdrawn':
    case 'expired':
    case 'voided':
      return `${review.state} at ${showTime(review.stateAt)}${why}`
    default:
      return unreachable(review.state)
  }
}

/** A time of day with its date: `2026-03-10 10:04:09Z`. Told in UTC, as recordings tell it. */
export function showTime(iso: string): string {
  return `${iso.slice(0, 10)} ${iso.slice(11, 19)}Z`
}

/** What is asked for, in at most `widthMax` columns; what was left out shows as `…`. */
export function summarize(subject: ReviewSubjectView, widthMax: number): string {
  const text =
    subject.kind === 'operation'
      ? subject.statement.replace(/[ \t\r\n]+/g, ' ').trim()
      : `a grant for ${showDuration(subject.durationSeconds)}${subject.afterwards ? ', given by breaking the glass' : ''}`
  return cutToWidth(toPrintable(text), widthMax)
}
