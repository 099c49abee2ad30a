import { readFileSync, writeFileSync } from 'node:fs'
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import type { Listener } from './listener.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

/** A grant's end is kept to within a second; the machine that tests gets another one. */
const WITHIN_MS = 2_000

let shop: Shop

beforeAll(async () => {
  const postgres = inject('postgres')
  const idle = {
    name: 'idle-shop',
    type: 'postgres',
    address: `127.0.0.1:${postgres.port}`,
    database: 'grant_ends',
    tls: { mode: 'disable' },
    roles: [{ name: 'reader', user: 'grant_ends', password: 'env:TARGET_PASSWORD' }],
    limits: { idle_timeout: '2s' },
  }
  shop = await startShop({ postgres, name: 'grant_ends', agent: true, connections: [idle] })
}, 120_000)

afterAll(() => shop.stop())

interface Ending {
  readonly listener: Listener
  /** What makes it end. Resolves at the moment from which the end is due. */
  readonly cause: () => Promise<unknown>
  readonly says: string
  readonly endReason: string
  readonly code: string
}

/** One client is busy at the target and one is idle; both hear why, and nothing goes on at the target. */
async function check({ listener, cause, says, endReason, code }: Ending): Promise<void> {
  const idle = await listener.client()
  const heard = new Promise<pg.DatabaseError>(resolve => idle.once('error', resolve))
  const busy = await listener.client()
  const running = busy.query("SELECT 'slow', pg_sleep(60)").catch((error: unknown) => error)
  await until('the statement runs', async () => (await runningAtTarget()) === 1)
  await cause()
  const due = Date.now()
  const message = `hoop ended this session: ${says}`
  expect(await running).toMatchObject({ severity: 'FATAL', code, message })
  expect(await heard).toMatchObject({ severity: 'FATAL', code, message })
  await until('the target runs nothing of it', async () => (await runningAtTarget()) === 0)
  expect(Date.now() - due).toBeLessThan(WITHIN_MS)
  const ended = await listener.ended
  expect(ended.stderr).toContain(`hoop: The session on "shop" ended: ${says}`)
  expect(ended.stderr).toContain('try: hoop connect shop')
  expect(ended.code).toBe(77)
  expect((await shop.endedSession(listener.profile.session)).endReason).toBe(endReason)
  expect((await listener.psql(['-c', 'SELECT 1'])).stderr).toContain('Connection refused')
  expect(liveGrants(await shop.grants())).toEqual([])
  expect(shop.privateDirectories()).toEqual([])
}

async function runningAtTarget(): Promise<number> {
  const text = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow%'"
  return Number(await shop.sql(`${text} AND usename = 'grant_ends'`))
}

test('a grant that expires ends what runs, here and at the target', async () => {
  const listener = await shop.listen(['--for', '6s'])
  await check({
    listener,
    cause: () => until('the grant is over', () => new Date(listener.profile.until).getTime() <= Date.now()),
    says: 'the grant has expired',
    endReason: 'grant_expired',
    code: '57P01',
  })
}, 60_000)

test('a grant that its owner gives back ends what runs', async () => {
  const listener = await shop.listen()
  const [grant] = liveGrants(await shop.grants())
  await check({
    listener,
    cause: async () => {
      const ran = await shop.stack.hoop(ADA, ['grants', 'revoke', grant?.id ?? ''])
      expect(ran).toMatchObject({ code: 0, stderr: `hoop: grant ${grant?.id} is revoked\n` })
    },
    says: 'the grant was revoked',
    endReason: 'grant_revoked',
    code: '57P01',
  })
}, 60_000)

test('a configuration with a mistake changes nothing, and one without the right ends the session', async () => {
  const good = readFileSync(shop.stack.configFile, 'utf8')
  const listener = await shop.listen()
  writeFileSync(shop.stack.configFile, good.replace('type: postgres', 'type: postgrse'))
  process.kill(shop.stack.gatewayPid(), 'SIGHUP')
  const refusal = 'the configuration was not read again: the one before stays in force'
  await until('the gateway refuses the file', () => shop.stack.gatewayLog().includes(refusal))
  expect(shop.stack.gatewayLog()).toContain('expected postgres')
  expect((await listener.psql(['-c', 'SELECT 1'])).stdout).toBe('1\n')
  await check({
    listener,
    cause: async () => {
      shop.stack.writeConfig({ access: [] })
      process.kill(shop.stack.gatewayPid(), 'SIGHUP')
      const taken = 'the configuration was read again'
      await until('the gateway takes the file', () => shop.stack.gatewayLog().includes(taken))
    },
    says: 'no access rule gives it to you any more',
    endReason: 'access_removed',
    code: '57P01',
  })
  expect((await shop.stack.hoop(ADA, ['connect', 'shop'])).code).toBe(64)
  writeFileSync(shop.stack.configFile, good)
  process.kill(shop.stack.gatewayPid(), 'SIGHUP')
  await until('the right is back', async () => {
    const ran = await shop.stack.hoop(ADA, ['connections'])
    return ran.stdout.includes('shop')
  })
}, 60_000)

test('a session that nobody uses ends; a statement that runs is use', async () => {
  const listener = await shop.listen([], 'idle-shop')
  const client = await listener.client()
  const heard = new Promise<unknown>(resolve => client.once('error', resolve))
  const slept = await client.query('SELECT pg_sleep(4)')
  expect(slept.rowCount).toBe(1)
  expect(await heard).toMatchObject({
    code: '57P05',
    message: expect.stringContaining('nothing happened for too long'),
  })
  expect((await listener.ended).stderr).toContain('ended: nothing happened for too long')
  expect((await shop.endedSession(listener.profile.session)).endReason).toBe('idle')
}, 60_000)
