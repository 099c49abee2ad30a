import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Grant } from '../../src/domain/grant.js'
import { makeGrantId, makeReviewId, makeSessionId } from '../../src/domain/ids.js'
import { readAgentName, readConnectionName, readRoleName, readRuleName } from '../../src/domain/names.js'
import type { Principal } from '../../src/domain/principal.js'
import type { Session } from '../../src/domain/session.js'
import { actorOf } from '../../src/store/actor.js'
import type { Store } from '../../src/store/store.js'
import { deliveryContract } from './deliveries-contract.js'
import { reviewContract } from './reviews-contract.js'

const START = Date.parse('2026-03-01T09:00:00.000Z')
const at = (minutes: number) => new Date(START + minutes * 60_000)

/** What every store must do, whatever database is below it. */
export function storeContract(name: string, open: () => Promise<Store>): void {
  describe(`the store on ${name}`, () => {
    let store: Store
    beforeAll(async () => {
      store = await open()
    })
    afterAll(() => store?.close())
    grantContract(() => store)
    sessionContract(() => store)
    agentContract(() => store)
    auditContract(() => store)
    deliveryContract(() => store)
    reviewContract(() => store)
    hostileContract(() => store)
  })
}

function grantContract(store: () => Store): void {
  test('a grant reads back as it was written', async () => {
    const grant = makeGrant({ reason: 'Bürgschaft 💶 "quoted"\n\\x' })
    await store().grants.insert(grant)
    expect(await store().grants.find(grant.id)).toEqual(grant)
  })

  test('a grant that was never given is not found', async () => {
    expect(await store().grants.find(makeGrantId(randomBytes))).toBeUndefined()
  })

  test('a grant that people looked at names the review, and one review gives one grant', async () => {
    const review = makeReviewId(randomBytes)
    const grant = makeGrant({ review, breakGlass: true })
    await store().grants.insert(grant)
    expect(await store().grants.find(grant.id)).toEqual(grant)
    expect(await store().grants.findByReview(review)).toEqual(grant)
    expect(await store().grants.findByReview(makeReviewId(randomBytes))).toBeUndefined()
    await expect(store().grants.insert(makeGrant({ review }))).rejects.toMatchObject({
      code: 'store_unavailable',
    })
  })

  test('the grants of everybody are listed newest first', async () => {
    const grants = [makeGrant({ grantedAt: at(9_000) }), makeGrant({ grantedAt: at(9_001) })]
    for (const grant of grants) await store().grants.insert(grant)
    expect(await store().grants.list(2)).toEqual(grants.toReversed())
  })

  test('the same grant is not written twice', async () => {
    const grant = makeGrant({})
    await store().grants.insert(grant)
    await expect(store().grants.insert(grant)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test('grants are listed for one identity only, newest first', async () => {
    const principal = makePrincipal()
    const [old, young] = [
      makeGrant({ principal, grantedAt: at(1) }),
      makeGrant({ principal, grantedAt: at(2) }),
    ]
    const namesake = makeGrant({ principal: { ...principal, issuer: 'https://other.example' } })
    for (const grant of [old, namesake, young]) await store().grants.insert(grant)
    expect(await store().grants.listFor(principal, 10)).toEqual([young, old])
    expect(await store().grants.listFor(principal, 1)).toEqual([young])
  })

  test('only grants that are neither over nor revoked are live', async () => {
    const grants = [makeGrant({ until: at(10) }), makeGrant({ until: at(20) }), makeGrant({ until: at(20) })]
    for (const grant of grants) await store().grants.insert(grant)
    const ids = grants.map(grant => grant.id)
    await store().grants.revoke(ids[2] ?? makeGrantId(randomBytes), { kind: 'gateway' }, at(5))
    const live = (await store().grants.listLive(at(10), 1000)).map(grant => grant.id)
    expect(ids.map(id => live.includes(id))).toEqual([false, true, false])
  })

  test('a grant is revoked once, and the first time stays, also when many try at once', async () => {
    const grant = makeGrant({})
    await store().grants.insert(grant)
    const tries = [1, 2, 3, 4, 5].map(minute =>
      store().grants.revoke(grant.id, actorOf(grant.principal), at(minute)),
    )
    const results = await Promise.all(tries)
    expect(results.filter(Boolean)).toHaveLength(1)
    const winner = results.indexOf(true) + 1
    expect((await store().grants.find(grant.id))?.revokedAt).toEqual(at(winner))
    expect(await store().grants.revoke(makeGrantId(randomBytes), { kind: 'gateway' }, at(1))).toBe(false)
  })
}

function sessionContract(store: () => Store): void {
  const opened = async (over: Partial<Session>): Promise<Session> => {
    const grant = makeGrant({})
    await store().grants.insert(grant)
    const session = makeSession(grant, over)
    await store().sessions.insert(session)
    return session
  }
  const asStored = (session: Session) => ({ ...session, operations: 0, refused: 0, head: undefined })

  test('a session reads back as it was written', async () => {
    const session = await opened({})
    expect(await store().sessions.find(session.id)).toEqual(asStored(session))
  })

  test('a session needs a grant that exists', async () => {
    const session = makeSession(makeGrant({}), {})
    await expect(store().sessions.insert(session)).rejects.toMatchObject({ code: 'store_unavailable' })
  })

  test('a session ends once, and the first end stays', async () => {
    const session = await opened({})
    const end = { at: at(3), reason: 'idle', head: 'AbC-_', operations: 7, refused: 2 } as const
    expect(await store().sessions.end(session.id, end)).toBe(true)
    expect(await store().sessions.end(session.id, { ...end, reason: 'fault', operations: 9 })).toBe(false)
    expect(await store().sessions.find(session.id)).toEqual({
      ...session,
      endedAt: at(3),
      endReason: 'idle',
      operations: 7,
      refused: 2,
      head: 'AbC-_',
    })
  })

  test('sessions without an end are the open ones', async () => {
    const [open, closed] = [await opened({}), await opened({})]
    const end = { at: at(3), reason: 'client_closed', head: undefined, operations: 0, refused: 0 } as const
    await store().sessions.end(closed.id, end)
    const ids = (await store().sessions.listOpen()).map(session => session.id)
    expect([ids.includes(open.id), ids.includes(closed.id)]).toEqual([true, false])
  })

  test('sessions come in pages, newest first, none twice and none left out, also within one millisecond', async () => {
    const principal = makePrincipal()
    const sessions: Session[] = []
    for (const minute of [1, 2, 2, 2, 3]) sessions.push(await opened({ principal, startedAt: at(minute) }))
    const pages: Session[] = []
    for (let before: Session['id'] | undefined; ; ) {
      const page = await store().sessions.list({ principal, limit: 2, before })
      pages.push(...page)
      before = page.at(-1)?.id
      if (before === undefined) break
    }
    expect(pages.map(session => session.id).sort()).toEqual(sessions.map(session => session.id).sort())
    const starts = pages.map(session => session.startedAt.getTime())
    expect(starts).toEqual([...starts].sort((one, other) => other - one))
  })

  test('sessions are listed by connection', async () => {
    const connection = known(readConnectionName(`db-${randomBytes(6).toString('hex')}`))
    const session = await opened({ connection })
    expect(await store().sessions.list({ connection, limit: 5 })).toEqual([asStored(session)])
    expect(await store().sessions.list({ connection, limit: 5, principal: makePrincipal() })).toEqual([])
  })
}

function agentContract(store: () => Store): void {
  test('an enrolment token works once, also when two agents bring it at the same time', async () => {
    const tokenDigest = randomBytes(32).toString('hex')
    const names = ['one', 'two', 'three'].map(name =>
      known(readAgentName(`${name}-${randomBytes(4).toString('hex')}`)),
    )
    const results = await Promise.all(
      names.map(name => store().agents.enroll({ name, publicKey: `key-${name}`, tokenDigest, at: at(1) })),
    )
    expect([...results].sort()).toEqual(['enrolled', 'used', 'used'])
    const keys = await Promise.all(names.map(name => store().agents.findKey(name)))
    expect(keys).toEqual(
      results.map((result, place) => (result === 'used' ? undefined : `key-${names[place]}`)),
    )
  })

  test('a new token gives an agent a new key', async () => {
    const name = known(readAgentName(`agent-${randomBytes(4).toString('hex')}`))
    const enroll = (publicKey: string, minute: number) =>
      store().agents.enroll({ name, publicKey, tokenDigest: randomBytes(32).toString('hex'), at: at(minute) })
    await enroll('first', 1)
    await store().agents.seen(name, at(2))
    expect(await store().agents.find(name)).toEqual({
      publicKey: 'first',
      enrolledAt: at(1),
      lastSeenAt: at(2),
    })
    await enroll('second', 3)
    expect(await store().agents.find(name)).toEqual({
      publicKey: 'second',
      enrolledAt: at(3),
      lastSeenAt: undefined,
    })
  })
}

function auditContract(store: () => Store): void {
  test('audit entries come back newest first, in pages', async () => {
    const rule = known(readRuleName('engineers-read'))
    const principal = makePrincipal()
    for (const minute of [1, 2, 3]) {
      await store().audit.append({
        at: at(minute),
        actor: actorOf(principal),
        action: 'grant.given',
        subject: `g-${minute}`,
        rule,
        address: '192.0.2.7',
        detail: { durationSeconds: 60 },
      })
    }
    const first = await store().audit.list({ limit: 2 })
    const second = await store().audit.list({ limit: 1, before: first[1]?.sequence })
    expect([...first, ...second].map(entry => entry.subject)).toEqual(['g-3', 'g-2', 'g-1'])
    const { issuer, subject, name } = principal
    expect(first[0]).toMatchObject({
      at: at(3),
      actor: { kind: 'principal', issuer, subject, name },
      rule,
      address: '192.0.2.7',
      detail: { durationSeconds: 60 },
    })
  })

  test('principals are remembered as they were last seen', async () => {
    const principal = makePrincipal()
    await store().principals.remember(principal, at(1))
    await store().principals.remember({ ...principal, name: 'Ann Married', groups: [] }, at(2))
    const seen = { principal: { ...principal, name: 'Ann Married', groups: [] }, lastSeenAt: at(2) }
    expect(await store().principals.find(principal)).toEqual(seen)
    expect(await store().principals.list(1000)).toContainEqual(seen)
    expect(await store().principals.listSeen(at(2))).toContainEqual(seen)
    expect(await store().principals.listSeen(new Date(at(2).getTime() + 1))).not.toContainEqual(seen)
  })
}

function hostileContract(store: () => Store): void {
  for (const hostile of ['a\0b', '\uD800', "'; drop table audit; --", '\u202Egnp', 'x'.repeat(100_000)]) {
    test(`a name like ${JSON.stringify(hostile.slice(0, 24))} cannot keep a decision out of the audit log`, async () => {
      const principal = { ...makePrincipal(), name: hostile, groups: [hostile] }
      const entry = {
        at: at(1),
        actor: actorOf(principal),
        action: 'grant.refused',
        subject: hostile,
        address: hostile,
      }
      await store().audit.append({ ...entry, detail: { reason: hostile } })
      const grant = makeGrant({ principal, reason: hostile })
      await store().grants.insert(grant)
      expect((await store().grants.find(grant.id))?.principal.groups).toEqual([hostile])
      expect((await store().audit.list({ limit: 1 }))[0]?.action).toBe('grant.refused')
    })
  }
}

/** A principal nobody has seen before, so that tests can share a database. */
export function makePrincipal(): Principal {
  const subject = `u-${randomBytes(6).toString('hex')}`
  return { issuer: 'https://id.example', subject, name: 'ann@example.com', groups: ['engineers', 'on call'] }
}

/** A grant of an hour from the start of the tests' time. */
export function makeGrant(over: Partial<Grant>): Grant {
  return {
    id: makeGrantId(randomBytes),
    principal: makePrincipal(),
    connection: known(readConnectionName('prod-db')),
    role: known(readRoleName('reader')),
    reason: undefined,
    rule: known(readRuleName('engineers-read')),
    grantedAt: at(0),
    until: at(60),
    revokedAt: undefined,
    ...over,
  }
}

function makeSession(grant: Grant, over: Partial<Session>): Session {
  return {
    id: makeSessionId(randomBytes),
    grant: grant.id,
    principal: grant.principal,
    connection: grant.connection,
    role: grant.role,
    protocol: 'postgres',
    startedAt: at(1),
    endedAt: undefined,
    endReason: undefined,
    address: '127.0.0.1',
    ...over,
  }
}

function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('the test made a name that is not one')
  return value
}
