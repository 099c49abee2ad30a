import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Listener, readListener } from '../end-to-end/listener.js'
import { until } from '../end-to-end/until.js'
import { ADA, type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import type { PostgresServer } from '../setup/postgres.js'
import { ADMIN_PASSWORD, leftAt, startRoleServer } from './credentials-fixture.js'

/** A grant's end is kept to within a second; the machine that tests gets another one. */
const WITHIN_MS = 2_000

const IDS = {
  ...{ name: 'ids', columns: ['public.customers.id'], strategy: 'redact' },
  ...{ strong: true, connections: ['walled'] },
}

let server: PostgresServer
let stack: HoopStack

beforeAll(async () => {
  server = await startRoleServer()
  const connection = {
    name: 'shop',
    type: 'postgres',
    address: `127.0.0.1:${server.port}`,
    agent: 'beside-db',
    database: 'shop',
    databases: ['shop', 'stock'],
    tls: { mode: 'disable' },
  }
  const ephemeral = { admin_user: 'role_maker', admin_password: 'env:ROLE_MAKER', member_of: ['readers'] }
  const missing = { ...ephemeral, member_of: ['nobody'] }
  stack = await startHoopStack({
    connections: [
      { ...connection, roles: [{ name: 'reader', ephemeral }] },
      { ...connection, name: 'broken', roles: [{ name: 'reader', ephemeral: missing }] },
      { ...connection, name: 'walled', roles: [{ name: 'reader', ephemeral }] },
    ],
    config: { masking: { rules: [IDS] } },
    secrets: { ROLE_MAKER: ADMIN_PASSWORD },
    agentAllows: [connection.address],
  })
  expect((await stack.login(ADA)).code).toBe(0)
}, 120_000)

afterAll(async () => {
  await stack?.stop()
  await server?.stop()
})

const connect = (...args: string[]): Promise<Listener> =>
  readListener(stack.spawnHoop(ADA, ['connect', 'shop', '--no-exec', ...args]))
const rolesLeft = async (): Promise<boolean> => (await leftAt(server)) !== ''
const gone = (ms?: number) => until('nothing is left at the target', async () => !(await rolesLeft()), ms)

test('psql runs as a role of the session, which is gone when it ends', async () => {
  const statement = 'SELECT session_user, count(*) FROM customers'
  const ran = await stack.hoop(ADA, ['connect', 'shop', '--', '-X', '-A', '-t', '-c', statement])
  const session = /session s-(\w{16})/.exec(ran.stderr)?.[1]
  expect(ran.stdout).toBe(`hoop_${session}|1\n`)
  await gone()
})

test('a role that cannot be made is an error before anything starts', async () => {
  const ran = await stack.hoop(ADA, ['connect', 'broken', '--', '-c', 'SELECT 1'])
  expect(ran.code).not.toBe(0)
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toContain('Cannot make a role for the session on "broken": there is no role "nobody"')
  expect(await rolesLeft()).toBe(false)
})

test('a role that can read what a strong rule forbids is gone before anything starts', async () => {
  const ran = await stack.hoop(ADA, ['connect', 'walled', '--', '-c', 'SELECT 1'])
  expect(ran.code).not.toBe(0)
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toContain(
    'rule "ids" is strong, and through "readers" the role can read "public.customers.id" in database "shop"',
  )
  expect(ran.stderr).toContain('REVOKE SELECT ON "public"."customers" FROM "readers"')
  await gone()
})

test("the end of a grant ends its role's backends and the role", async () => {
  const listener = await connect('--for', '5s')
  const busy = listener.psql(['-c', 'SELECT pg_sleep(60)'])
  const idle = await listener.client({ database: 'stock' })
  await until('the statement runs', async () => {
    const text =
      "SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'hoop%' AND query LIKE '%pg_sleep(60)%'"
    return (await server.sql('postgres', `${text} AND state = 'active'`)) === '1'
  })
  await until('the grant is over', () => new Date(listener.profile.until).getTime() <= Date.now())
  const due = Date.now()
  await gone()
  expect(Date.now() - due).toBeLessThan(WITHIN_MS)
  expect((await busy).code).not.toBe(0)
  await idle.end().catch(() => undefined)
  expect((await listener.ended).code).toBe(77)
}, 60_000)

test('a gateway that was killed takes back what it left when it starts again', async () => {
  const listeners = await Promise.all([connect(), connect()])
  for (const listener of listeners) {
    const client = await listener.client()
    await client.query(`CREATE TABLE "left_${listener.profile.session}" (id int)`)
  }
  await stack.stopGateway('SIGKILL')
  for (const { child } of listeners) child.kill('SIGKILL')
  expect(await rolesLeft()).toBe(true)
  await stack.startGateway()
  await gone(30_000)
  expect(stack.gatewayLog()).toContain('roles of ended sessions were taken back')
  const owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE tablename LIKE 'left_s-%'"
  expect(await server.sql('shop', owners)).toBe('readers')
}, 90_000)

test('a gateway that is told to stop takes its roles back before it is gone', async () => {
  const listener = await connect()
  await listener.client()
  await stack.stopGateway('SIGTERM')
  expect(await leftAt(server)).toBe('')
  listener.child.kill('SIGKILL')
  expect(stack.gatewayLog().includes(ADMIN_PASSWORD)).toBe(false)
  await stack.startGateway()
}, 60_000)
