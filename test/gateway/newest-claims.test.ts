import { describe, expect, test } from 'vitest'
import type { SessionOpened } from '../../src/domain/api.js'
import type { Principal } from '../../src/domain/principal.js'
import { NewestClaims } from '../../src/gateway/access/newest-claims.js'
import {
  ADA,
  configText,
  errorOf,
  type GatewayFixture,
  makeGateway,
  sessionFor,
  VERIFIER,
} from './gateway-fixture.js'

const at = (seconds: number) => new Date(1_000_000 + seconds * 1000)
const REMOVED: Principal = { ...ADA, groups: ['sales'] }

describe('what a provider said of somebody', () => {
  test('is what it said last, whatever comes in which order', () => {
    const claims = new NewestClaims()
    expect(claims.of(ADA)).toBe(ADA)
    claims.note(REMOVED, at(2))
    claims.note(ADA, at(1))
    expect(claims.of(ADA)).toBe(REMOVED)
    claims.note(ADA, at(3))
    expect(claims.of(ADA)).toEqual(ADA)
  })

  test('is about that identity only', () => {
    const claims = new NewestClaims()
    claims.note({ ...REMOVED, issuer: 'https://other.example.com' }, at(1))
    claims.note({ ...REMOVED, subject: 'u-other' }, at(1))
    expect(claims.of(ADA)).toBe(ADA)
  })

  test('is the same object while it is the same, so that nothing is made anew for it', () => {
    const claims = new NewestClaims()
    claims.note(ADA, at(1))
    const { version } = claims
    claims.note({ ...ADA, groups: [...ADA.groups] }, at(2))
    expect([claims.of({ ...ADA }) === ADA, claims.version]).toEqual([false, version])
    for (const change of [{ groups: [] }, { name: 'x' }, { person: 'p' }, { manager: 'm' }]) {
      const before = claims.version
      claims.note({ ...ADA, ...change }, at(3 + before))
      expect(claims.version).toBeGreaterThan(before)
    }
  })
})

/** An exchange at this gateway that says this of Ada, as a CLI makes that renews its token. */
async function renew(gateway: GatewayFixture): Promise<void> {
  expect((await gateway.fetch('POST', '/v1/token', { body: 'grant_type=x' })).status).toBe(200)
}

async function makeRenewing(says: { principal: Principal }) {
  return makeGateway({
    exchange: async () => {
      const body = {
        access_token: 't',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      } as const
      const { principal } = says
      return {
        kind: 'issued',
        status: 200,
        body: { ...body, token_type: 'Bearer', expires_in: 300 },
        principal,
      }
    },
  })
}

function liveOf(gateway: GatewayFixture, { id }: SessionOpened) {
  return gateway.sessions.find(id)
}

describe('a session of somebody who is removed from a group', () => {
  test('ends within a second of the next token, and says why', async () => {
    const says = { principal: ADA }
    const gateway = await makeRenewing(says)
    const session = await sessionFor(gateway, ADA)
    const live = liveOf(gateway, session)
    gateway.clock.now += 1000
    await renew(gateway)
    const swept = gateway.sweeps()
    await expect.poll(gateway.sweeps).toBeGreaterThan(swept + 1)
    expect(live?.endReason).toBeUndefined()
    says.principal = REMOVED
    gateway.clock.now += 1000
    await renew(gateway)
    await expect.poll(() => live?.endReason, { timeout: 1000 }).toBe('access_removed')
    await expect
      .poll(
        async () => (await gateway.store.sessions.find(live?.session.id ?? expect.unreachable()))?.endReason,
      )
      .toBe('access_removed')
    await expect.poll(gateway.audited).toContain(`session.ended ${session.id}`)
  })

  test('ends too when an older token opens it once more', async () => {
    const says = { principal: REMOVED }
    const gateway = await makeRenewing(says)
    const { token } = await gateway.tokens.issue(ADA)
    const headers = { authorization: `Bearer ${token}` }
    const given = await gateway.fetch('POST', '/v1/grants', { headers, body: { connection: 'prod-db' } })
    const { id: grant }: { readonly id: string } = JSON.parse(await given.text())
    gateway.clock.now += 1000
    await renew(gateway)
    const body = { grant, verifier: VERIFIER }
    const opened = await gateway.fetch('POST', '/v1/sessions', { headers, body })
    if (opened.status === 201) {
      const session: SessionOpened = JSON.parse(await opened.text())
      await expect.poll(() => liveOf(gateway, session), { timeout: 1000 }).toBeUndefined()
    } else expect((await errorOf(opened)).code).toBe('forbidden')
  })

  test('loses what the group spared it, and gains what keeps others out, while it lives', async () => {
    const gateway = await makeGateway({
      config: configText(`
statements:
  - { name: sales-read-only, when: '"sales" in principal.groups && statement.writes', then: deny }
`),
    })
    const session = await sessionFor(gateway, ADA)
    const live = liveOf(gateway, session)
    if (live === undefined) throw new Error('the session has ended')
    const facts = await gateway.facts.read('INSERT INTO t VALUES (1)')
    const statements = facts.understood ? facts.statements : []
    const rules = live.rules('postgres')
    const resolveTables = () => ['public.t']
    const decide = () =>
      rules.decide({ facts, statements, text: 'INSERT INTO t VALUES (1)', resolveTables }).kind
    expect(decide()).toBe('allow')
    gateway.sessions.claims.note(
      { ...ADA, groups: [...ADA.groups, 'sales'] },
      new Date(gateway.clock.now + 1),
    )
    expect(decide()).toBe('deny')
    expect(live.endReason).toBeUndefined()
  })
})
