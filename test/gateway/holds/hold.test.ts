import { connect } from 'node:net'
import { beforeAll, describe, expect, test } from 'vitest'
import { ADA } from '../gateway-fixture.js'
import { DBA, type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'held_statements'

beforeAll(() => makeHeldDatabase(DATABASE))

const UPDATE = "UPDATE people SET name = 'changed' WHERE id = 1"
const nameOf = (holding: Holding, id = 1) => holding.sql(`SELECT name FROM people WHERE id = ${id}`)
const reset = (holding: Holding) => holding.sql("UPDATE people SET name = 'p' || id")

async function holdingOf(): Promise<Holding> {
  const holding = await makeHolding({ database: DATABASE })
  await reset(holding)
  return holding
}

/** What a query ended with. */
const outcome = (running: Promise<unknown>) =>
  running.then(
    () => 'it ran',
    (error: unknown) => error,
  )

describe('a statement that people have to agree to', () => {
  test('waits, says so at once, and runs when they have', async () => {
    const holding = await holdingOf()
    const { client, notices } = await holding.connect()
    expect((await client.query('SELECT count(*) FROM people')).rows).toEqual([{ count: '5' }])
    const running = client.query(UPDATE)
    const review = await holding.pending()
    await expect
      .poll(() => notices)
      .toEqual([
        `held by rule "writes-need-a-dba", review ${review.id}, https://hoop.example.com/reviews/${review.id}, waiting for 1 of [dba]`,
      ])
    expect(review).toMatchObject({
      requester: ADA,
      reason: 'ticket 7',
      subject: {
        kind: 'operation',
        statement: UPDATE,
        statementCount: 1,
        inTransaction: false,
        tables: ['public.people'],
      },
    })
    expect(await nameOf(holding)).toBe('p1')
    await holding.answer(review, 'approve', DBA, 'looks fine')
    expect((await running).rowCount).toBe(1)
    expect(notices[1]).toBe('approved by grace@example.com at 12:00 UTC: "looks fine"')
    expect(await nameOf(holding)).toBe('changed')
    expect((await holding.find(review)).state).toBe('used')
    const kinds = holding.events.map(event =>
      event.kind === 'review' ? `review ${event.state}` : event.kind,
    )
    expect(kinds.slice(-6)).toEqual([
      'review pending',
      'notice',
      'review used',
      'notice',
      'operation',
      'result',
    ])
    expect(holding.events.findLast(event => event.kind === 'operation')).toMatchObject({
      statement: UPDATE,
      decision: { kind: 'allow', rule: 'writes-need-a-dba', review: review.id },
    })
  })

  test('fails with the words of who refused, and the connection goes on', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    await holding.answer(review, 'deny', DBA, 'not on a Friday')
    expect(await running).toMatchObject({
      code: '42501',
      message: `refused in review ${review.id}: denied by grace@example.com: not on a Friday`,
    })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(await nameOf(holding)).toBe('p1')
  })

  test('fails when nobody answers in time', async () => {
    // Shorter than a session lives without the command that holds it.
    const config = (text: string) =>
      text.replace('wait: 15m, wait_in_transaction: 60s', 'wait: 10s, wait_in_transaction: 10s')
    const holding = await makeHolding({ database: DATABASE, config })
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    holding.gateway.clock.now += 10_000
    await holding.gateway.reviews.sweep()
    expect(await running).toMatchObject({
      code: '42501',
      message: `refused in review ${review.id}: nobody answered within 10 s`,
    })
  })

  test('is not asked about when a rule or masking refuses it anyway', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    expect(await outcome(client.query('INSERT INTO secrets VALUES (1)'))).toMatchObject({ code: '42501' })
    expect(holding.events.filter(({ kind }) => kind === 'review')).toEqual([])
  })

  test('is withdrawn by a cancel request', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    await cancel(holding, client)
    expect(await running).toMatchObject({ code: '57014', message: 'canceling statement due to user request' })
    expect(await holding.find(review)).toMatchObject({
      state: 'withdrawn',
      why: 'the statement was cancelled',
    })
    await expect(holding.answer(review)).rejects.toMatchObject({ code: 'conflict' })
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
    expect(await nameOf(holding)).toBe('p1')
  })

  test.each(['end', 'destroy'] as const)('never runs once its client is gone (%s)', async how => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    void outcome(client.query(UPDATE))
    const review = await holding.pending()
    streamOf(client)[how]()
    await expect.poll(async () => (await holding.find(review)).state).toBe('withdrawn')
    expect((await holding.find(review)).why).toBe('the client closed the connection')
    await expect(holding.answer(review)).rejects.toMatchObject({ code: 'conflict' })
    expect(await nameOf(holding)).toBe('p1')
    await expect.poll(() => holding.events.at(-1)?.kind).toBe('review')
  })

  test('never runs once its session has ended', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    holding.gateway.sessions.endGrant(holding.grant.id, 'grant_revoked')
    expect(await running).toMatchObject({ code: '57P01' })
    await expect.poll(async () => (await holding.find(review)).state).toBe('withdrawn')
    expect((await holding.find(review)).why).toBe('the grant was revoked')
    expect(await nameOf(holding)).toBe('p1')
  })

  test('is refused when more is sent behind it than is kept', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    streamOf(client).write(simpleQuery(`SELECT '${'x'.repeat(70_000)}'`))
    expect(await running).toMatchObject({
      code: '42501',
      message: expect.stringContaining('too much was sent behind it'),
    })
    expect((await holding.find(review)).state).toBe('withdrawn')
    expect(await nameOf(holding)).toBe('p1')
  })

  test('waits in several connections of one session at once, each by itself', async () => {
    const holding = await holdingOf()
    const clients = await Promise.all(Array.from({ length: 8 }, () => holding.connect()))
    const running = clients.map(({ client }, at) =>
      outcome(client.query(`UPDATE people SET name = 'by ${at}' WHERE id = ${(at % 5) + 1}`)),
    )
    const list = () =>
      holding.gateway.store.reviews.list({ reader: undefined, states: ['pending'], limit: 100 })
    await expect.poll(async () => (await list()).length).toBe(8)
    for (const { review } of await list()) {
      const isThird = review.subject.kind === 'operation' && review.subject.statement.includes('by 2')
      await holding.answer(review, isThird ? 'approve' : 'deny')
    }
    const outcomes = await Promise.all(running)
    expect(outcomes.map(one => one === 'it ran')).toEqual(
      [2].reduce(
        (all, at) => all.map((_, index) => index === at),
        Array.from({ length: 8 }, () => false),
      ),
    )
    expect(await nameOf(holding, 3)).toBe('by 2')
  })
})

