import type { ReviewSubjectView, ReviewView } from '../../src/domain/api.js'

export const DIGEST = 'ab'.repeat(32)

export const OPERATION: Extract<ReviewSubjectView, { kind: 'operation' }> = {
  kind: 'operation',
  session: 's-0000000000000001',
  connection: 'shop',
  role: 'writer',
  database: 'shop',
  statement: 'UPDATE orders SET total = 0 WHERE id = $1',
  statementCount: 1,
  values: ['1014'],
  verbs: ['UPDATE'],
  tables: ['public.orders'],
  inTransaction: false,
}

export const GRANT_SUBJECT: ReviewSubjectView = {
  kind: 'grant',
  connection: 'shop',
  role: 'writer',
  durationSeconds: 3600,
  afterwards: false,
}

/** A question that waits for one of the dba group, with what a test says about it. */
export function reviewOf(changes: Partial<ReviewView> = {}): ReviewView {
  return {
    id: 'r-0000000000000001',
    state: 'pending',
    stateAt: '2026-03-10T10:00:00.000Z',
    requester: 'ada@example.com',
    address: '192.0.2.7',
    reason: 'ticket 4711',
    askedAt: '2026-03-10T10:00:00.000Z',
    until: '2026-03-10T10:15:00.000Z',
    digest: DIGEST,
    subject: OPERATION,
    demands: [
      {
        rule: 'writes-need-a-manager',
        message: 'writes are looked at',
        approvers: ['dba'],
        manager: false,
        count: 1,
        given: 0,
      },
    ],
    answers: [],
    answerable: true,
    url: 'https://hoop.example.com/reviews/r-0000000000000001',
    ...changes,
  }
}
