import { execFile } from 'node:child_process'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { query, startupMessage } from '../../../src/protocols/postgres/codec.js'
import { cleanEnvironment, sqlOn } from '../../setup/postgres.js'
import { FORBIDDEN, type JoinedServer, maskNamed, startJoined } from './joined-server.js'

const run = promisify(execFile)
const DATABASE = 'machine_clients'
let joined: JoinedServer

beforeAll(async () => {
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${DATABASE}`)
  await sqlOn(
    inject('postgres'),
    DATABASE,
    "CREATE TABLE people (id int, ssn text); INSERT INTO people VALUES (1, 'secret-1'), (2, 'secret-2')",
  )
  joined = await startJoined({ postgres: inject('postgres'), masking: maskNamed(['ssn']) })
})
afterAll(() => joined.stop())

async function psql(text: string): Promise<string> {
  const args = [
    '-X',
    '-q',
    '-A',
    '-t',
    '-h',
    '127.0.0.1',
    '-p',
    String(joined.port),
    '-U',
    'me',
    '-d',
    DATABASE,
  ]
  const child = run('psql', args, { env: cleanEnvironment() })
  child.child.stdin?.end(text)
  const { stdout, stderr } = await child
  return `${stdout}${stderr}`.trimEnd()
}

describe('psql', () => {
  test('sees masked rows', async () => {
    expect(await psql('SELECT * FROM people ORDER BY id;')).toBe('1|[masked]\n2|[masked]')
  })
  test('sees masked rows with a cursor of its own', async () => {
    expect(await psql('\\set FETCH_COUNT 1\nSELECT * FROM people ORDER BY id;')).toBe(
      '1|[masked]\n2|[masked]',
    )
  })
  test('is refused and goes on', async () => {
    expect(await psql(`SELECT 1;\nDROP TABLE people ${FORBIDDEN};\nSELECT 2;`)).toBe(
      '1\n2\nERROR:  refused by rule "no-forbidden": it is forbidden\nHINT:  ask for less',
    )
  })
  test('copies out masked and in as it is', async () => {
    expect(await psql('\\copy people TO STDOUT')).toBe('1\t[masked]\n2\t[masked]')
    expect(
      await psql('CREATE TEMP TABLE t (a int);\n\\copy t FROM STDIN\n1\n2\n\\.\nSELECT sum(a) FROM t;'),
    ).toBe('3')
  })
  test('describes a table', async () => {
    expect(await psql('\\d people')).toContain('ssn|text')
  })
})

describe('pg', () => {
  test('runs prepared statements again and again, and pages through a refusal', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port: joined.port, user: 'me', database: DATABASE })
    await client.connect()
    const prepared = { name: 'by-id', text: 'SELECT id, ssn FROM people WHERE id = $1' }
    for (const id of [1, 2, 1]) {
      const { rows } = await client.query({ ...prepared, values: [id] })
      expect(rows).toEqual([{ id, ssn: '[masked]' }])
    }
    await expect(client.query(`SELECT $1::int ${FORBIDDEN}`, [1])).rejects.toMatchObject({
      code: '42501',
      message: 'refused by rule "no-forbidden": it is forbidden',
      hint: 'ask for less',
    })
    expect((await client.query('SELECT 3 AS three')).rows).toEqual([{ three: 3 }])
    await client.end()
  })
})

describe('postgres', () => {
  test('pipelines many statements with a refused one among them', async () => {
    const sql = postgres({ host: '127.0.0.1', port: joined.port, username: 'me', database: DATABASE, max: 1 })
    const asked = Array.from({ length: 20 }, (_, at) =>
      at === 10
        ? sql.unsafe(`SELECT ${at} AS n ${FORBIDDEN}`, [])
        : sql`SELECT ${at}::int AS n, ssn FROM people LIMIT 1`,
    )
    const settled = await Promise.allSettled(asked)
    expect(settled.map(one => (one.status === 'fulfilled' ? one.value[0] : String(one.reason.code)))).toEqual(
      Array.from({ length: 20 }, (_, at) => (at === 10 ? '42501' : { n: at, ssn: '[masked]' })),
    )
    const copied: string[] = []
    const stream = await sql`COPY people TO STDOUT`.readable()
    for await (const chunk of stream) copied.push(String(chunk))
    expect(copied.join('')).toBe('1\t[masked]\n2\t[masked]\n')
    await sql.end()
  })
})

test.each(['simple', 'extended', 'prepared'])('pgbench runs clean in mode %s', async mode => {
  const where = ['-h', '127.0.0.1', '-p', String(joined.port), '-U', 'me', DATABASE]
  const environment = { env: cleanEnvironment() }
  await run('pgbench', ['-i', '-q', '-s', '1', ...where], environment)
  const { stdout } = await run('pgbench', ['-M', mode, '-c', '2', '-t', '100', ...where], environment)
  expect(stdout).toContain('number of transactions actually processed: 200/200')
  expect(stdout).not.toMatch(/number of failed transactions: [1-9]/)
})

test('a result of any size goes to a slow reader through flat memory', async () => {
  await readSlowly(600_000)
  const { bytes, growth, seconds } = await readSlowly(1_000_000)
  console.log(`${(bytes / 1e6 / seconds).toFixed(0)} MB/s, ${(growth / 1e6).toFixed(0)} MB more`)
  expect(bytes).toBeGreaterThan(100_000_000)
  expect(growth).toBeLessThan(64 * 1024 * 1024)
  expect(joined.events.at(-1)).toMatchObject({ kind: 'result', rowCount: 1_000_000 })
})

/** Reads many rows a chunk at a time and watches this process, which is client and gateway at once. */
async function readSlowly(rowCount: number) {
  const socket = connect({ host: '127.0.0.1', port: joined.port })
  socket.write(startupMessage({ user: 'me', database: DATABASE }))
  const started = Date.now()
  const before = process.memoryUsage().rss
  const end = Buffer.from(`SELECT ${rowCount}\0`)
  let bytes = 0
  let highest = before
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    if (bytes === 0) socket.write(query(`SELECT i, repeat('x', 100) FROM generate_series(1, ${rowCount}) i`))
    bytes += chunk.length
    highest = Math.max(highest, process.memoryUsage().rss)
    if (chunk.includes(end)) break
    await new Promise(resolve => setImmediate(resolve))
  }
  return { bytes, growth: highest - before, seconds: (Date.now() - started) / 1000 }
}
