import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { type GrantId, makeGrantId, makeSessionId, type SessionId } from '../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../src/domain/names.js'
import type { Principal } from '../../src/domain/principal.js'
import { Archive } from '../../src/gateway/recordings/archive.js'
import { openRecorder } from '../../src/gateway/recordings/file-recorder.js'
import { followRevocations } from '../../src/main/follow-revocations.js'
import { adoptLostSessions } from '../../src/main/lost-sessions.js'
import { verifyRecording } from '../../src/recording/verify.js'
import { openStore, type Store } from '../../src/store/store.js'
import { SILENT_LOG } from '../../src/tunnel/log.js'

const DATABASE = `lost_sessions_${process.pid}`
const AT = new Date('2026-03-01T09:00:00Z')
const now = () => AT

describe('two gateways on one PostgreSQL store and one folder of recordings', () => {
  let directory: string
  let url: string

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'hoop-lost-'))
    const { host, port, superuser, superuserPassword } = inject('postgres')
    const server = `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}`
    url = `${server}/${DATABASE}`
    await onUrl(`${server}/postgres`, `create database ${DATABASE}`)
  })

  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true })
    await onUrl(url.replace(/[^/]+$/, 'postgres'), `drop database ${DATABASE} with (force)`)
  })

  const adopt = (store: Store) => adoptLostSessions({ store, directory, now, log: SILENT_LOG })

  test('one that starts leaves alone what the other one runs', async () => {
    const [one, two] = [
      await openStore({ kind: 'postgres', url }),
      await openStore({ kind: 'postgres', url }),
    ]
    const { session, recorder } = await begin(one, directory)
    await adopt(two)
    expect((await two.sessions.find(session))?.endedAt).toBeUndefined()
    // The recording goes on as if nothing had happened.
    recorder.append({ kind: 'end', reason: 'client_closed' })
    const head = await recorder.close()
    const report = await new Archive({ directory }).verify(session, { head })
    expect(report).toMatchObject({ ok: true, endReason: 'client_closed' })
    const end = { at: AT, reason: 'client_closed', head, operations: 0, refused: 0 } as const
    expect(await one.sessions.end(session, end)).toBe(true)
    await Promise.all([one.close(), two.close()])
  })

  test('one that starts ends what a killed one has left', async () => {
    const [one, two] = [
      await openStore({ kind: 'postgres', url }),
      await openStore({ kind: 'postgres', url }),
    ]
    const { session } = await begin(one, directory)
    await one.close()
    await adopt(two)
    expect(await two.sessions.find(session)).toMatchObject({ endReason: 'gateway_lost' })
    expect(await verifyRecording(await new Archive({ directory }).open(session))).toMatchObject({
      ok: true,
      endReason: 'gateway_lost',
    })
    await two.close()
  })

  test('a grant that one takes back, and a group that somebody has lost, are known at the other within a second', async () => {
    const [one, two] = [
      await openStore({ kind: 'postgres', url }),
      await openStore({ kind: 'postgres', url }),
    ]
    const { grant, recorder } = await begin(one, directory)
    const ended: string[] = []
    const endGrant = (id: string) => void ended.push(id)
    const noted: Principal[] = []
    const noteClaims = (principal: Principal) => void noted.push(principal)
    const stop = followRevocations({ store: one, now, endGrant, noteClaims, log: SILENT_LOG })
    await two.grants.revoke(grant, { kind: 'gateway' }, AT)
    await expect.poll(() => ended, { timeout: 1_000 }).toContain(grant)
    const removed = { issuer: 'https://id.example', subject: 'u-removed', name: 'r', groups: ['sales'] }
    await two.principals.remember(removed, AT)
    await expect.poll(() => noted, { timeout: 1_000 }).toContainEqual(removed)
    stop()
    await recorder.close()
    await Promise.all([one.close(), two.close()])
  })

  test('one whose connections were cut is there again by itself', async () => {
    const [one, two] = [
      await openStore({ kind: 'postgres', url }),
      await openStore({ kind: 'postgres', url }),
    ]
    const { session, recorder } = await begin(one, directory)
    const others = 'application_name = $$hoop-gateway$$ and datname = current_database()'
    await onUrl(url, `select pg_terminate_backend(pid) from pg_stat_activity where ${others}`)
    const lost = async () => (await two.sessions.listLost().catch(() => [])).map(one => one.id)
    await expect.poll(lost, { timeout: 10_000 }).toContain(session)
    await expect.poll(lost, { timeout: 10_000 }).not.toContain(session)
    await recorder.close()
    await Promise.all([one.close(), two.close()])
  })
})

async function begin(
  store: Store,
  directory: string,
): Promise<{ session: SessionId; grant: GrantId; recorder: ReturnType<typeof openRecorder> }> {
  const principal = { issuer: 'https://id.example', subject: 'ada', name: 'ada', groups: [] }
  const [connection, role, rule] = [
    readConnectionName('prod-db'),
    readRoleName('reader'),
    readRuleName('all'),
  ]
  if (connection === undefined || role === undefined || rule === undefined) throw new Error('a name')
  const grant = makeGrantId(randomBytes)
  const session = makeSessionId(randomBytes)
  const who = { principal, connection, role }
  const until = new Date(AT.getTime() + 3_600_000)
  await store.grants.insert({
    ...who,
    id: grant,
    rule,
    reason: undefined,
    grantedAt: AT,
    until,
    revokedAt: undefined,
  })
  const recorder = openRecorder({ directory, session, clock: now, monotonic: () => performance.now() })
  recorder.append({
    ...who,
    kind: 'session',
    session,
    grant,
    reason: undefined,
    address: '127.0.0.1',
    until: until.toISOString(),
    policy: '00',
  })
  await recorder.commit()
  await store.sessions.insert({
    ...who,
    id: session,
    grant,
    protocol: 'postgres',
    startedAt: AT,
    endedAt: undefined,
    endReason: undefined,
    address: '127.0.0.1',
  })
  return { session, grant, recorder }
}

async function onUrl(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(text)
  } finally {
    await client.end()
  }
}
