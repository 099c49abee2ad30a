import { expect, test } from 'vitest'
import { type AnswerOptions, answerReview } from '../../src/client/answer-review.js'
import type { ReviewAnswerRequest, ReviewView } from '../../src/domain/api.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { DIGEST, reviewOf } from './review.js'

const NOW = new Date('2026-03-10T10:01:00Z')
const ASKED = reviewOf()
const YES = [{ by: 'grace@example.com', verdict: 'approve', at: '2026-03-10T10:00:30Z' }] as const

function setup(options: Partial<AnswerOptions>, found: readonly ReviewView[] = [ASKED]) {
  const sent: ReviewAnswerRequest[] = []
  const left = [...found]
  const reviews: AnswerOptions['reviews'] = {
    find: async () => left.shift() ?? ASKED,
    answer: async (_, answer) => {
      sent.push(answer)
      return { ...ASKED, state: 'approved', answers: YES }
    },
  }
  const run = () =>
    answerReview({
      reviews,
      id: ASKED.id,
      verdict: 'approve',
      comment: undefined,
      digest: undefined,
      confirm: undefined,
      yes: false,
      now: () => NOW,
      ...options,
    })
  return { run, sent }
}

test('what was shown and confirmed is what is answered', async () => {
  const shown: ReviewView[] = []
  const { run, sent } = setup({
    comment: 'fine',
    confirm: async review => {
      shown.push(review)
      return true
    },
  })
  expect((await run())?.state).toBe('approved')
  expect(shown).toEqual([ASKED])
  expect(sent).toEqual([{ verdict: 'approve', digest: DIGEST, comment: 'fine' }])
})

test('who thinks better of it answers nothing', async () => {
  const { run, sent } = setup({ confirm: async () => false })
  expect(await run()).toBeUndefined()
  expect(sent).toEqual([])
})

test('without a terminal it has to be said what was seen', async () => {
  const { run, sent } = setup({})
  await expect(run()).rejects.toMatchObject({ code: 'usage', hint: expect.stringContaining('--digest') })
  expect(sent).toEqual([])
})

test.each([{ yes: true }, { digest: DIGEST }])('%o answers without asking', async options => {
  const { run, sent } = setup(options)
  await run()
  expect(sent).toEqual([{ verdict: 'approve', digest: DIGEST }])
})

test('the digest of something else answers nothing', async () => {
  const { run, sent } = setup({ digest: '00'.repeat(32), yes: true })
  await expect(run()).rejects.toMatchObject({ code: 'conflict' })
  expect(sent).toEqual([])
})

test('what is decided already is not asked about, and says by whom', async () => {
  const denied = reviewOf({ state: 'denied', answers: [{ ...YES[0], verdict: 'deny', comment: 'no' }] })
  const { run, sent } = setup({ yes: true }, [denied])
  await expect(run()).rejects.toMatchObject({
    code: 'conflict',
    message: expect.stringContaining('it is denied by grace@example.com at 2026-03-10 10:00:30Z: "no"'),
  })
  expect(sent).toEqual([])
})

test('who was slower is told who was faster', async () => {
  const approved = reviewOf({ state: 'approved', answers: YES })
  const reviews: AnswerOptions['reviews'] = {
    find: (
      calls => async () =>
        calls++ === 0 ? ASKED : approved
    )(0),
    answer: () => Promise.reject(new HoopError('conflict', 'Cannot answer: it is not pending')),
  }
  const { run } = setup({ reviews, yes: true })
  await expect(run()).rejects.toThrow('it is approved by grace@example.com')
})

test('a refusal of the gateway is told as it is', async () => {
  const refusal = new HoopError('forbidden', 'Cannot answer review "r": you asked it yourself')
  const { run } = setup({
    yes: true,
    reviews: { find: async () => ASKED, answer: () => Promise.reject(refusal) },
  })
  await expect(run()).rejects.toBe(refusal)
})
