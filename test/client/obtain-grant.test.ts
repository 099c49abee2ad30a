import { describe, expect, test } from 'vitest'
import { type ObtainOptions, obtainGrant } from '../../src/client/obtain-grant.js'
import type { GrantRequest, GrantView, ReviewView } from '../../src/domain/api.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { FakeGateway } from './fake-gateway.js'
import { GRANT_SUBJECT, reviewOf } from './review.js'

const NOW = new Date('2026-03-10T10:01:00Z')
const GRANT: GrantView = {
  id: 'g-0000000000000001',
  connection: 'shop',
  role: 'writer',
  rule: 'writers',
  grantedAt: NOW.toISOString(),
  until: '2026-03-10T11:01:00Z',
}
const ASKED = reviewOf({ subject: GRANT_SUBJECT, answerable: false })
const REQUEST: GrantRequest = { connection: 'shop', role: 'writer', reason: 'ticket 4711' }

function setup(options: Partial<Pick<ObtainOptions, 'wait'>> = {}) {
  const gateway = new FakeGateway()
  const told: string[] = []
  const lines: string[] = []
  const stop = new AbortController()
  const run = (): Promise<GrantView> =>
    obtainGrant({
      gateway,
      request: REQUEST,
      wait: 'until-answered',
      signal: stop.signal,
      tell: message => void told.push(message),
      liveLine: text => {
        const say = (): void => void lines.push(text())
        say()
        return { refresh: say, end: () => void lines.push('') }
      },
      now: () => NOW,
      ...options,
    })
  return { gateway, told, lines, stop, run }
}

/** What the person is told when the question ends so. */
async function check(end: Partial<ReviewView>, code: string, message: RegExp): Promise<void> {
  const { gateway, run } = setup()
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
  gateway.changes([ASKED], [{ ...ASKED, ...end }])
  const failure = await run().catch(error => error)
  expect(failure).toBeInstanceOf(HoopError)
  expect([failure.code, failure.message]).toEqual([code, expect.stringMatching(message)])
}

test('a grant that takes nobody is given at once', async () => {
  const { gateway, run, lines } = setup()
  gateway.grantAnswers.push({ kind: 'granted', grant: GRANT })
  expect(await run()).toBe(GRANT)
  expect(gateway.calls).toEqual([['request', REQUEST]])
  expect(lines).toEqual([])
})

test('an approval that is waited for is claimed by its name', async () => {
  const { gateway, run, told, lines } = setup()
  const answers = [
    { by: 'grace@example.com', verdict: 'approve', comment: 'fine', at: NOW.toISOString() },
  ] as const
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED }, { kind: 'granted', grant: GRANT })
  gateway.changes([ASKED], [], [{ ...ASKED, state: 'approved', answers }])
  expect(await run()).toBe(GRANT)
  expect(gateway.calls.at(-1)).toEqual(['request', { connection: 'shop', review: ASKED.id }])
  expect(lines[0]).toBe('waiting for 1 of [dba], 14m left; Ctrl-C withdraws r-0000000000000001')
  expect(lines.at(-1)).toBe('')
  expect(told).toEqual([
    `review ${ASKED.id} was asked: ${ASKED.url}`,
    'approved by grace@example.com at 2026-03-10 10:01:00Z: "fine"',
  ])
})

test('an answer that came before the first look is seen', async () => {
  const { gateway, run } = setup()
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED }, { kind: 'granted', grant: GRANT })
  gateway.changes([])
  gateway.found = { ...ASKED, state: 'approved' }
  expect(await run()).toBe(GRANT)
})

describe('a question without a yes ends', () => {
  const answers = [
    { by: 'grace@example.com', verdict: 'deny', comment: 'not today', at: NOW.toISOString() },
  ] as const

  test('with who said no, and why', () =>
    check({ state: 'denied', answers }, 'policy_denied', /denied by grace@example\.com at .*: "not today"/))

  test('with the time nobody answered in', () =>
    check({ state: 'expired' }, 'approval_pending', /nobody answered review r-0000000000000001 within 15m$/))

  test('when enough people did not answer', () =>
    check({ state: 'expired', answers }, 'approval_pending', /not answered by enough people/))

  test('when it was taken back elsewhere', () =>
    check({ state: 'withdrawn', why: 'it is not needed' }, 'approval_pending', /withdrawn, it is not needed/))

  test('when another command used it', () => check({ state: 'used' }, 'conflict', /used already/))
})

test('who does not wait is told the review and the command to go on with', async () => {
  const { gateway, run } = setup({ wait: 'no' })
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
  await expect(run()).rejects.toMatchObject({
    code: 'approval_pending',
    message: expect.stringContaining(ASKED.id),
    hint: `hoop connect shop --review ${ASKED.id}`,
  })
  expect(gateway.calls.map(([call]) => call)).toEqual(['request'])
})

test('who waits for so long only leaves the question open', async () => {
  const { gateway, run } = setup({ wait: 5 })
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
  gateway.changes([ASKED])
  await expect(run()).rejects.toMatchObject({ code: 'approval_pending' })
  expect(gateway.calls.map(([call]) => call)).not.toContain('withdraw')
})

describe('Ctrl-C', () => {
  test('takes the question back, and says so', async () => {
    const { gateway, run, stop, told } = setup()
    gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
    gateway.changes([ASKED])
    const reason = new Error('interrupted')
    gateway.onIdle = () => stop.abort(reason)
    await expect(run()).rejects.toBe(reason)
    expect(gateway.calls.at(-1)).toEqual(['withdraw', ASKED.id])
    expect(told.at(-1)).toBe(`review ${ASKED.id} is withdrawn`)
  })

  test('while the question is on its way takes it back too', async () => {
    const { gateway, run, stop } = setup()
    gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
    stop.abort(new Error('interrupted'))
    await expect(run()).rejects.toBe(stop.signal.reason)
    expect(gateway.calls.at(-1)).toEqual(['withdraw', ASKED.id])
  })

  test('says how to take it back where the gateway is away', async () => {
    const { gateway, run, stop, told } = setup()
    gateway.grantAnswers.push({ kind: 'asked', review: ASKED })
    gateway.withdrawn = () => Promise.reject(new HoopError('gateway_unavailable', 'away'))
    stop.abort(new Error('interrupted'))
    await expect(run()).rejects.toBe(stop.signal.reason)
    expect(told.at(-1)).toContain(`hoop reviews withdraw ${ASKED.id}`)
  })
})

test('a gateway that goes away meanwhile is said in the line, and the wait goes on', async () => {
  const { gateway, run, lines } = setup()
  gateway.grantAnswers.push({ kind: 'asked', review: ASKED }, { kind: 'granted', grant: GRANT })
  gateway.changes([ASKED], 'away', [{ ...ASKED, state: 'approved' }])
  expect(await run()).toBe(GRANT)
  expect(lines.some(line => line.startsWith('the gateway is away; waiting for 1 of [dba]'))).toBe(true)
})
