import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import type { Listener } from './listener.js'
import { type Shop, startShop } from './shop.js'
import { until } from './until.js'

let shop: Shop
let listener: Listener

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'target_side_lost', agent: true })
  await shop.sql("ALTER ROLE target_side_lost SET client_connection_check_interval = '500ms'")
  listener = await shop.listen()
}, 120_000)

afterAll(() => shop.stop())

async function isRunning(): Promise<boolean> {
  const text = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(60)%'"
  return (await shop.sql(`${text} AND usename = 'target_side_lost'`)) === '1'
}

/** The session and its listener are the same as before. */
async function goesOn(): Promise<void> {
  const ran = await until('psql works on the same listener', async () => {
    const tried = await listener.psql(['-c', 'SELECT count(*) FROM customers'])
    return tried.code === 0 ? tried : undefined
  })
  expect(ran.stdout).toBe('10\n')
  expect((await shop.session(listener.profile.session)).endedAt).toBeUndefined()
}

test('a backend that its administrator ends says so to the client, and the session goes on', async () => {
  const running = listener.psql(['-c', 'SELECT pg_sleep(60)'])
  await until('the statement runs', isRunning)
  await shop.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'target_side_lost'`)
  const ran = await running
  expect(ran.stderr).toContain('FATAL:  terminating connection due to administrator command')
  expect(ran.code).toBe(2)
  await goesOn()
}, 60_000)

test('an agent that is killed cuts the clients, not the session, and the next agent serves it', async () => {
  const running = listener.psql(['-c', 'SELECT pg_sleep(60)'])
  await until('the statement runs', isRunning)
  await shop.stack.stopAgent('SIGKILL')
  const ran = await running
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toMatch(/hoop ended this session: the target closed the connection/)
  expect(ran.code).toBe(2)
  await until('the target runs nothing of it', async () => !(await isRunning()))
  await shop.stack.startAgent()
  await goesOn()
}, 60_000)

test('a gateway that restarts while the provider is down takes its sessions up again', async () => {
  shop.stack.provider.setReachable(false)
  await shop.stack.stopGateway('SIGKILL')
  await shop.stack.startGateway()
  await until(
    'hoop is back',
    () => listener.told().includes('The gateway is back: the session goes on'),
    30_000,
  )
  const ran = await until('psql works again', async () => {
    const tried = await listener.psql(['-c', 'SELECT count(*) FROM customers'])
    return tried.code === 0 ? tried : undefined
  })
  expect(ran.stdout).toBe('10\n')
  shop.stack.provider.setReachable(true)
  const [newest] = JSON.parse((await shop.stack.hoop(ADA, ['sessions', 'list', '--json'])).stdout)
  expect((await listener.stop()).code).toBe(0)
  expect((await shop.endedSession(newest.id)).endReason).toBe('client_closed')
  const replayed = await shop.stack.hoop(ADA, ['sessions', 'replay', newest.id])
  expect(replayed.stdout).toContain('SELECT count(*) FROM customers')
  expect(replayed.code).toBe(0)
}, 90_000)
