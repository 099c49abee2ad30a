import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { launcherFor } from '../../../src/protocols/launchers.js'
import { cleanEnvironment, sqlOn } from '../../setup/postgres.js'
import { BRIDGE_KEY, type Bridge, startBridge } from './bridge.js'
import { LOOPBACK } from './exchange.js'

const run = promisify(execFile)
let bridge: Bridge

beforeAll(async () => {
  const { host, port, reader } = inject('postgres')
  bridge = await startBridge({ host, port, ...reader, database: 'postgres', tls: 'disable' })
})
afterAll(() => bridge.stop())

/** Runs psql on the bridge; gives what it printed, on both streams when it failed. */
async function psql(environment: Record<string, string>, ...args: string[]): Promise<string> {
  const where = { PGHOST: '127.0.0.1', PGPORT: String(bridge.port), PGUSER: 'anyone', PGDATABASE: 'postgres' }
  const env = { ...cleanEnvironment(), ...where, PGPASSWORD: LOOPBACK.secret, ...environment }
  const child = run('psql', ['-X', '-A', '-t', '-w', ...args], { env, timeout: 20_000 })
  return child.then(
    ({ stdout }) => stdout.trim(),
    (error: { stderr?: string }) => String(error.stderr).trim(),
  )
}

describe('psql gets in', () => {
  test.each([
    ['as it is', {}],
    ['preferring TLS and GSSAPI', { PGSSLMODE: 'prefer', PGGSSENCMODE: 'prefer' }],
    ['without channel binding', { PGCHANNELBINDING: 'disable' }],
  ])('%s', async (_, environment) => {
    expect(await psql(environment, '-c', 'SELECT current_user')).toBe('reader')
  })

  test('with settings by every way that libpq has', async () => {
    const environment = {
      PGOPTIONS: '-c geqo=off --lock-timeout=7s',
      PGTZ: 'Asia/Tokyo',
      PGAPPNAME: 'nightly',
      PGCLIENTENCODING: 'SQL_ASCII',
    }
    const settings = ['geqo', 'lock_timeout', 'timezone', 'application_name', 'client_encoding']
    const shown = await psql(
      environment,
      '-c',
      `SELECT ${settings.map(name => `current_setting('${name}')`).join(',')}`,
    )
    expect(shown).toBe('off|7s|Asia/Tokyo|nightly|UTF8')
    expect(bridge.started.at(-1)).toMatchObject({ application: 'nightly', database: 'postgres' })
  })

  test('to print what it needs and quit with it', async () => {
    expect(await psql({}, '-c', '\\d', '-c', '\\conninfo', '-c', '\\encoding')).toContain('UTF8')
  })
})

describe('psql is told why it does not get in', () => {
  test.each([
    [
      'another secret',
      { PGPASSWORD: 'guess' },
      /FATAL: {2}password authentication failed\nHINT: {2}this port belongs to one hoop session/,
    ],
    ['TLS demanded', { PGSSLMODE: 'require' }, /server does not support SSL, but SSL was required/],
    ['channel binding demanded', { PGCHANNELBINDING: 'require' }, /channel binding required/],
    [
      'another role',
      { PGOPTIONS: '-c role=writer' },
      /FATAL: {2}the parameter "role" is not allowed by hoop/,
    ],
    [
      'an encoding that hides quotes',
      { PGCLIENTENCODING: 'SJIS' },
      /FATAL: {2}the client encoding "SJIS" is not allowed by hoop/,
    ],
  ])('%s', async (_, environment, message) => {
    expect(await psql(environment, '-c', 'SELECT 1')).toMatch(message)
  })

  test('replication', async () => {
    const conninfo = `host=127.0.0.1 port=${bridge.port} replication=database`
    expect(await psql({}, '-d', conninfo, '-c', 'IDENTIFY_SYSTEM')).toContain(
      'the parameter "replication" is not allowed by hoop',
    )
  })
})

