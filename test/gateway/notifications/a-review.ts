import { makeReviewId, makeSessionId, type RandomBytes } from '../../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../../src/domain/names.js'
import type { HeldOperation, Review } from '../../../src/domain/review.js'
import type { Telling } from '../../../src/gateway/notifications/message.js'

const fives: RandomBytes = size => new Uint8Array(size).fill(5)

export const RULE = must(readRuleName('writes-need-a-manager'))
export const CHANNEL = must(readRuleName('dba-chat'))
export const REVIEW_ID = makeReviewId(fives)
const AT = new Date('2026-03-01T10:00:00.000Z')

/** A question about a statement, with what a test wants to be different. */
export function aReview(
  change: Partial<Review> & { readonly operation?: Partial<HeldOperation> } = {},
): Review {
  const { operation, ...rest } = change
  return {
    id: REVIEW_ID,
    subject: {
      kind: 'operation',
      session: makeSessionId(fives),
      client: 1,
      connection: must(readConnectionName('prod-db')),
      role: must(readRoleName('writer')),
      database: 'shop',
      statement: "UPDATE customers SET city = 'Rome' WHERE id = 7",
      values: [],
      statementCount: 1,
      verbs: ['UPDATE'],
      tables: ['public.customers'],
      inTransaction: false,
      ...operation,
    },
    requester: {
      issuer: 'https://idp.example.com',
      subject: 'u-1',
      name: 'ada@example.com',
      groups: ['dev'],
    },
    address: '192.0.2.7',
    reason: 'ticket 12',
    demands: [
      {
        rule: RULE,
        message: undefined,
        terms: {
          name: 'a-dba',
          groups: ['dba'],
          manager: true,
          count: 1,
          waitMs: 900_000,
          waitInTransactionMs: 60_000,
          validMs: 300_000,
          reasonRequired: false,
        },
      },
    ],
    digest: 'd'.repeat(64),
    askedAt: AT,
    until: new Date(AT.getTime() + 900_000),
    state: 'pending',
    stateAt: AT,
    why: undefined,
    answers: [],
    ...rest,
  }
}

/** The telling of a review, as a worker makes it. */
export function aTelling(change: Partial<Telling> = {}): Telling {
  return {
    id: 'n-1',
    event: 'asked',
    review: aReview(),
    url: `https://hoop.example.com/reviews/${REVIEW_ID}`,
    statements: true,
    ...change,
  }
}

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a name of the test is none')
  return value
}
