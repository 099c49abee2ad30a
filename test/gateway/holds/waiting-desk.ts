import { expect } from 'vitest'
import type { ApprovalDemand, ReviewDemand } from '../../../src/domain/decision.js'
import { makeGrantId, makeReviewId, makeSessionId } from '../../../src/domain/ids.js'
import { type RuleName, readConnectionName, readRoleName } from '../../../src/domain/names.js'
import { makeObjectVersions } from '../../../src/domain/object-versions.js'
import type { Review } from '../../../src/domain/review.js'
import type { Session } from '../../../src/domain/session.js'
import type { ReviewDesk } from '../../../src/gateway/reviews/desk.js'
import type { HoldOptions } from '../../../src/gateway/session/hold.js'
import { ADA } from '../gateway-fixture.js'

const zeros = (size: number) => new Uint8Array(size)
const AT = new Date('2026-03-10T12:00:00Z')

/** A session of Ada's that no store knows. */
export const SESSION: Session = {
  id: makeSessionId(zeros),
  grant: makeGrantId(zeros),
  principal: ADA,
  connection: readConnectionName('shop') ?? expect.unreachable(),
  role: readRoleName('writer') ?? expect.unreachable(),
  protocol: 'postgres',
  startedAt: AT,
  endedAt: undefined,
  endReason: undefined,
  address: '',
}

/** One person of the group `dba` has to agree. */
export function demandBy(rule: RuleName): ApprovalDemand {
  const times = { waitMs: 60_000, waitInTransactionMs: 60_000, validMs: 60_000 }
  const terms = { name: 'a-dba', groups: ['dba'], manager: false, count: 1, reasonRequired: false, ...times }
  return { rule, message: undefined, terms }
}

/** What a hold needs, with a desk at which nobody ever answers. */
export function makeWaiting() {
  const asked: Review[] = []
  const unexpected = () => Promise.reject(new Error('nobody answers'))
  const desk: ReviewDesk = {
    ask: async question => {
      const { notAfter, ...rest } = question
      const review: Review = {
        ...rest,
        id: makeReviewId(() => new Uint8Array(16).fill(asked.length)),
        askedAt: AT,
        until: notAfter ?? AT,
        state: 'pending',
        stateAt: AT,
        why: undefined,
        answers: [],
      }
      asked.push(review)
      return review
    },
    settled: (_id, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    withdraw: async (id, why) => {
      const at = asked.findIndex(one => one.id === id && one.state === 'pending')
      const review: Review = { ...(asked[at] ?? expect.unreachable()), state: 'withdrawn', why }
      asked[at] = review
      return review
    },
    find: unexpected,
    answer: unexpected,
    use: unexpected,
    void: unexpected,
  }
  const options: HoldOptions = {
    desk,
    recorder: { append: () => {}, commit: () => undefined, close: async () => '' },
    session: SESSION,
    client: 1,
    database: 'shop',
    settings: {},
    reason: undefined,
    until: AT,
    judge: unexpected,
    readVersions: async () => makeObjectVersions([]),
    estimateRows: async () => undefined,
    whyEnded: () => undefined,
    reviewUrl: id => `https://hoop.example.com/reviews/${id}`,
    onFault: error => {
      throw error
    },
  }
  const demand = (rule: RuleName): ReviewDemand => ({ kind: 'review', demands: [demandBy(rule)] })
  return { options, demand, asked }
}
