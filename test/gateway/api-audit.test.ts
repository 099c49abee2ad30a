import { describe, expect, test } from 'vitest'
import { HoopError } from '../../src/lib/hoop-error.js'
import {
  ADA,
  ADDRESS,
  BOB,
  EVE,
  GRACE,
  grantFor,
  makeGateway,
  sessionFor,
  VERIFIER,
} from './gateway-fixture.js'

describe('the audit log', () => {
  test('holds grants that were given, refused and taken back', async () => {
    const gateway = await makeGateway()
    const { id } = await grantFor(gateway, ADA)
    await gateway.fetch('POST', '/v1/grants', { as: EVE, body: { connection: 'prod-db' } })
    await gateway.fetch('POST', '/v1/grants', { as: ADA, body: { connection: 'prod-db', role: 'writer' } })
    await gateway.fetch('DELETE', `/v1/grants/${id}`, { as: ADA })
    expect(await gateway.audited()).toEqual([
      `grant.given ${id} engineers-read`,
      'grant.refused prod-db',
      'grant.refused prod-db engineers-write',
      `grant.revoked ${id}`,
    ])
    const [entry] = await gateway.store.audit.list({ limit: 1 })
    expect(entry).toMatchObject({ actor: { kind: 'principal', subject: 'u-ada' }, address: ADDRESS })
  })

  test('says once that a grant was taken back', async () => {
    const gateway = await makeGateway()
    const { id } = await grantFor(gateway, ADA)
    for (let count = 0; count < 3; count += 1) {
      expect((await gateway.fetch('DELETE', `/v1/grants/${id}`, { as: ADA })).status).toBe(204)
    }
    expect((await gateway.audited()).filter(entry => entry === `grant.revoked ${id}`)).toHaveLength(1)
  })

  test('holds sessions that were opened and ended, and recordings that were read', async () => {
    const gateway = await makeGateway()
    const { id } = await sessionFor(gateway, ADA)
    await (await gateway.fetch('GET', `/v1/sessions/${id}/recording`, { as: GRACE })).text()
    await gateway.fetch('GET', `/v1/sessions/${id}/recording`, { as: BOB })
    await gateway.fetch('DELETE', `/v1/sessions/${id}`, { as: ADA })
    await expect
      .poll(async () => (await gateway.audited()).slice(1))
      .toEqual([`session.opened ${id}`, `recording.read ${id}`, `session.ended ${id}`])
  })

  test('holds agents that were enrolled and refused, and never their token', async () => {
    const gateway = await makeGateway({
      enrollAgent: async ({ token }) => {
        if (token !== 'the-right-one') throw new HoopError('forbidden', 'Cannot enrol the agent: no')
      },
    })
    const enroll = (name: string, token: string) =>
      gateway.fetch('POST', '/v1/agents/enroll', { body: { name, token, publicKey: 'key' } })
    expect((await enroll('eu', 'a-wrong-one')).status).toBe(403)
    expect((await enroll('eu', 'the-right-one')).status).toBe(204)
    expect(await gateway.audited()).toEqual(['agent.refused eu', 'agent.enrolled eu'])
    expect(JSON.stringify(await gateway.store.audit.list({ limit: 9 }))).not.toMatch(/-one/)
  })

  test('holds tokens that were issued and refused', async () => {
    const gateway = await makeGateway({
      exchange: async form =>
        form.get('subject_token') === 'good'
          ? {
              kind: 'issued',
              status: 200,
              body: {
                access_token: 'a.b.c',
                issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
                token_type: 'Bearer',
                expires_in: 300,
              },
              principal: ADA,
            }
          : {
              kind: 'refused',
              status: 400,
              body: { error: 'invalid_request', error_description: 'the token is not accepted' },
              cause: new Error('signature of s3cret'),
            },
    })
    const good = await gateway.fetch('POST', '/v1/token', { body: 'subject_token=good' })
    const bad = await gateway.fetch('POST', '/v1/token', { body: 'subject_token=bad' })
    expect([good.status, bad.status]).toEqual([200, 400])
    expect(await bad.json()).toEqual({
      error: 'invalid_request',
      error_description: 'the token is not accepted',
    })
    expect(await gateway.audited()).toEqual(['token.issued', 'token.refused'])
    const entries = await gateway.store.audit.list({ limit: 10 })
    expect(JSON.stringify(entries)).not.toMatch(/good|a\.b\.c|s3cret/)
    expect((await gateway.store.principals.find(ADA))?.principal).toEqual(ADA)
  })

  /** A gateway whose audit log can be taken away. */
  async function withAudit() {
    const audit = { works: true }
    const gateway = await makeGateway({
      breakStore: store => ({
        ...store,
        audit: {
          ...store.audit,
          append: entry =>
            audit.works
              ? store.audit.append(entry)
              : Promise.reject(new HoopError('store_unavailable', 'Cannot write the audit log: it is full')),
        },
      }),
    })
    return { ...gateway, audit }
  }

  test('that cannot be written lets nobody have or read anything', async () => {
    const gateway = await withAudit()
    const { id: grant } = await grantFor(gateway, ADA)
    const session = await sessionFor(gateway, ADA)
    gateway.audit.works = false
    const asked = [
      await gateway.fetch('POST', '/v1/grants', { as: ADA, body: { connection: 'prod-db' } }),
      await gateway.fetch('POST', '/v1/sessions', { as: ADA, body: { grant, verifier: VERIFIER } }),
      await gateway.fetch('GET', `/v1/sessions/${session.id}/recording`, { as: GRACE }),
    ]
    expect(asked.map(response => response.status)).toEqual([503, 503, 503])
    expect(await gateway.store.grants.listLive(gateway.deps.now(), 10)).toHaveLength(2)
    await expect
      .poll(async () => (await gateway.store.sessions.listOpen()).map(one => one.id))
      .toEqual([session.id])
  })

  test('that cannot be written keeps nobody from giving a grant back', async () => {
    const gateway = await withAudit()
    const { id } = await sessionFor(gateway, ADA)
    const live = gateway.sessions.find(id) ?? expect.unreachable()
    gateway.audit.works = false
    await gateway.fetch('DELETE', `/v1/grants/${live.session.grant}`, { as: ADA })
    expect(live.endReason).toBe('grant_revoked')
    expect(await gateway.store.grants.listLive(gateway.deps.now(), 10)).toEqual([])
  })
})