describe('what was approved is what runs', () => {
  interface Swap {
    readonly statement: string
    readonly swap: string
    readonly undo: string
    readonly says: string
  }

  async function check({ statement, swap, undo, says }: Swap): Promise<void> {
    const holding = await holdingOf()
    const { client } = await holding.connect({ options: '-c search_path=evil,public' })
    const running = outcome(client.query(statement))
    const review = await holding.pending()
    await holding.sql(swap)
    try {
      await holding.answer(review)
      expect(await running).toMatchObject({
        code: '42501',
        message: `refused in review ${review.id}: ${says}`,
      })
      expect(await holding.find(review)).toMatchObject({ state: 'voided', why: says })
      expect(await nameOf(holding)).toBe('p1')
    } finally {
      await holding.sql(undo)
    }
  }

  test('a view that is replaced while people think voids it', () =>
    check({
      statement: "UPDATE v_people SET name = 'x' WHERE id = 1",
      swap: 'CREATE OR REPLACE VIEW v_people AS SELECT * FROM people WHERE id > 0',
      undo: 'CREATE OR REPLACE VIEW v_people AS SELECT * FROM people',
      says: 'view "public.v_people" was changed since it was asked',
    }))
  test('so does a function', () =>
    check({
      statement: "UPDATE people SET name = shout('x') WHERE id = 1",
      swap: `CREATE OR REPLACE FUNCTION shout(text) RETURNS text LANGUAGE sql AS 'SELECT lower($1)'`,
      undo: `CREATE OR REPLACE FUNCTION shout(text) RETURNS text LANGUAGE sql AS 'SELECT upper($1)'`,
      says: 'function "public.shout" was changed since it was asked',
    }))
  test('and a table that now comes first in the search path', () =>
    check({
      statement: UPDATE,
      swap: 'CREATE SCHEMA evil; CREATE TABLE evil.people (id int, name text)',
      undo: 'DROP SCHEMA evil CASCADE',
      says: 'table "evil.people" was changed since it was asked',
    }))

  test('a rule that came meanwhile refuses it', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    holding.reload(
      '  - { name: no-writes-now, when: statement.writes, then: deny, message: the books are closed }',
    )
    await holding.answer(review)
    expect(await running).toMatchObject({
      code: '42501',
      message: 'refused by rule "no-writes-now": the books are closed',
    })
    expect((await holding.find(review)).state).toBe('voided')
    expect(await nameOf(holding)).toBe('p1')
  })

  test('bind values are part of it, and shown', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const running = client.query('UPDATE people SET name = $1 WHERE id = $2', ['bound', 2])
    const review = await holding.pending()
    expect(review.subject).toMatchObject({ values: ['bound', '2'], inTransaction: false })
    // Nothing is locked at the target meanwhile.
    expect(await holding.sql("SELECT count(*) FROM pg_locks WHERE relation = 'people'::regclass")).toBe('0')
    await holding.answer(review)
    expect((await running).rowCount).toBe(1)
    expect(await nameOf(holding, 2)).toBe('bound')
  })

  test('what stands behind EXECUTE is shown with it', async () => {
    const holding = await holdingOf()
    const { client } = await holding.connect()
    const prepare = client.query("PREPARE p AS UPDATE people SET name = 'prepared' WHERE id = $1")
    await holding.answer(await holding.pending())
    await prepare
    const running = client.query('EXECUTE p(3)')
    const review = await holding.pending()
    expect(review.subject).toMatchObject({
      statement: 'EXECUTE p(3)',
      behind: ["PREPARE p AS UPDATE people SET name = 'prepared' WHERE id = $1"],
    })
    await holding.answer(review)
    await running
    expect(await nameOf(holding, 3)).toBe('prepared')
  })
})

