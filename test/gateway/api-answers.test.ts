import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { ErrorResponse } from '../../src/domain/api.js'
import { readSessionId } from '../../src/domain/ids.js'
import type { Principal } from '../../src/domain/principal.js'
import { recordingPath } from '../../src/gateway/recordings/recording-path.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { ADA, errorOf, makeGateway, NO_GRANT, sessionFor } from './gateway-fixture.js'

describe('answers', () => {
  const asked: readonly (readonly [string, string, Principal | undefined, number])[] = [
    ['GET', '/healthz', undefined, 200],
    ['GET', '/.well-known/hoop', undefined, 200],
    ['GET', '/v1/me', ADA, 200],
    ['GET', '/v1/me', undefined, 401],
    ['GET', '/v1/nothing', ADA, 404],
    ['GET', '/nothing', undefined, 404],
    ['DELETE', `/v1/grants/${NO_GRANT}`, ADA, 404],
    ['POST', '/v1/grants', ADA, 400],
    ['POST', '/v1/token', undefined, 500],
  ]
  test.each(asked)('%s %s as %j is kept by no cache', async (method, path, as, status) => {
    const { fetch } = await makeGateway()
    const response = await fetch(method, path, { as })
    expect(response.status).toBe(status)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  test('a recording is kept by no cache either', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    const response = await gateway.fetch('GET', `/v1/sessions/${id}/recording`, { as: ADA })
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.get('content-type')).toBe('application/x-ndjson')
    await response.text()
  })

  test('a fault of ours says nothing but a number that the log has too', async () => {
    const gateway = await makeGateway({
      breakStore: store => ({
        ...store,
        grants: {
          ...store.grants,
          listFor: () => Promise.reject(new Error('password s3cret at db.internal')),
        },
      }),
    })
    const response = await gateway.fetch('GET', '/v1/grants', { as: ADA })
    expect(response.status).toBe(500)
    const text = await response.text()
    expect(text).not.toMatch(/s3cret|db\.internal|stack|\.ts/)
    const { error }: ErrorResponse = JSON.parse(text)
    expect(error).toEqual({
      code: 'internal',
      message: 'Cannot answer: an internal error occurred',
      request: expect.stringMatching(/^[0-9a-f]{12}$/),
    })
    const logged = gateway.lines.find(({ level }) => level === 'error')
    expect(logged?.fields).toMatchObject({ request: error.request, path: '/v1/grants' })
  })

  test('an expected failure shows its words and keeps its cause for the log', async () => {
    const gateway = await makeGateway({
      breakStore: store => ({
        ...store,
        grants: {
          ...store.grants,
          listFor: () =>
            Promise.reject(
              new HoopError('store_unavailable', 'Cannot list grants: the store is away', {
                cause: new Error('db.internal refused'),
              }),
            ),
        },
      }),
    })
    const response = await gateway.fetch('GET', '/v1/grants', { as: ADA })
    expect(response.status).toBe(503)
    const error = await errorOf(response)
    expect(JSON.stringify(error)).not.toContain('db.internal')
    const logged = gateway.lines.find(({ level }) => level === 'error')
    expect(logged?.fields).toMatchObject({
      request: error.request,
      cause: expect.stringContaining('db.internal'),
    })
  })

  test('a recording that is gone from the disk names no path', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    const known = readSessionId(id) ?? expect.unreachable()
    await gateway.fetch('DELETE', `/v1/sessions/${id}`, { as: ADA })
    const path = recordingPath(gateway.recordings, known)
    rmSync(path)
    const gone = await gateway.fetch('GET', `/v1/sessions/${id}/recording`, { as: ADA })
    expect([gone.status, (await errorOf(gone)).message]).toEqual([404, expect.not.stringContaining(path)])
    mkdirSync(path)
    writeFileSync(`${path}/x`, '')
    const odd = await gateway.fetch('GET', `/v1/sessions/${id}/recording`, { as: ADA })
    expect(await odd.text().catch(() => '')).not.toContain(gateway.recordings)
  })
})
