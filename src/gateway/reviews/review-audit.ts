import type { Review } from '../../domain/review.js'
import { type Actor, actorOf } from '../../store/actor.js'
import type { AuditEntry } from '../../store/audit.js'

/** Who does something to a review. */
export interface Doing {
  readonly at: Date
  readonly actor: Actor
  readonly address: string | undefined
}

/** The entry of a new question: who asks for what, by which rules. Not the statement, which the recording has. */
export function auditAsked(review: Review): AuditEntry {
  const { subject, requester, address, askedAt, reason, until, digest } = review
  const { connection, role } = subject
  const about =
    subject.kind === 'operation'
      ? { session: subject.session, verbs: subject.verbs.slice(0, NAMES_MAX) }
      : { durationMs: subject.durationMs, afterwards: subject.afterwards }
  return entry(review, 'review.asked', {
    doing: { at: askedAt, actor: actorOf(requester), address },
    detail: { kind: subject.kind, connection, role, ...about, reason, digest, until: until.toISOString() },
  })
}

/** The entries of a change: one for each answer that came with it, one for the state it led to. */
export function auditChange(from: Review, to: Review, doing: Doing): readonly AuditEntry[] {
  const answers = to.answers
    .slice(from.answers.length)
    .map(({ verdict, comment }) =>
      entry(to, 'review.answered', { doing, detail: { verdict, comment, digest: to.digest } }),
    )
  if (to.state === from.state || to.state === 'pending') return answers
  const detail = { why: to.why, by: to.answers.map(({ by, verdict }) => `${verdict} ${by.name}`) }
  return [...answers, entry(to, `review.${to.state}`, { doing, detail })]
}

/** The entry of something that was tried and refused. */
export function auditRefused(
  review: Pick<Review, 'id' | 'demands'>,
  what: string,
  { doing, why }: { readonly doing: Doing; readonly why: string },
): AuditEntry {
  return entry(review, 'review.refused', { doing, detail: { what, why } })
}

/** The entry of a person who read a question. */
export function auditViewed(review: Review, doing: Doing): AuditEntry {
  return entry(review, 'review.viewed', { doing, detail: { digest: review.digest } })
}

/** Names of a list that go into an entry: what a person chose must not push the rest of the entry out. */
const NAMES_MAX = 20

function entry(
  { id, demands }: Pick<Review, 'id' | 'demands'>,
  action: string,
  { doing, detail }: { readonly doing: Doing; readonly detail: Readonly<Record<string, unknown>> },
): AuditEntry {
  const rules = demands.map(({ rule }) => rule)
  const others = rules.length > 1 ? { rules: rules.slice(0, NAMES_MAX) } : {}
  return { ...doing, action, subject: id, rule: rules[0], detail: { ...others, ...detail } }
}
