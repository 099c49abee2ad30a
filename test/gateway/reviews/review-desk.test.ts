import { describe, expect, test } from 'vitest'
import { answerTo, DIGEST, GRACE, makeDesk, question } from './desk-fixture.js'

describe('a question', () => {
  test('is answered by somebody else, used once, and every step is in the audit log', async () => {
    const { desk, audited } = await makeDesk()
    const asked = await desk.ask(question({ digest: DIGEST }))
    expect(asked).toMatchObject({ state: 'pending', until: new Date('2026-03-01T10:15:00.000Z') })
    expect(await desk.find(asked.id)).toEqual(asked)
    const approved = await desk.answer(asked.id, answerTo(asked, GRACE, { comment: 'looks fine' }))
    expect(approved).toMatchObject({ state: 'approved', until: new Date('2026-03-01T10:05:00.000Z') })
    expect(await desk.find(asked.id)).toEqual(approved)
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({ kind: 'used', review: { state: 'used' } })
    expect(await desk.use(asked.id, DIGEST)).toMatchObject({
      kind: 'refused',
      why: expect.stringContaining('used at'),
    })
    expect(await audited(asked.id)).toEqual([
      'review.asked',
      'review.answered',
      'review.approved',
      'review.used',
      'review.refused',
    ])
  })
})
