import type { ReviewSubjectView, ReviewView } from '../../domain/api.js'
import type { Review, ReviewSubject } from '../../domain/review.js'
import type { ReadReview } from '../reviews/review-reader.js'

/** Characters of a summary in a history. */
const SUMMARY_LENGTH_MAX = 200

/** A review as one reader sees it. Nothing of what is asked is left out or cut; who shows it makes it safe to look at. */
export function viewReview({ review, answerable, given }: ReadReview, url: string): ReviewView {
  const { id, state, stateAt, why, requester, address, reason, askedAt, until, digest } = review
  return {
    id,
    state,
    stateAt: stateAt.toISOString(),
    ...(why === undefined ? {} : { why }),
    requester: requester.name,
    address,
    ...(reason === undefined ? {} : { reason }),
    askedAt: askedAt.toISOString(),
    until: until.toISOString(),
    digest,
    subject: viewSubject(review.subject),
    demands: review.demands.map(({ rule, message, terms }, place) => ({
      rule,
      ...(message === undefined ? {} : { message }),
      approvers: terms.groups,
      manager: terms.manager,
      count: terms.count,
      given: given[place] ?? 0,
    })),
    answers: review.answers.map(({ by, verdict, comment, at }) => ({
      by: by.name,
      verdict,
      ...(comment === undefined ? {} : { comment }),
      at: at.toISOString(),
    })),
    answerable,
    url,
  }
}

/** A line of what the requester asked before. */
export function viewPast(review: Review): NonNullable<ReviewView['history']>[number] {
  const { id, state, askedAt } = review
  return { id, state, askedAt: askedAt.toISOString(), summary: summaryOf(review.subject) }
}

function viewSubject(subject: ReviewSubject): ReviewSubjectView {
  if (subject.kind === 'grant') {
    const { kind, connection, role, durationMs, afterwards } = subject
    return { kind, connection, role, durationSeconds: Math.ceil(durationMs / 1000), afterwards }
  }
  const { client: _, ...rest } = subject
  return rest
}

function summaryOf(subject: ReviewSubject): string {
  const { connection, role } = subject
  if (subject.kind === 'grant') {
    const minutes = Math.ceil(subject.durationMs / 60_000)
    const broken = subject.afterwards ? ', the glass broken' : ''
    return `${connection} as ${role} for ${minutes} minutes${broken}`
  }
  const what = [subject.verbs.join(', '), subject.tables.join(', ')].filter(text => text !== '').join(' ')
  const text = what === '' ? subject.statement : what
  return text.length > SUMMARY_LENGTH_MAX ? `${text.slice(0, SUMMARY_LENGTH_MAX - 1)}…` : text
}
