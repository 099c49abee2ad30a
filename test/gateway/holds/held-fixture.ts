import { randomBytes } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { expect, inject, onTestFinished } from 'vitest'
import type { RecordingEvent } from '../../../src/domain/event.js'
import type { Grant } from '../../../src/domain/grant.js'
import { makeGrantId } from '../../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../../src/domain/names.js'
import type { Principal } from '../../../src/domain/principal.js'
import type { Review } from '../../../src/domain/review.js'
import { postgresLauncher } from '../../../src/protocols/postgres/launch.js'
import { sqlOn } from '../../setup/postgres.js'
import { ADA, ADDRESS, configText, makeGateway, person } from '../gateway-fixture.js'

export const DBA = person('grace', 'dba')
export const OTHER_DBA = person('hedy', 'dba')

/** Rules under which writes wait for a person, and nothing else does. */
const RULES = `
approvals:
  - { name: a-dba, groups: [dba], count: 1, wait: 15m, wait_in_transaction: 60s, valid: 5m }
statements:
  - { name: writes-need-a-dba, when: statement.writes, then: review, approval: a-dba, message: it writes }
  - { name: no-secrets, when: '"public.secrets" in statement.tables', then: deny, message: secrets are secret }
`

export interface HeldOptions {
  readonly database: string
  readonly config?: (text: string) => string
  /** What is different about the grant. */
  readonly grant?: Partial<Grant>
}

/** Makes the database of a test file: a table, a view and a function in it that the writer may use. */
export async function makeHeldDatabase(database: string): Promise<void> {
  const server = inject('postgres')
  await sqlOn(server, 'postgres', `CREATE DATABASE ${database}`)
  await sqlOn(
    server,
    database,
    `CREATE TABLE people (id int PRIMARY KEY, name text); INSERT INTO people SELECT n, 'p' || n FROM generate_series(1, 5) n;
     CREATE TABLE others (id int PRIMARY KEY, name text); INSERT INTO others VALUES (1, 'other');
     CREATE TABLE secrets (id int);
     CREATE VIEW v_people AS SELECT * FROM people;
     CREATE FUNCTION shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)';
     GRANT ALL ON ALL TABLES IN SCHEMA public TO reader, writer;
     GRANT CREATE ON SCHEMA public TO writer; GRANT CREATE ON DATABASE ${database} TO writer`,
  )
}

/** A gateway before a real PostgreSQL, with the real desk; clients come over TCP, as from the loopback. */
export async function makeHolding({ database, config = text => text, grant: more = {} }: HeldOptions) {
  const { port } = inject('postgres')
  const text = config(configText(RULES, { port }).replace('database: postgres', `database: ${database}`))
  const gateway = await makeGateway({ config: text })
  const grant = await giveGrant(gateway, more)
  const { secret, verifier } = postgresLauncher.makeSecret(randomBytes)
  const opened = await gateway.sessions.open(grant.principal, { grant: grant.id, verifier }, ADDRESS)
  const live = gateway.sessions.find(opened.id) ?? expect.unreachable()
  const sockets = new Set<Socket>()
  const listener = createServer({ noDelay: true, allowHalfOpen: true }, socket => {
    sockets.add(socket)
    gateway.sessions.stream({
      path: `/v1/sessions/${opened.id}/stream`,
      headers: { authorization: `Bearer ${opened.token}` },
      address: ADDRESS,
      accept: () => socket,
      refuse: () => socket.destroy(),
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    listener.close()
  })
  const events: RecordingEvent[] = []
  const append = live.recorder.append.bind(live.recorder)
  Object.assign(live.recorder, {
    append: (event: RecordingEvent) => {
      events.push(event)
      append(event)
    },
  })
  const address = listener.address() as AddressInfo
  const profile = { host: '127.0.0.1', port: address.port, user: 'anyone', password: secret, database }
  return {
    gateway,
    live,
    grant,
    events,
    profile,
    sql: (statement: string) => sqlOn(inject('postgres'), database, statement),
    /** A connected driver, with the notices that it got. */
    connect: async (more: pg.ClientConfig = {}) => {
      const client = new pg.Client({ ...profile, ...more })
      const notices: string[] = []
      client.on('notice', notice => notices.push(notice.message ?? ''))
      client.on('error', () => {})
      await client.connect()
      onTestFinished(() => client.end().catch(() => {}))
      return { client, notices }
    },
    /** The one question that waits. */
    pending: async (): Promise<Review> => {
      await expect.poll(async () => (await openReviews(gateway)).length, { timeout: 10_000 }).toBe(1)
      return (await openReviews(gateway))[0] ?? expect.unreachable()
    },
    answer: (
      review: Review,
      verdict: 'approve' | 'deny' = 'approve',
      by: Principal = DBA,
      comment?: string,
    ) =>
      gateway.reviews.answer(review.id, {
        by,
        address: '192.0.2.9',
        verdict,
        comment,
        digest: review.digest,
      }),
    /** Puts a configuration in force that has one more rule, and further YAML behind it. */
    reload: (rule: string, more = '') =>
      gateway.reload(`${text.replace('\nstatements:\n', `\nstatements:\n${rule}\n`)}${more}`),
    find: async (review: Review) => (await gateway.reviews.find(review.id)) ?? expect.unreachable(),
  }
}

export type Holding = Awaited<ReturnType<typeof makeHolding>>

/** A grant of the writer, as the store keeps it: these tests are not about how it is given. */
async function giveGrant(
  { store, clock }: Awaited<ReturnType<typeof makeGateway>>,
  more: Partial<Grant>,
): Promise<Grant> {
  const grant: Grant = {
    id: makeGrantId(randomBytes),
    principal: ADA,
    connection: readConnectionName('prod-db') ?? expect.unreachable(),
    role: readRoleName('writer') ?? expect.unreachable(),
    reason: 'ticket 7',
    rule: readRuleName('engineers-write') ?? expect.unreachable(),
    grantedAt: new Date(clock.now),
    until: new Date(clock.now + 30 * 60_000),
    revokedAt: undefined,
    ...more,
  }
  await store.grants.insert(grant)
  return grant
}

async function openReviews(gateway: Awaited<ReturnType<typeof makeGateway>>): Promise<readonly Review[]> {
  const found = await gateway.store.reviews.list({ reader: undefined, states: ['pending'], limit: 500 })
  return found.map(({ review }) => review).filter(({ state }) => state === 'pending')
}
