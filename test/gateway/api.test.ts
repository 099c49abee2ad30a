import { describe, expect, test } from 'vitest'
import { streamRecording } from '../../src/gateway/api/read-recording.js'
import type { StreamRequest } from '../../src/tunnel/stream-request.js'
import {
  ADA,
  ADDRESS,
  EVE,
  errorOf,
  GATEWAY,
  makeGateway,
  NO_GRANT,
  NO_SESSION,
  sessionFor,
} from './gateway-fixture.js'

const NO_REVIEW = 'r-0000000000000000'

/** Every route that demands a token. */
const ROUTES: readonly (readonly [string, string])[] = [
  ['GET', '/v1/me'],
  ['GET', '/v1/connections'],
  ['GET', '/v1/grants'],
  ['POST', '/v1/grants'],
  ['DELETE', `/v1/grants/${NO_GRANT}`],
  ['POST', `/v1/grants/${NO_GRANT}/explain`],
  ['GET', '/v1/reviews'],
  ['GET', `/v1/reviews/${NO_REVIEW}`],
  ['POST', `/v1/reviews/${NO_REVIEW}/answers`],
  ['DELETE', `/v1/reviews/${NO_REVIEW}`],
  ['GET', '/v1/notifications'],
  ['POST', '/v1/sessions'],
  ['GET', '/v1/sessions'],
  ['GET', `/v1/sessions/${NO_SESSION}`],
  ['GET', `/v1/sessions/${NO_SESSION}/recording`],
  ['DELETE', `/v1/sessions/${NO_SESSION}`],
]

/** A request for a stream, as the tunnel would hand it over. */
function streamRequest(path: string, authorization: string | undefined) {
  let settle: (answer: { readonly status: number; readonly body: unknown }) => void = () => {}
  const refused = new Promise<{ readonly status: number; readonly body: unknown }>(resolve => {
    settle = resolve
  })
  const request: StreamRequest = {
    path,
    headers: authorization === undefined ? {} : { authorization },
    address: ADDRESS,
    accept: () => expect.unreachable('the stream was accepted'),
    refuse: (status, body) => settle({ status, body }),
  }
  return { request, refused }
}

describe('without a token', () => {
  const bearers = {
    'no header': undefined,
    'another scheme': 'Basic YTpi',
    'an empty token': 'Bearer ',
    'a token that is none': 'Bearer abc',
    'two tokens': 'Bearer abc, Bearer def',
  }
  test.each(Object.entries(bearers))('every route answers 401 to %s', async (_, authorization) => {
    const { fetch } = await makeGateway()
    for (const [method, path] of ROUTES) {
      const headers = authorization === undefined ? {} : { authorization }
      const response = await fetch(method, path, { headers })
      expect([path, response.status]).toEqual([path, 401])
      expect(await errorOf(response)).toMatchObject({ code: 'unauthorized', hint: 'hoop login' })
    }
  })

  test('the routes in this file are all there are', async () => {
    const { api } = await makeGateway()
    const open = ['/healthz', '/.well-known/hoop', '/v1/token', '/v1/agents/enroll']
    const known = api.routes
      .filter(({ method, path }) => method !== 'ALL' && !open.includes(path))
      .map(({ method, path }) => `${method} ${path}`)
    const listed = ROUTES.map(
      ([method, path]) =>
        `${method} ${path.replace(NO_GRANT, ':id').replace(NO_SESSION, ':id').replace(NO_REVIEW, ':id')}`,
    )
    expect([...new Set(known)].sort()).toEqual([...listed].sort())
  })

  test('paths that are not there do not say so', async () => {
    const { fetch } = await makeGateway()
    for (const path of ['/v1/nothing', '/v1/', '/v1/token/more', '/v1//me', '/v1/grants/']) {
      expect([path, (await fetch('GET', path)).status]).toEqual([path, 401])
    }
  })

  test('a token of another gateway, and one that is over, are refused', async () => {
    const [here, there] = [await makeGateway(), await makeGateway()]
    const { token } = await there.tokens.issue(ADA)
    const foreign = await here.fetch('GET', '/v1/me', { headers: { authorization: `Bearer ${token}` } })
    expect([foreign.status, (await errorOf(foreign)).code]).toEqual([401, 'unauthorized'])
    const { token: own } = await here.tokens.issue(ADA)
    const headers = { authorization: `Bearer ${own}` }
    expect((await here.fetch('GET', '/v1/me', { headers })).status).toBe(200)
    here.clock.now += 300_001
    const late = await here.fetch('GET', '/v1/me', { headers })
    expect([late.status, (await errorOf(late)).code]).toEqual([401, 'login_expired'])
  })

  test('a session token opens no route', async () => {
    const gateway = await makeGateway()
    const { token } = await sessionFor(gateway, ADA)
    const response = await gateway.fetch('GET', '/v1/me', { headers: { authorization: `Bearer ${token}` } })
    expect(response.status).toBe(401)
  })

  test('a recording is not streamed', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    for (const authorization of [undefined, 'Bearer abc']) {
      const { request, refused } = streamRequest(`/v1/sessions/${id}/recording`, authorization)
      expect(streamRecording(gateway.deps, request)).toBe(true)
      expect((await refused).status).toBe(401)
    }
  })
})

test('what needs no token answers without one', async () => {
  const { fetch } = await makeGateway()
  expect(await (await fetch('GET', '/healthz')).json()).toEqual({ status: 'ok' })
  expect(await (await fetch('GET', '/.well-known/hoop')).json()).toMatchObject({ gateway: GATEWAY })
})

test('a person sees who they are, what is open to them, and no address or account', async () => {
  const { fetch } = await makeGateway()
  expect(await (await fetch('GET', '/v1/me', { as: ADA })).json()).toEqual({
    ...ADA,
    tokenExpiresAt: '2026-03-10T12:05:00.000Z',
  })
  const connections = await (await fetch('GET', '/v1/connections', { as: ADA })).json()
  expect(connections).toEqual([{ name: 'prod-db', protocol: 'postgres', roles: ['reader', 'writer'] }])
  expect(await (await fetch('GET', '/v1/connections', { as: EVE })).json()).toEqual([])
})
