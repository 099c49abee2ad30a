import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { cancelRequest } from '../../../src/protocols/postgres/cancel.js'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { type PostgresOptions, type PostgresServer, startPostgres } from '../../setup/postgres.js'
import { nextChunk, openTarget, type TargetAccount, type TargetOutcome } from './bridge.js'
import { readMessages } from './exchange.js'

const PASSWORD = 'réader: s\\ecret'

async function start(options: PostgresOptions): Promise<PostgresServer> {
  const server = await startPostgres(options)
  await server.sql('postgres', `CREATE ROLE reader LOGIN PASSWORD '${PASSWORD}'`)
  return server
}

/** Opens the target; its outcome in a word or with the reason. */
async function check(
  server: PostgresServer,
  account: Partial<TargetAccount>,
  expected: string | RegExp,
): Promise<TargetOutcome> {
  const { host, port } = server
  const outcome = await openTarget({
    host,
    port,
    user: 'reader',
    password: PASSWORD,
    database: 'postgres',
    tls: 'disable',
    ...account,
  })
  if (outcome.kind === 'ready') outcome.stream.destroy()
  const told = outcome.kind === 'ready' ? 'ready' : `${outcome.reason}: ${outcome.message}`
  if (typeof expected === 'string') expect(told).toBe(expected)
  else expect(told).toMatch(expected)
  expect(told).not.toContain(PASSWORD)
  return outcome
}

const WRONG = /^target_refused: it said: password authentication failed for user "reader" \(SQLSTATE 28P01\)$/

describe.each(['scram-sha-256', 'md5', 'password'] as const)('a server that asks by %s', auth => {
  let server: PostgresServer
  beforeAll(async () => {
    server = await start({ auth, tls: 'on' })
  })
  afterAll(() => server.stop())

  test('is opened with TLS', async () => {
    const outcome = await check(
      server,
      { tls: 'require', settings: { application_name: 'psql', geqo: 'off' } },
      'ready',
    )
    if (outcome.kind !== 'ready') return
    expect(outcome.ready.settings.get('application_name')).toBe('psql')
    expect(outcome.ready.settings.get('server_version')).toMatch(/^\d+/)
    expect(outcome.ready.cancelKey?.secret.length).toBeGreaterThanOrEqual(4)
    expect(outcome.said.includes('SCRAM-SHA-256-PLUS')).toBe(auth === 'scram-sha-256')
  })

  test('is opened without TLS unless the password would be readable', () =>
    check(server, {}, auth === 'password' ? /in clear text, without TLS$/ : 'ready'))

  test('is opened where the certificate allows no channel binding', () =>
    check(server, { tls: 'require', binds: false }, 'ready'))

  test('refuses another password and says so', () =>
    check(server, { tls: 'require', password: 'guess' }, WRONG))

  test('refuses a database that does not exist', () =>
    check(
      server,
      { tls: 'require', database: 'nowhere' },
      /it said: database "nowhere" does not exist \(SQLSTATE 3D000\)$/,
    ))
})

describe('a server with TLS of another mind', () => {
  test('that has none is not opened with TLS', async () => {
    const { host, port, reader } = inject('postgres')
    const outcome = await openTarget({ host, port, ...reader, database: 'postgres', tls: 'require' })
    expect(outcome).toMatchObject({ kind: 'failed', message: 'it does not offer TLS' })
  })

  test('that demands it says so', async () => {
    const server = await start({ tls: 'required' })
    await check(server, {}, /it said: no pg_hba.conf entry for host .*, no encryption \(SQLSTATE 28000\)$/)
    await check(server, { tls: 'require' }, 'ready')
    await server.stop()
  })
})

test('a cancel request with the key of a connection cancels what runs there', async () => {
  const { host, port, reader } = inject('postgres')
  const outcome = await openTarget({ host, port, ...reader, database: 'postgres', tls: 'disable' })
  if (outcome.kind !== 'ready' || outcome.ready.cancelKey === undefined)
    throw new Error('the target is not ready')
  outcome.stream.write(codec.query('SELECT pg_sleep(20)'))
  const { superuser, superuserPassword } = inject('postgres')
  const watcher = new pg.Client({
    host,
    port,
    user: superuser,
    password: superuserPassword,
    database: 'postgres',
  })
  await watcher.connect()
  const running = `SELECT count(*)::int AS n FROM pg_stat_activity WHERE pid = ${outcome.ready.cancelKey.process} AND state = 'active'`
  await expect.poll(async () => (await watcher.query(running)).rows[0]?.n).toBe(1)
  await watcher.end()
  const { connect } = await import('node:net')
  connect({ host, port })
    .on('error', () => {})
    .end(cancelRequest(outcome.ready.cancelKey))
  let said = ''
  while (!said.includes('57014')) said += readMessages(await nextChunk(outcome.stream)).join()
  expect(said).toContain('canceling statement due to user request')
  outcome.stream.destroy()
})
