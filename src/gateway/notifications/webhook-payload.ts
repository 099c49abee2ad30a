import type { Review } from '../../domain/review.js'
import { type Telling, writeMessage } from './message.js'

/** The body of a webhook: what a program needs to know, and the same words that people get. */
export function webhookPayload(telling: Telling, at: Date): string {
  const { event, review, url, statements } = telling
  const { subject, demands, answers } = review
  const { subject: title, facts } = writeMessage(telling)
  return JSON.stringify({
    type: `review.${event}`,
    timestamp: at.toISOString(),
    data: {
      review: review.id,
      state: review.state,
      ...(review.why === undefined ? {} : { why: review.why }),
      title,
      facts,
      url,
      requester: {
        issuer: review.requester.issuer,
        subject: review.requester.subject,
        name: review.requester.name,
      },
      ...(review.reason === undefined ? {} : { reason: review.reason }),
      connection: subject.connection,
      role: subject.role,
      ...subjectPart(subject, statements),
      demands: demands.map(({ rule, terms }) => ({
        rule,
        approval: terms.name,
        groups: terms.groups,
        manager: terms.manager,
        count: terms.count,
      })),
      answers: answers.map(({ by, verdict, at: answeredAt }) => ({
        by: by.name,
        verdict,
        at: answeredAt.toISOString(),
      })),
      digest: review.digest,
      askedAt: review.askedAt.toISOString(),
      until: review.until.toISOString(),
    },
  })
}

function subjectPart(subject: Review['subject'], statements: boolean): object {
  if (subject.kind === 'grant')
    return { grant: { durationSeconds: subject.durationMs / 1000, afterwards: subject.afterwards } }
  const { session, database, verbs, tables, inTransaction, statement, values } = subject
  const whole = statements ? { statement, values } : {}
  return { operation: { session, database, verbs, tables, inTransaction, ...whole } }
}
