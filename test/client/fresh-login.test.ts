import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { keepLoginFresh } from '../../src/client/fresh-login.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('a token is looked at every ten seconds, until it is stopped', async () => {
  let renewals = 0
  const stop = keepLoginFresh(async () => (renewals += 1))
  await vi.advanceTimersByTimeAsync(35_000)
  expect(renewals).toBe(3)
  stop()
  await vi.advanceTimersByTimeAsync(60_000)
  expect(renewals).toBe(3)
})

test('a provider that does not answer is asked again after a while', async () => {
  let renewals = 0
  const stop = keepLoginFresh(() => {
    renewals += 1
    return Promise.reject(new Error('down'))
  })
  await vi.advanceTimersByTimeAsync(65_000)
  expect(renewals).toBe(1)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(renewals).toBe(2)
  stop()
})

test('one that takes its time is not asked twice at once, and is not asked again once stopped', async () => {
  let renewals = 0
  let answer = (): void => {}
  const stop = keepLoginFresh(() => {
    renewals += 1
    return new Promise<void>(resolve => {
      answer = resolve
    })
  })
  await vi.advanceTimersByTimeAsync(120_000)
  expect(renewals).toBe(1)
  stop()
  answer()
  await vi.advanceTimersByTimeAsync(120_000)
  expect(renewals).toBe(1)
})
