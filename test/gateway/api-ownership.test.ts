import { describe, expect, test } from 'vitest'
import type { SessionView } from '../../src/domain/api.js'
import type { Principal } from '../../src/domain/principal.js'
import {
  ADA,
  BOB,
  bodyOf,
  configText,
  EVE,
  errorOf,
  type GatewayFixture,
  GRACE,
  grantFor,
  makeGateway,
  NO_GRANT,
  NO_SESSION,
  person,
  sessionFor,
  VERIFIER,
} from './gateway-fixture.js'

describe('what belongs to somebody else', () => {
  /** The status and body without what names the request: equal for what is hidden and what is not there. */
  async function answer(
    gateway: GatewayFixture,
    method: string,
    path: string,
    { as, id, body }: { as: Principal; id: string; body?: (id: string) => unknown },
  ) {
    const response = await gateway.fetch(method, path.replace(':id', id), { as, body: body?.(id) })
    const { request: _, ...error } = await errorOf(response)
    return { status: response.status, error: JSON.parse(JSON.stringify(error).replaceAll(id, ':id')) }
  }

  interface Attempt {
    readonly route: readonly [string, string]
    readonly kind: 'grant' | 'session'
    readonly body?: (id: string) => unknown
  }
  const matrix: readonly Attempt[] = [
    { route: ['DELETE', '/v1/grants/:id'], kind: 'grant' },
    { route: ['POST', '/v1/grants/:id/explain'], kind: 'grant', body: () => ({ statement: 'SELECT 1' }) },
    { route: ['POST', '/v1/sessions'], kind: 'grant', body: grant => ({ grant, verifier: VERIFIER }) },
    { route: ['GET', '/v1/sessions/:id'], kind: 'session' },
    { route: ['GET', '/v1/sessions/:id/recording'], kind: 'session' },
    { route: ['DELETE', '/v1/sessions/:id'], kind: 'session' },
  ]

  test.each(matrix)(
    '$route of another person is like one that is not there',
    async ({ route, kind, body }) => {
      const [method, path] = route
      const gateway = await makeGateway()
      const { id: session } = await sessionFor(gateway, ADA)
      const live = gateway.sessions.find(session) ?? expect.unreachable()
      const id = kind === 'grant' ? live.session.grant : session
      const unknown = kind === 'grant' ? NO_GRANT : NO_SESSION
      for (const as of [
        BOB,
        EVE,
        { ...ADA, issuer: 'https://other.example.com' },
        { ...BOB, name: ADA.name },
      ]) {
        const more = body === undefined ? {} : { body }
        const theirs = await answer(gateway, method, path, { as, id, ...more })
        expect(theirs.status).toBe(404)
        expect(theirs).toEqual(await answer(gateway, method, path, { as, id: unknown, ...more }))
      }
      expect(live.endReason).toBeUndefined()
    },
  )

  test('lists hold nothing of it', async () => {
    const { fetch, ...gateway } = await makeGateway()
    await sessionFor({ fetch, ...gateway }, ADA)
    for (const path of ['/v1/grants', '/v1/sessions', '/v1/sessions?connection=prod-db&limit=500']) {
      expect(await (await fetch('GET', path, { as: BOB })).json()).toEqual([])
      expect(await (await fetch('GET', path, { as: ADA })).json()).toHaveLength(1)
    }
  })

  test('an auditor reads every session and ends none', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    const path = `/v1/sessions/${id}`
    const seen = await bodyOf<readonly SessionView[]>(
      await gateway.fetch('GET', '/v1/sessions', { as: GRACE }),
    )
    expect(seen.map(session => session.id)).toEqual([id])
    expect(await (await gateway.fetch('GET', '/v1/sessions?mine', { as: GRACE })).json()).toEqual([])
    expect((await gateway.fetch('GET', path, { as: GRACE })).status).toBe(200)
    const recording = await gateway.fetch('GET', `${path}/recording`, { as: GRACE })
    expect(await recording.text()).toContain('"kind":"session"')
    expect((await gateway.fetch('DELETE', path, { as: GRACE })).status).toBe(404)
    expect(gateway.sessions.find(id)).toBeDefined()
    expect(await (await gateway.fetch('GET', '/v1/grants', { as: GRACE })).json()).toEqual([])
  })

  test('the groups of the token count, not the name or the group of another issuer', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    const pretender = person('pretender', 'Auditors', 'auditors ', '*')
    expect((await gateway.fetch('GET', `/v1/sessions/${id}`, { as: pretender })).status).toBe(404)
  })

  test('names that are none go nowhere', async () => {
    const gateway = await makeGateway()
    const names = ['..', '%2e%2e%2fhoop.db', 'g-', "' OR 1=1 --", 'S-0000000000000000', `${NO_SESSION}%00`]
    for (const name of names) {
      for (const route of ['/v1/sessions/', '/v1/grants/']) {
        const method = route === '/v1/grants/' ? 'DELETE' : 'GET'
        const response = await gateway.fetch(method, `${route}${encodeURIComponent(name)}`, { as: GRACE })
        expect([name, response.status]).toEqual([name, 404])
      }
      const path = `/v1/sessions/${encodeURIComponent(name)}/recording`
      expect([name, (await gateway.fetch('GET', path, { as: GRACE })).status]).toEqual([name, 404])
    }
  })
})

test('a grant whose rule is gone opens no session, and its view goes on being there', async () => {
  const gateway = await makeGateway()
  const { id: grant } = await grantFor(gateway, ADA)
  gateway.reload(configText('').replaceAll('engineering', 'nobody'))
  const response = await gateway.fetch('POST', '/v1/sessions', {
    as: ADA,
    body: { grant, verifier: VERIFIER },
  })
  expect([response.status, (await errorOf(response)).code]).toEqual([403, 'forbidden'])
  expect(await (await gateway.fetch('GET', '/v1/grants', { as: ADA })).json()).toHaveLength(1)
})
