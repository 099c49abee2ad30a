import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import type { Listener } from './listener.js'
import { type Shop, startShop } from './shop.js'

// Each command of hoop is a process of its own, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 })

let shop: Shop
let listener: Listener

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'clients', agent: true })
  listener = await shop.listen()
}, 120_000)

afterAll(() => shop.stop())

test('twenty clients use one listener at once', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, () => listener.client()))
  const answers = await Promise.all(
    clients.map((client, index) =>
      client.query('SELECT $1::int * 2 AS n, count(*)::int AS c FROM customers', [index]),
    ),
  )
  expect(answers.map(answer => answer.rows)).toEqual(clients.map((_, index) => [{ n: index * 2, c: 10 }]))
  await Promise.all(clients.map(client => client.end()))
})

test('the npm package pg gets its pipelined answers in order, refusals too', async () => {
  const client = await listener.client()
  const results = await Promise.allSettled([
    client.query('SELECT 1 AS n'),
    client.query('DROP TABLE customers'),
    client.query('SELECT $1::int AS n', [2]),
    client.query({ name: 'third', text: 'SELECT $1::int AS n', values: [3] }),
    client.query({ name: 'fourth', text: 'DELETE FROM orders' }),
    client.query({ name: 'third', text: 'SELECT $1::int AS n', values: [4] }),
  ])
  expect(
    results.map(result => (result.status === 'fulfilled' ? result.value.rows[0].n : result.reason.code)),
  ).toEqual([1, '42501', 2, 3, '42501', 4])
  await client.end()
})

test('the npm package postgres pipelines, and a refusal in a transaction aborts it', async () => {
  const { host, port, user, password, database } = listener.profile
  const sql = postgres({ host, port, user, password, database, max: 1, onnotice: () => {} })
  const rows = await Promise.all(Array.from({ length: 50 }, (_, n) => sql`SELECT ${n}::int AS n`))
  expect(rows.map(([row]) => row?.n)).toEqual(Array.from({ length: 50 }, (_, n) => n))
  const work = sql.begin(async transaction => {
    await transaction`INSERT INTO orders VALUES (900, 'in a transaction')`
    await transaction`DELETE FROM orders`
  })
  await expect(work).rejects.toMatchObject({ code: '42501' })
  expect(await sql`SELECT count(*)::int AS n FROM orders WHERE id = 900`).toEqual([{ n: 0 }])
  const seen: number[] = []
  await sql`SELECT n::int FROM generate_series(1, 1000) n`.cursor(100, part => {
    seen.push(part.length)
  })
  expect(seen).toEqual(Array(10).fill(100))
  await sql.end()
})

test('\\copy brings rows in and out unchanged', async () => {
  const [into, outOf] = ['into.csv', 'out-of.csv'].map(name => join(shop.stack.directory, name))
  const lines = Array.from({ length: 20_000 }, (_, n) => `${1_000 + n},note ${n} äöü`)
  writeFileSync(into ?? '', `${lines.join('\n')}\n`)
  const copied = await listener.psql([], { input: `\\copy orders FROM '${into}' CSV\n` })
  expect(copied).toMatchObject({ code: 0, stdout: 'COPY 20000\n' })
  const query = 'SELECT * FROM orders WHERE id >= 1000 ORDER BY id'
  const back = await listener.psql([], { input: `\\copy (${query}) TO '${outOf}' CSV\n` })
  expect(back).toMatchObject({ code: 0, stdout: 'COPY 20000\n' })
  expect(readFileSync(outOf ?? '', 'utf8')).toBe(readFileSync(into ?? '', 'utf8'))
})

test('a cursor is declared, fetched, moved and closed; \\d and variables work', async () => {
  const script = `
    BEGIN;
    DECLARE few CURSOR FOR SELECT id FROM customers ORDER BY id;
    FETCH 3 FROM few;
    MOVE 2 FROM few;
    FETCH 1 FROM few;
    CLOSE few;
    COMMIT;
  `
  const ran = await listener.psql(['-q'], { input: script })
  expect(ran).toMatchObject({ code: 0, stdout: '1\n2\n3\n6\n', stderr: '' })
  const described = await listener.psql([
    '-c',
    '\\d customers',
    '-c',
    '\\dt',
    '-c',
    '\\l',
    '-c',
    '\\conninfo',
  ])
  expect(described).toMatchObject({ code: 0, stderr: '' })
  expect(described.stdout).toContain('email|text')
  const fetched = await listener.psql(['-v', 'FETCH_COUNT=3', '-c', 'SELECT id FROM customers ORDER BY id'])
  expect(fetched.stdout.trim().split('\n')).toHaveLength(10)
})

test('notifications, prepared statements of SQL, savepoints and notices pass', async () => {
  const client = await listener.client()
  const notified = new Promise<unknown>(resolve => client.once('notification', resolve))
  await client.query('LISTEN news')
  await client.query("NOTIFY news, 'hello'")
  expect(await notified).toMatchObject({ channel: 'news' })
  await client.query('PREPARE one (int) AS SELECT $1 + 1 AS n')
  expect((await client.query('EXECUTE one(41)')).rows).toEqual([{ n: 42 }])
  await client.query('BEGIN; SAVEPOINT here')
  await expect(client.query('SELECT 1/0')).rejects.toMatchObject({ code: '22012' })
  await expect(client.query('SELECT 1')).rejects.toMatchObject({ code: '25P02' })
  await client.query('ROLLBACK TO here')
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await client.query('COMMIT')
  await client.end()
})