test('psql finds its way by the plan of the launcher alone', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-launch-'))
  const where = {
    connection: 'prod-db',
    host: '127.0.0.1',
    port: bridge.port,
    user: 'a:n\\n',
    database: 'postgres',
  }
  const plan = launcherFor('postgres').plan({ ...where, secret: LOOPBACK.secret, directory })
  for (const [path, text] of Object.entries(plan.files)) writeFileSync(path, text, { mode: 0o600 })
  const caller = {
    PGSERVICE: 'elsewhere',
    PGHOSTADDR: '192.0.2.1',
    PGPASSWORD: 'old',
    PGSSLMODE: 'verify-full',
    PGPORT: '1',
  }
  const kept = Object.entries({ ...process.env, ...caller }).filter(
    ([name]) => !plan.removeEnvironment.includes(name),
  )
  const env = { ...Object.fromEntries(kept), ...plan.environment }
  const { stdout } = await run(
    plan.program,
    [...plan.args, '-XAtw', '-c', 'SELECT current_user', '-c', '\\c template1', '-c', 'SELECT 1'],
    { env },
  )
  rmSync(directory, { recursive: true })
  expect(stdout).toContain('reader')
  expect(bridge.started.at(-1)?.database).toBe('template1')
})

test('what a role has as its own defaults does not change how statements are read', async () => {
  const details = inject('postgres')
  const password = 'odd-secret'
  const alter = (setting: string) => `ALTER ROLE odd_reader SET ${setting};`
  await sqlOn(
    details,
    'postgres',
    `CREATE ROLE odd_reader LOGIN PASSWORD '${password}';${alter('standard_conforming_strings = off')}${alter("client_encoding = 'SJIS'")}`,
  )
  const { host, port } = details
  const odd = await startBridge({
    host,
    port,
    user: 'odd_reader',
    password,
    database: 'postgres',
    tls: 'disable',
  })
  const settings = "current_setting('client_encoding'), current_setting('standard_conforming_strings')"
  const reset = 'RESET client_encoding; RESET standard_conforming_strings; '
  expect(await psql({ PGPORT: String(odd.port), PGCLIENTENCODING: '' }, '-c', `SELECT ${settings}`)).toBe(
    'UTF8|on',
  )
  expect(await psql({ PGPORT: String(odd.port) }, '-q', '-c', `${reset}SELECT ${settings}`)).toContain(
    'UTF8|on',
  )
  await odd.stop()
  await sqlOn(details, 'postgres', 'DROP ROLE odd_reader')
})

test('the drivers of Node get in', async () => {
  const where = {
    host: '127.0.0.1',
    port: bridge.port,
    user: 'anyone',
    password: LOOPBACK.secret,
    database: 'postgres',
  }
  const client = new pg.Client({
    ...where,
    statement_timeout: 5000,
    application_name: 'node',
    client_encoding: 'utf-8',
  })
  await client.connect()
  expect((await client.query('SELECT $1::int AS n', [7])).rows).toEqual([{ n: 7 }])
  await client.end()
  const sql = postgresJs({ ...where, max: 1, connection: { application_name: 'other' } })
  expect([...(await sql`SELECT ${8}::int AS n`)]).toEqual([{ n: 8 }])
  await sql.end()
})

test('a cancel of libpq arrives with the key that its connection was given', async () => {
  const before = bridge.cancels.length
  const where = {
    host: '127.0.0.1',
    port: bridge.port,
    user: 'anyone',
    password: LOOPBACK.secret,
    database: 'postgres',
  }
  const child = run('psql', ['-X', '-c', "SET statement_timeout = '5s'", '-c', 'SELECT pg_sleep(5)'], {
    env: {
      ...cleanEnvironment(),
      PGHOST: where.host,
      PGPORT: String(where.port),
      PGPASSWORD: where.password,
      PGUSER: 'x',
      PGDATABASE: 'postgres',
    },
  })
  // Its end is heard from the start: it may end before anyone waits for it.
  const ended = child.then(
    () => undefined,
    () => undefined,
  )
  const { host, port, superuser, superuserPassword } = inject('postgres')
  const watcher = new pg.Client({
    host,
    port,
    user: superuser,
    password: superuserPassword,
    database: 'postgres',
  })
  await watcher.connect()
  const sleeping =
    "SELECT count(*)::int AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(5)%' AND state = 'active'"
  await expect.poll(async () => (await watcher.query(sleeping)).rows[0]?.n, { timeout: 10_000 }).toBe(1)
  child.child.kill('SIGINT')
  await expect.poll(() => bridge.cancels.length, { timeout: 10_000 }).toBe(before + 1)
  expect(bridge.cancels.at(-1)).toEqual(BRIDGE_KEY)
  await watcher.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(5)%'",
  )
  await watcher.end()
  await ended
})
