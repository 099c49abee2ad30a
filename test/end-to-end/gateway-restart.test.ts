import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import type { Listener } from './listener.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

let shop: Shop

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'gateway_restart', agent: true })
  // A gateway that is killed cannot cancel anything: the target notices by itself that nobody listens.
  await shop.sql("ALTER ROLE gateway_restart SET client_connection_check_interval = '500ms'")
}, 120_000)

afterAll(() => shop.stop())

/** Stops the gateway under a running statement, starts it again, and goes on with the same port and secret. */
async function check(
  signal: 'SIGTERM' | 'SIGKILL',
  expected: { readonly clientHears: RegExp; readonly endReason: string },
): Promise<void> {
  const listener = await shop.listen()
  expect((await listener.psql(['-c', 'SELECT count(*) FROM customers'])).stdout).toBe('10\n')
  const running = listener.psql(['-c', "SELECT 'slow', pg_sleep(60)"])
  await until('the statement runs', async () => (await sleeping()) === 1)
  await shop.stack.stopGateway(signal)
  const ran = await running
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toMatch(expected.clientHears)
  expect(ran.code).toBe(2)
  await until('hoop says so', () => listener.told().includes('The gateway is gone: trying to reach it again'))
  await shop.stack.startGateway()
  await until('hoop is back', () => listener.told().includes('The gateway is back: the session goes on'))
  await reconnects(listener)
  await until('the target runs nothing of it', async () => (await sleeping()) === 0)
  await recordingIsWhole(listener.profile.session, expected.endReason)
  expect((await listener.stop()).code).toBe(0)
  await until('no grant is left', async () => liveGrants(await shop.grants()).length === 0)
  await until('no directory is left', () => shop.privateDirectories().length === 0)
}

async function sleeping(): Promise<number> {
  const text =
    "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%slow%pg_sleep(60)%'"
  return Number(await shop.sql(`${text} AND usename = 'gateway_restart'`))
}

/** The agent may need a moment longer than the CLI to be back. */
async function reconnects(listener: Listener): Promise<void> {
  const ran = await until('psql works again on the same port with the same secret', async () => {
    const tried = await listener.psql(['-c', 'SELECT count(*) FROM customers'])
    return tried.code === 0 ? tried : undefined
  })
  expect(ran.stdout).toBe('10\n')
}

async function recordingIsWhole(id: string, endReason: string): Promise<void> {
  const session = await shop.endedSession(id)
  expect(session.endReason).toBe(endReason)
  const verified = await shop.stack.hoop(ADA, ['sessions', 'verify', id])
  expect(verified.stdout).toContain('whole and unaltered')
  const exported = await shop.stack.hoop(ADA, ['sessions', 'export', id])
  expect(exported.stdout).toContain('pg_sleep(60)')
  expect(exported.stdout.trimEnd().split('\n').at(-1)).toContain(`"${endReason}"`)
}

test('a gateway told to stop tells its clients, and a listener goes on with the next one', async () => {
  await check('SIGTERM', {
    clientHears: /FATAL: {2}hoop ended this session: the gateway is shutting down/,
    endReason: 'gateway_draining',
  })
}, 60_000)

test('a gateway that was killed loses no recording, and a listener goes on with the next one', async () => {
  await check('SIGKILL', {
    clientHears: /server closed the connection unexpectedly/,
    endReason: 'gateway_lost',
  })
}, 60_000)

test('a psql of hoop connect is told, and hoop ends with its exit code and leaves nothing', async () => {
  const child = shop.stack.hoop(ADA, ['connect', 'shop', '--', '-c', "SELECT 'slow', pg_sleep(60)"])
  await until('the statement runs', async () => (await sleeping()) === 1)
  await shop.stack.stopGateway('SIGTERM')
  const ran = await child
  expect(ran.stderr).toContain('FATAL:  hoop ended this session: the gateway is shutting down')
  expect(ran.code).toBe(2)
  expect(shop.privateDirectories()).toEqual([])
  await shop.stack.startGateway()
}, 60_000)
