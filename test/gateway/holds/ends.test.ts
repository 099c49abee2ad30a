import type { Duplex } from 'node:stream'
import { duplexPair } from 'node:stream'
import { beforeAll, describe, expect, test } from 'vitest'
import { ADDRESS } from '../gateway-fixture.js'
import { type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'held_ends'
const MINUTE_MS = 60_000
/** A grant's end is kept to within a second; the machine that tests gets another one. */
const WITHIN_MS = 2_000

beforeAll(() => makeHeldDatabase(DATABASE))

const backends = (holding: Holding) =>
  holding.sql(
    `SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer' AND datname = '${DATABASE}' AND backend_type = 'client backend'`,
  )

/** Revokes while something runs; nothing of it is left at the target after a second. */
async function check(start: (holding: Holding) => Promise<unknown>): Promise<void> {
  const holding = await makeHolding({ database: DATABASE })
  await start(holding)
  const due = Date.now()
  holding.gateway.sessions.endGrant(holding.grant.id, 'grant_revoked')
  await expect.poll(() => backends(holding), { timeout: 10_000, interval: 50 }).toBe('0')
  expect(Date.now() - due).toBeLessThan(WITHIN_MS)
}

async function running(holding: Holding, text: string): Promise<void> {
  const { client } = await holding.connect()
  client.query(text).catch(() => {})
  const active = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'writer' AND state = 'active'"
  await expect.poll(() => holding.sql(`${active} AND datname = '${DATABASE}'`), { timeout: 10_000 }).toBe('1')
}

describe('a session that ends leaves no backend at the target', () => {
  test('that is idle', () => check(async holding => holding.connect()))
  test('that is in a transaction', () =>
    check(async holding => (await holding.connect()).client.query('BEGIN')))
  test('that runs a long statement', () => check(holding => running(holding, 'SELECT pg_sleep(600)')))
  test('that writes to a client that does not read', () =>
    check(async holding => {
      const { client } = await holding.connect()
      const { connection } = client as unknown as { connection: { stream: Duplex } }
      client.query("SELECT repeat('x', 1000) FROM generate_series(1, 10000000)").catch(() => {})
      connection.stream.pause()
      const waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
      await expect
        .poll(() => holding.sql(`${waits} AND datname = '${DATABASE}'`), { timeout: 10_000 })
        .toBe('1')
    }))
})

test('every client and the command that holds the session are told five minutes and one minute before the end', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const { gateway, live, grant } = holding
  const [near, far] = duplexPair()
  let told = ''
  far.setEncoding('utf8').on('data', (text: string) => {
    told += text
  })
  gateway.sessions.stream({
    path: `/v1/sessions/${live.session.id}/control`,
    headers: { authorization: `Bearer ${live.token}` },
    address: ADDRESS,
    accept: () => near,
    refuse: () => expect.unreachable(),
  })
  const [idle, busy] = [await holding.connect(), await holding.connect()]
  const slow = busy.client.query('SELECT pg_sleep(3)')
  gateway.clock.now = grant.until.getTime() - 5 * MINUTE_MS
  for (const { notices } of [idle, busy])
    await expect.poll(() => notices, { timeout: 5_000 }).toEqual(['the grant ends in 5 minutes'])
  gateway.clock.now = grant.until.getTime() - MINUTE_MS
  await expect
    .poll(() => idle.notices, { timeout: 5_000 })
    .toEqual(['the grant ends in 5 minutes', 'the grant ends in 1 minute'])
  expect(told).toContain('"The session on \\"prod-db\\": the grant ends in 5 minutes"')
  expect((await slow).rowCount).toBe(1)
  const heard = new Promise<unknown>(resolve => idle.client.once('error', resolve))
  gateway.clock.now = grant.until.getTime()
  expect(await heard).toMatchObject({
    code: '57P01',
    message: 'hoop ended this session: the grant has expired',
    hint: 'hoop connect prod-db',
  })
  await expect.poll(() => backends(holding), { timeout: 5_000 }).toBe('0')
})
