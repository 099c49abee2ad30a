import { expect, test } from 'vitest'
import { followReviews } from '../../src/client/follow-reviews.js'
import { SteadyGateway } from '../../src/client/steady-gateway.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import type { TunnelPeer } from '../../src/tunnel/stream-request.js'
import { FakeGateway } from './fake-gateway.js'
import { reviewOf } from './review.js'

function peerThat(request: TunnelPeer['request']) {
  let end = (): void => {}
  const closed = new Promise<void>(resolve => {
    end = resolve
  })
  const peer: TunnelPeer = {
    open: () => Promise.reject(new Error('no streams')),
    request,
    closed,
    close: end,
  }
  return { peer, end: () => end() }
}

const fine = async () => ({ status: 200, headers: {}, body: Buffer.from('{"name":"ada"}') })
const gone = new HoopError('gateway_unavailable', 'Cannot reach the gateway: the connection broke')
const never = new AbortController().signal

test('a tunnel that is gone is dialed again, and the token is asked for anew', async () => {
  const first = peerThat(() => Promise.reject(gone))
  const tokens: TunnelPeer[] = []
  const gateway = new SteadyGateway({
    peer: first.peer,
    dial: async () => peerThat(fine).peer,
    accessToken: async peer => {
      tokens.push(peer)
      return 't'
    },
  })
  const links: string[] = []
  const answer = gateway.untilAnswered(({ grants }) => grants.me(), {
    signal: never,
    onLink: link => links.push(link),
  })
  first.end()
  expect(await answer).toEqual({ name: 'ada' })
  expect(links).toEqual(['away', 'live'])
  expect(new Set(tokens).size).toBe(2)
})

test('what a moment cannot mend is thrown at once', async () => {
  const refusal = new HoopError('forbidden', 'Cannot answer')
  const { peer } = peerThat(() => Promise.reject(refusal))
  const gateway = new SteadyGateway({ peer, dial: async () => peer, accessToken: async () => 't' })
  await expect(gateway.untilAnswered(({ grants }) => grants.me(), { signal: never })).rejects.toBe(refusal)
})

test('a signal ends the tries with its reason', async () => {
  const stop = new AbortController()
  const reason = new Error('enough')
  const { peer } = peerThat(() => Promise.reject(gone))
  const gateway = new SteadyGateway({ peer, dial: async () => peer, accessToken: async () => 't' })
  const asked = gateway.untilAnswered(({ grants }) => grants.me(), {
    signal: stop.signal,
    onLink: () => stop.abort(reason),
  })
  await expect(asked).rejects.toBe(reason)
})

test('a cursor that the gateway does not know any more begins the list anew', async () => {
  const gateway = new FakeGateway()
  let calls = 0
  const unsure: Pick<FakeGateway, 'untilAnswered'> = {
    untilAnswered: (ask, call) => {
      calls += 1
      return calls === 2
        ? Promise.reject(
            new HoopError('usage', 'Cannot list reviews: the cursor is none that the gateway gave'),
          )
        : gateway.untilAnswered(ask, call)
    },
  }
  gateway.changes([], [reviewOf()])
  const seen: number[] = []
  for await (const reviews of followReviews({ gateway: unsure, query: {}, signal: never })) {
    seen.push(reviews.length)
    if (seen.length === 2) break
  }
  expect(seen).toEqual([0, 1])
  expect(calls).toBe(3)
})