describe('in a transaction', () => {
  test('the wait is short, says why, and a refusal aborts the transaction', async () => {
    const holding = await holdingOf()
    const { client, notices } = await holding.connect()
    await client.query('BEGIN')
    await client.query('SELECT 1')
    const running = outcome(client.query(UPDATE))
    const review = await holding.pending()
    expect(review.subject).toMatchObject({ inTransaction: true })
    expect(review.until.getTime() - review.askedAt.getTime()).toBe(60_000)
    await expect.poll(() => notices.length).toBe(1)
    await holding.answer(review, 'deny')
    expect(await running).toMatchObject({ code: '42501' })
    expect(await outcome(client.query('SELECT 1'))).toMatchObject({ code: '25P02' })
    expect(await outcome(client.query(UPDATE))).toMatchObject({
      code: '42501',
      message: expect.stringContaining('its transaction has failed, so nobody is asked'),
    })
    await client.query('ROLLBACK')
    expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })
})

function streamOf(client: object): import('node:net').Socket {
  const { connection } = client as { connection: { stream: import('node:net').Socket } }
  return connection.stream
}

function simpleQuery(text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const head = Buffer.alloc(5)
  head.write('Q')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** What Ctrl-C does: a connection of its own with the key of the client's. */
async function cancel(holding: Holding, client: object): Promise<void> {
  const { processID, secretKey } = client as { processID: number; secretKey: number }
  const packet = Buffer.alloc(16)
  packet.writeUInt32BE(16, 0)
  packet.writeUInt32BE(80877102, 4)
  packet.writeInt32BE(processID, 8)
  packet.writeInt32BE(secretKey, 12)
  await new Promise<void>((resolve, reject) => {
    const socket = connect(holding.profile.port, holding.profile.host, () => socket.end(packet))
    socket.once('close', () => resolve())
    socket.once('error', reject)
  })
}
