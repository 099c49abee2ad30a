import { describe, expect, test } from 'vitest'
import type { ReviewList, ReviewView } from '../../../src/domain/api.js'
import type { Principal } from '../../../src/domain/principal.js'
import {
  ADA,
  BOB,
  bodyOf,
  EVE,
  errorOf,
  GATEWAY,
  type GatewayFixture,
  GRACE,
  makeGateway,
  person,
} from '../gateway-fixture.js'
import { aGrant, answerTo, DIGEST, demand, held, question } from './desk-fixture.js'

/** Grace is an auditor of the fixture; these may answer. */
const DEE = person('dee', 'dba')
const HAL = person('hal', 'dba')

const ask = (gateway: GatewayFixture, change: Parameters<typeof question>[0] = {}) =>
  gateway.deps.reviews.ask(question({ requester: ADA, digest: DIGEST, ...change }))

const list = async (gateway: GatewayFixture, as: Principal, query = ''): Promise<ReviewList> => {
  const response = await gateway.fetch('GET', `/v1/reviews${query}`, { as })
  expect(response.status).toBe(200)
  return bodyOf(response)
}

const show = async (gateway: GatewayFixture, as: Principal, id: string): Promise<ReviewView> => {
  const response = await gateway.fetch('GET', `/v1/reviews/${id}`, { as })
  expect(response.status).toBe(200)
  return bodyOf(response)
}

const answer = (gateway: GatewayFixture, as: Principal, id: string, body: object = {}) =>
  gateway.fetch('POST', `/v1/reviews/${id}/answers`, {
    as,
    body: { verdict: 'approve', digest: DIGEST, ...body },
  })

describe('a question', () => {
  test('is shown whole to who may answer it, and that they saw it is in the audit log before', async () => {
    const gateway = await makeGateway()
    const statement = `update customers set city = '\u202Eemor' -- ${'x'.repeat(200_000)}`
    const subject = held({ statement, behind: ['delete from t'], rowEstimate: 12 })
    const { id } = await ask(gateway, { subject, reason: 'ticket 12' })
    const view = await show(gateway, DEE, id)
    const { client: _, ...shown } = subject
    expect(view).toMatchObject({
      id,
      state: 'pending',
      requester: 'ada@example.com',
      reason: 'ticket 12',
      digest: DIGEST,
      subject: shown,
      demands: [{ rule: 'writes-need-a-dba', approvers: ['dba'], manager: false, count: 1, given: 0 }],
      answers: [],
      answerable: true,
      url: `https://hoop.example.com/reviews/${id}`,
      history: [],
    })
    expect(await gateway.audited()).toContain(`review.viewed ${id} writes-need-a-dba`)
  })

  test.each([
    ['who asked', ADA, false],
    ['who may answer', DEE, true],
    ['an auditor', GRACE, false],
  ])('is there for %s', async (_, reader, answerable) => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    expect(await show(gateway, reader, id)).toMatchObject({ id, answerable })
    expect((await list(gateway, reader)).reviews).toMatchObject([{ id, answerable }])
  })

  test('is not there for anybody else, in the same words as one that is none', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    const none = 'r-0000000000000000'
    for (const reader of [EVE, BOB]) {
      expect((await list(gateway, reader)).reviews).toEqual([])
      for (const [method, path] of [
        ['GET', ''],
        ['DELETE', ''],
        ['POST', '/answers'],
      ] as const) {
        const body = method === 'POST' ? { verdict: 'deny', digest: DIGEST } : undefined
        const words = async (name: string) => {
          const response = await gateway.fetch(method, `/v1/reviews/${name}${path}`, { as: reader, body })
          expect(response.status).toBe(404)
          return (await errorOf(response)).message.replace(name, 'ID')
        }
        expect(await words(id)).toBe(await words(none))
      }
    }
    expect((await gateway.audited()).filter(entry => entry.startsWith('review.'))).toEqual([
      `review.asked ${id} writes-need-a-dba`,
    ])
  })

  test('comes with what its requester asked before, as far as the reader may see that', async () => {
    const gateway = await makeGateway()
    const before = await ask(gateway, { digest: 'a'.repeat(64) })
    await ask(gateway, { digest: 'b'.repeat(64), demands: [demand({ groups: ['others'] })] })
    await ask(gateway, { requester: BOB })
    gateway.clock.now += 1000
    const { id } = await ask(gateway, { subject: aGrant() })
    const { history } = await show(gateway, DEE, id)
    expect(history).toEqual([
      {
        id: before.id,
        state: 'pending',
        askedAt: before.askedAt.toISOString(),
        summary: 'UPDATE public.customers',
      },
    ])
  })

  test('needs a login', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    for (const path of ['', `/${id}`])
      expect((await gateway.fetch('GET', `/v1/reviews${path}`)).status).toBe(401)
  })
})

