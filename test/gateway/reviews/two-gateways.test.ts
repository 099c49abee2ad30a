import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeGrantId, makeSessionId, type SessionId } from '../../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../../src/domain/names.js'
import { ReviewReader } from '../../../src/gateway/reviews/review-reader.js'
import type { Store } from '../../../src/store/store.js'
import {
  ADA,
  ADDRESS,
  answerTo,
  DIGEST,
  GRACE,
  HEDY,
  held,
  makeDesk,
  must,
  question,
} from './desk-fixture.js'
import { dropDatabases, newDatabase } from './new-database.js'

let url: string
beforeAll(async () => {
  url = await newDatabase()
})
afterAll(dropDatabases)

const FOREVER = new AbortController().signal

test('an answer at one gateway is known at the other, where it is waited for, within a second', async () => {
  const [one, two] = [await makeDesk({ url }), await makeDesk({ url })]
  const asked = await one.desk.ask(question({ digest: DIGEST }))
  const settled = one.desk.settled(asked.id, FOREVER)
  await two.desk.answer(asked.id, answerTo(asked, GRACE))
  const answeredAt = performance.now()
  expect(await settled).toMatchObject({ state: 'approved' })
  expect(performance.now() - answeredAt).toBeLessThan(1_000)
  expect(await one.desk.use(asked.id, DIGEST)).toMatchObject({ kind: 'used' })
})

test('a question at one gateway is listed at the other, for whoever waits for news there', async () => {
  const [one, two] = [await makeDesk({ url }), await makeDesk({ url })]
  const { desk, store, deps } = two
  const reader = new ReviewReader({ store, desk, now: deps.now })
  const grace = { principal: GRACE, address: ADDRESS, isAuditor: false }
  const { reading } = await reader.list(grace, { mine: false, answerable: true })
  const changes = reader.changes(grace, { mine: false }, { after: reading, signal: FOREVER })
  const { id } = await one.desk.ask(question())
  expect((await changes).reviews.map(({ review }) => review.id)).toEqual([id])
})

test('of a yes at one gateway and the end of the question at the other, one counts', async () => {
  const [one, two] = [await makeDesk({ url }), await makeDesk({ url })]
  for (let round = 0; round < 10; round += 1) {
    const asked = await one.desk.ask(
      question({ digest: DIGEST, requester: { ...ADA, subject: `u-${round}` } }),
    )
    const results = await Promise.allSettled([
      two.desk.answer(asked.id, answerTo(asked, GRACE, { verdict: 'deny' })),
      one.desk.answer(asked.id, answerTo(asked, HEDY)),
    ])
    const after = must(await two.desk.find(asked.id))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(after.answers).toHaveLength(1)
    expect(after.state).toBe(after.answers[0]?.verdict === 'deny' ? 'denied' : 'approved')
  }
})

test('one that starts withdraws what a killed one held, and leaves alone what another one holds', async () => {
  const [one, two] = [await makeDesk({ url }), await makeDesk({ url })]
  const asked = await one.desk.ask(question({ subject: held({ session: await openSession(one.store) }) }))
  await two.desk.withdrawLost()
  expect(await two.desk.find(asked.id)).toMatchObject({ state: 'pending' })
  await one.store.close()
  await two.desk.withdrawLost()
  expect(await two.desk.find(asked.id)).toMatchObject({
    state: 'withdrawn',
    why: 'the gateway that held it stopped',
  })
})

async function openSession(store: Store): Promise<SessionId> {
  const connection = must(readConnectionName('prod-db'))
  const role = must(readRoleName('writer'))
  const [grant, session] = [makeGrantId(randomBytes), makeSessionId(randomBytes)]
  const at = new Date('2026-03-01T10:00:00.000Z')
  await store.grants.insert({
    id: grant,
    principal: ADA,
    connection,
    role,
    reason: undefined,
    rule: must(readRuleName('engineers-write')),
    grantedAt: at,
    until: new Date('2026-03-01T11:00:00.000Z'),
    revokedAt: undefined,
  })
  const ended = { endedAt: undefined, endReason: undefined }
  await store.sessions.insert({
    ...{ id: session, grant, principal: ADA, connection, role, protocol: 'postgres', startedAt: at },
    ...{ address: ADDRESS, ...ended },
  })
  return session
}
