import type { ApprovalDemand } from '../../domain/decision.js'
import type { Review, ReviewAnswer } from '../../domain/review.js'
import type { ClientNotice } from '../../protocols/protocol.js'

const SECOND_MS = 1_000
const MINUTE_MS = 60 * SECOND_MS
/** Names of changed objects that a message lists. */
const CHANGED_MAX = 5

/** What is said to the person whose statement waits. */
export interface Waiting {
  readonly review: Review
  readonly url: string
  readonly inTransaction: boolean
}

/** The first notice: which rule, which question, who can answer it, and how long it waits. */
export function waitingNotice({ review, url, inTransaction }: Waiting): ClientNotice {
  const { demands, id } = review
  const rules = [...new Set(demands.map(({ rule }) => `"${rule}"`))]
  const by = `${rules.length === 1 ? 'rule' : 'rules'} ${rules.join(' and ')}`
  const who = [...new Set(demands.map(approversOf))].join(' and ')
  const wait = describeDuration(review.until.getTime() - review.askedAt.getTime())
  const reasons = demands.flatMap(({ message }) => message ?? [])
  const locks = inTransaction
    ? [`a transaction may be open and hold locks: this waits for ${wait} only`]
    : [`this waits for ${wait}`]
  return {
    message: `held by ${by}, review ${id}, ${url}, waiting for ${who}`,
    detail: [...new Set([...reasons, ...locks])].join('; '),
    hint: 'cancel the statement to withdraw the question',
  }
}

/** The notice before the statement runs: who agreed, when, with which words. */
export function approvedNotice({ answers, id }: Review): ClientNotice {
  const yes = answers.filter(({ verdict }) => verdict === 'approve').map(describeAnswer)
  return { message: `approved by ${yes.join(' and ')}`, detail: `review ${id}` }
}

/** Why a question ended without a yes: half a sentence. */
export function whyNot(review: Review): string {
  const { state, answers, why, askedAt, stateAt } = review
  const denial = answers.find(({ verdict }) => verdict === 'deny')
  if (state === 'denied' && denial !== undefined) {
    const comment = denial.comment === undefined ? '' : `: ${denial.comment}`
    return `denied by ${denial.by.name}${comment}`
  }
  if (state === 'expired') {
    const waited = describeDuration(stateAt.getTime() - askedAt.getTime())
    return answers.length === 0
      ? `nobody answered within ${waited}`
      : `too few people agreed within ${waited}`
  }
  return why ?? `it is ${state}`
}

/** What is not as it was when people were asked: half a sentence. */
export function whyChanged(changed: readonly string[]): string {
  if (changed.length === 0) return 'what it depends on was changed since it was asked'
  const more = changed.length > CHANGED_MAX ? ` and ${changed.length - CHANGED_MAX} more` : ''
  const verb = changed.length === 1 ? 'was' : 'were'
  return `${changed.slice(0, CHANGED_MAX).join(', ')}${more} ${verb} changed since it was asked`
}

function approversOf({ terms: { count, groups, manager } }: ApprovalDemand): string {
  return `${count} of [${[...groups, ...(manager ? ['the manager'] : [])].join(', ')}]`
}

function describeAnswer({ by, at, comment }: ReviewAnswer): string {
  const words = comment === undefined ? '' : `: "${comment}"`
  return `${by.name} at ${at.toISOString().slice(11, 16)} UTC${words}`
}

/** `90 s`, `15 minutes`: whole minutes where they are. */
function describeDuration(ms: number): string {
  const seconds = Math.max(1, Math.round(ms / SECOND_MS))
  if (seconds < 60 || seconds % 60 !== 0) return `${seconds} s`
  const minutes = Math.round(ms / MINUTE_MS)
  return minutes === 1 ? '1 minute' : `${minutes} minutes`
}