describe('an answer', () => {
  test('is taken from who may give it', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    const response = await answer(gateway, DEE, id, { comment: ' looks fine ' })
    expect(response.status).toBe(200)
    expect(await bodyOf(response)).toMatchObject({
      state: 'approved',
      answerable: false,
      demands: [{ given: 1 }],
      answers: [{ by: 'dee@example.com', verdict: 'approve', comment: 'looks fine' }],
    })
    const late = await answer(gateway, HAL, id, { verdict: 'deny' })
    expect(late.status).toBe(409)
    expect((await errorOf(late)).message).toContain('it was approved by dee@example.com at')
  })

  test.each([
    ['from who asked', ADA, {}, 403],
    ['from an auditor', GRACE, {}, 403],
    ['to something else', DEE, { digest: 'e'.repeat(64) }, 409],
    ['without a digest', DEE, { digest: undefined }, 400],
    ['that is neither yes nor no', DEE, { verdict: 'maybe' }, 400],
    ['with a book', DEE, { comment: 'x'.repeat(1_001) }, 400],
    ['with more than we know', DEE, { force: true }, 400],
  ])('%s is refused', async (_, as, body, status) => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    expect((await answer(gateway, as, id, body)).status).toBe(status)
    expect(await gateway.deps.reviews.find(id)).toMatchObject({ state: 'pending', answers: [] })
  })
})

describe('who asked takes it back', () => {
  test('and nobody else does', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    expect((await gateway.fetch('DELETE', `/v1/reviews/${id}`, { as: DEE })).status).toBe(403)
    expect((await gateway.fetch('DELETE', `/v1/reviews/${id}`, { as: ADA })).status).toBe(204)
    expect(await gateway.deps.reviews.find(id)).toMatchObject({ state: 'withdrawn' })
    expect((await answer(gateway, DEE, id)).status).toBe(409)
  })

  test('and not when it has ended otherwise', async () => {
    const gateway = await makeGateway()
    const asked = await ask(gateway)
    await gateway.deps.reviews.answer(asked.id, answerTo(asked, DEE, { verdict: 'deny' }))
    expect((await gateway.fetch('DELETE', `/v1/reviews/${asked.id}`, { as: ADA })).status).toBe(409)
  })

  test('and not when the glass was broken for it', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway, { subject: aGrant({ afterwards: true }) })
    expect((await gateway.fetch('DELETE', `/v1/reviews/${id}`, { as: ADA })).status).toBe(403)
  })
})

