import { describe, expect, test } from 'vitest'
import { GatewayApi } from '../../src/client/gateway-api.js'
import { ReviewsApi, readReviewName } from '../../src/client/reviews-api.js'
import type { PeerRequest, TunnelPeer } from '../../src/tunnel/stream-request.js'
import { DIGEST, OPERATION, reviewOf } from './review.js'

/** A gateway that gives this answer, and what it was asked. */
function answering(status: number, body: unknown) {
  const asked: PeerRequest[] = []
  const peer: TunnelPeer = {
    open: () => Promise.reject(new Error('nobody opens streams here')),
    request: async request => {
      asked.push(request)
      return {
        status,
        headers: {},
        body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
      }
    },
    closed: new Promise(() => {}),
    close: () => {},
  }
  return { asked, reviews: new ReviewsApi(peer, 't'), grants: new GatewayApi(peer, 't') }
}

describe('what is asked of the gateway', () => {
  test('a list has its filters, and a wait', async () => {
    const { asked, reviews } = answering(200, { reviews: [], cursor: 'c1' })
    await reviews.list({ state: 'pending', mine: true, answerable: true })
    await reviews.list({ after: 'c1', waitSeconds: 20 })
    expect(asked.map(({ path }) => path)).toEqual([
      '/v1/reviews?state=pending&mine=1&answerable=1',
      '/v1/reviews?after=c1&wait=20',
    ])
  })

  test('an answer carries the digest of what was seen', async () => {
    const { asked, reviews } = answering(200, reviewOf({ state: 'approved' }))
    await reviews.answer('r-1/../x', { verdict: 'approve', digest: DIGEST })
    expect(asked[0]).toMatchObject({
      method: 'POST',
      path: '/v1/reviews/r-1%2F..%2Fx/answers',
      body: JSON.stringify({ verdict: 'approve', digest: DIGEST }),
    })
  })

  test('a grant that takes people is answered with their question', async () => {
    const review = reviewOf()
    expect(await answering(202, review).grants.requestGrant({ connection: 'shop' })).toEqual({
      kind: 'asked',
      review,
    })
  })
})

/** Says that a review is not shown at all. */
function check(what: string, body: unknown): void {
  test(`${what} is refused, so that nobody approves half of it`, async () => {
    await expect(answering(200, body).reviews.find('r-1')).rejects.toMatchObject({ code: 'gateway_refused' })
  })
}

describe('what the gateway says', () => {
  check('an answer that is no JSON', '<html>')
  check(
    'a part of a statement that this version does not know',
    reviewOf({ subject: { ...OPERATION, ...{ more: 1 } } }),
  )
  check('a state that this version does not know', { ...reviewOf(), state: 'maybe' })
  check('a digest that is none', reviewOf({ digest: 'short' }))
  check('a statement that is missing', { ...reviewOf(), subject: { ...OPERATION, statement: undefined } })

  test('texts behind names are kept', async () => {
    const review = reviewOf({ subject: { ...OPERATION, behind: ['DELETE FROM orders'] } })
    expect(await answering(200, review).reviews.find('r-1')).toEqual(review)
  })
})

test('a name of a review is read in full', () => {
  expect(readReviewName('r-0123456789abcdef')).toBe('r-0123456789abcdef')
  expect(() => readReviewName('r-0123')).toThrow('a name like r-0123456789abcdef is expected')
})
