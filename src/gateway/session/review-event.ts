import type { RecordingEvent } from '../../domain/event.js'
import type { Review } from '../../domain/review.js'

/** A question or its end as a recording keeps it: with the statement once, with the question. */
export function reviewEvent(client: number, review: Review, what: 'question' | 'end'): RecordingEvent {
  const { id, state, demands, digest, subject, why, answers } = review
  const asked =
    what === 'question' && subject.kind === 'operation'
      ? { statement: subject.statement, ...(subject.values.length === 0 ? {} : { values: subject.values }) }
      : {}
  return {
    kind: 'review',
    client,
    review: id,
    state,
    rules: [...new Set(demands.map(({ rule }) => rule))],
    digest,
    ...asked,
    ...(why === undefined ? {} : { why }),
    ...(answers.length === 0
      ? {}
      : {
          answers: answers.map(({ by, verdict, comment, at }) => ({
            by: by.name,
            verdict,
            ...(comment === undefined ? {} : { comment }),
            at: at.toISOString(),
          })),
        }),
  }
}