describe('a list', () => {
  test('is narrowed by state, by who asked and by what the reader may answer', async () => {
    const gateway = await makeGateway()
    const open = await ask(gateway, { digest: 'a'.repeat(64) })
    gateway.clock.now += 1000
    const own = await ask(gateway, { requester: DEE, digest: 'b'.repeat(64) })
    gateway.clock.now += 1000
    const denied = await ask(gateway, { digest: 'c'.repeat(64) })
    await gateway.deps.reviews.answer(denied.id, answerTo(denied, HAL, { verdict: 'deny' }))
    const ids = async (query: string) => (await list(gateway, DEE, query)).reviews.map(({ id }) => id)
    expect(await ids('')).toEqual([denied.id, own.id, open.id])
    expect(await ids('?state=denied')).toEqual([denied.id])
    expect(await ids('?mine')).toEqual([own.id])
    expect(await ids('?answerable')).toEqual([open.id])
    gateway.clock.now += 15 * 60_000
    expect(await ids('?answerable')).toEqual([])
  })

  test('tells each reader once in the audit log, however often it is read', async () => {
    const gateway = await makeGateway()
    const { id } = await ask(gateway)
    for (const reader of [DEE, DEE, HAL, ADA]) await list(gateway, reader)
    const viewed = (await gateway.audited()).filter(entry => entry.startsWith(`review.viewed ${id}`))
    expect(viewed).toHaveLength(2)
  })

  test.each([
    '?state=open',
    '?after=',
    '?after=1',
    '?after=cz',
    '?wait=26',
    '?wait=-1',
    '?wait=1e1',
    '?after=c0&wait=x',
  ])('%s is refused', async query => {
    const gateway = await makeGateway()
    expect((await gateway.fetch('GET', `/v1/reviews${query}`, { as: DEE })).status).toBe(400)
  })

  test('goes on from its cursor with what changed, also with what has ended', async () => {
    const gateway = await makeGateway()
    const asked = await ask(gateway)
    const { cursor } = await list(gateway, DEE, '?answerable')
    expect((await list(gateway, DEE, `?after=${cursor}`)).reviews).toEqual([])
    await gateway.deps.reviews.withdraw(asked.id, 'of no use')
    const next = await list(gateway, DEE, `?answerable&after=${cursor}&wait=20`)
    expect(next.reviews).toMatchObject([{ id: asked.id, state: 'withdrawn' }])
    expect((await list(gateway, DEE, `?after=${next.cursor}`)).reviews).toEqual([])
  })

  test('waits for the first change that is for the reader', async () => {
    const gateway = await makeGateway()
    const { cursor } = await list(gateway, DEE)
    const waiting = list(gateway, DEE, `?after=${cursor}&wait=25`)
    await ask(gateway, { digest: 'a'.repeat(64), demands: [demand({ groups: ['others'] })] })
    const { id } = await ask(gateway)
    expect((await waiting).reviews.map(one => one.id)).toEqual([id])
  })

  test('waits no longer than it was told', async () => {
    const gateway = await makeGateway()
    const { cursor } = await list(gateway, DEE)
    expect(await list(gateway, DEE, `?after=${cursor}&wait=1`)).toEqual({ reviews: [], cursor })
  })

  test('is answered at once when the gateway stops', async () => {
    const gateway = await makeGateway()
    const { cursor } = await list(gateway, DEE)
    const waiting = list(gateway, DEE, `?after=${cursor}&wait=25`)
    gateway.deps.reviews.close()
    expect((await waiting).reviews).toEqual([])
  })

  test('that waits for nobody any more gives its place back', async () => {
    const gateway = await makeGateway()
    const { cursor } = await list(gateway, DEE)
    const { token } = await gateway.tokens.issue(DEE)
    const leaving = new AbortController()
    const request = () =>
      new Request(`${GATEWAY}/v1/reviews?after=${cursor}&wait=25`, {
        headers: { authorization: `Bearer ${token}` },
        signal: leaving.signal,
      })
    const waiting = Array.from({ length: 8 }, () => gateway.api.fetch(request(), { address: '192.0.2.7' }))
    const refused = () => gateway.fetch('GET', `/v1/reviews?after=${cursor}`, { as: DEE })
    await expect.poll(async () => (await refused()).status).toBe(429)
    leaving.abort()
    for (const response of waiting) expect((await bodyOf<ReviewList>(await response)).reviews).toEqual([])
    expect((await refused()).status).toBe(200)
  })

  test('does not let one person wait in every place there is', async () => {
    const gateway = await makeGateway()
    const { cursor } = await list(gateway, DEE)
    const path = `/v1/reviews?after=${cursor}&wait=25`
    // One more than there are places: one is refused at once, and the others wait.
    const waiting = Array.from({ length: 9 }, () => gateway.fetch('GET', path, { as: DEE }))
    expect((await Promise.race(waiting)).status).toBe(429)
    expect((await gateway.fetch('GET', path.replace('wait=25', 'wait=0'), { as: HAL })).status).toBe(200)
    gateway.deps.reviews.close()
    const statuses = (await Promise.all(waiting)).map(({ status }) => status)
    expect(statuses.filter(status => status === 429)).toHaveLength(1)
    expect((await gateway.fetch('GET', path, { as: DEE })).status).toBe(200)
  })
})
