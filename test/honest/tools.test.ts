import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import pg from 'pg'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Arena, startArena } from '../adversary/arena.js'
import { collect, type Ran } from '../setup/hoop-stack.js'
import { cleanEnvironment } from '../setup/postgres.js'
import { BENCH_SCRIPT, PSQL_SCRIPTS } from './psql-scripts.js'
import { MISTAKES_SCRIPT, NAMES_SCRIPT, REGRESSION_SCRIPTS } from './regression-scripts.js'

/** The gateway may not cut a connection that is only open for this long: longer than any wait at its start. */
const LONG_MS = 20_000

interface Side {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
}

let arena: Arena
let through: Side
let direct: Side
let early: { readonly client: pg.Client; readonly since: number }

beforeAll(async () => {
  arena = await startArena()
  const { host, port, user, password, database } = (await arena.listener('open', 'superdba')).profile
  through = { host, port, user, password, database }
  const { host: targetHost, port: targetPort } = arena.postgres
  direct = { host: targetHost, port: targetPort, user, password: arena.password, database }
  const client = new pg.Client(through)
  client.on('error', () => {})
  await client.connect()
  early = { client, since: Date.now() }
}, 120_000)
afterAll(() => arena?.stop())

/** Runs a program of PostgreSQL on one side. The ports are the only thing that may differ in what it says. */
async function run(side: Side, program: string, args: readonly string[], input = ''): Promise<Ran> {
  const { host, port, user, password, database } = side
  const environment = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password }
  const child = spawn(program, args, {
    env: {
      ...cleanEnvironment(),
      ...environment,
      PGDATABASE: database,
      PGCLIENTENCODING: 'UTF8',
      LC_ALL: 'C',
    },
    stdio: 'pipe',
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const ran = await collect(child)
  // Every pg_dump draws another word for \restrict.
  const stdout = ran.stdout.replace(/^\\(un)?restrict .*$/gm, '\\$1restrict')
  return {
    ...ran,
    // Times of \\watch, and the process that notified.
    stdout: stdout.replace(/^.* \(every .*\)$/gm, 'every').replace(/PID \d+/g, 'PID'),
    stderr: ran.stderr.replaceAll(String(port), 'PORT'),
  }
}

async function same(program: string, args: readonly string[], input?: string): Promise<Ran> {
  const [one, other] = [await run(direct, program, args, input), await run(through, program, args, input)]
  expect(other).toEqual(one)
  return other
}

test.each(Object.entries(PSQL_SCRIPTS))('psql sees no difference: %s', async (_name, script) => {
  const { stdout } = await same('psql', ['-X', '-v', 'VERBOSITY=verbose'], script)
  expect(stdout).not.toBe('')
})

/** In a schema of its own, which is gone afterwards. */
function inOwnSchema(script: string): string {
  return `CREATE SCHEMA honest; SET search_path = honest;\n${script}\nROLLBACK; DROP SCHEMA honest CASCADE;\n`
}

test.each(Object.entries(REGRESSION_SCRIPTS))('psql sees no difference: %s', async (_name, script) => {
  const { stdout } = await same('psql', ['-X', '-v', 'VERBOSITY=verbose'], inOwnSchema(script))
  expect(stdout).toContain('DROP SCHEMA')
})

test('psql sees the states and words of the server for names that are nowhere', async () => {
  const args = ['-X', '-v', 'VERBOSITY=verbose']
  const readable = ({ stderr, ...ran }: Ran) => ({
    ...ran,
    stderr: stderr.replace(/^(LOCATION: .*|HINT: {2}hoop serves .*)\n/gm, ''),
  })
  const [one, other] = [
    await run(direct, 'psql', args, inOwnSchema(NAMES_SCRIPT)),
    await run(through, 'psql', args, inOwnSchema(NAMES_SCRIPT)),
  ]
  expect(readable(other)).toEqual(readable(one))
  expect(other.stdout).toContain('DROP SCHEMA')
})

/** Without the place in the server's source, which only the server knows. */
const placeless = ({ stdout, stderr, ...ran }: Ran) => ({
  ...ran,
  stdout: stdout.replace(/^LOCATION: .*\n/gm, ''),
  stderr: stderr.replace(/^LOCATION: .*\n/gm, ''),
})

test('psql sees no difference: mistakes', async () => {
  const script = inOwnSchema(MISTAKES_SCRIPT)
  const one = placeless(await run(direct, 'psql', ['-X'], script))
  const other = placeless(await run(through, 'psql', ['-X'], script))
  expect(other).toEqual(one)
  expect(other.stdout).toContain('DROP SCHEMA')
  expect(other.stderr.match(/^LINE \d+:.*\n +\^$/gm)?.length).toBeGreaterThan(20)
})

test.each([
  ['-c', 'SELEC 1'],
  ['-c', "SELECT 'é',\r\n x y z FROM t"],
  ['-c', 'CREATE TABLE mistaken (a int); SELEC 2'],
  ['-c', 'SELECT 1', '-c', 'SELEC 2', '-c', 'SELECT 3'],
  ['-1', '-v', 'ON_ERROR_STOP=1', '-c', 'CREATE TABLE mistaken (a int)', '-c', "SELECT 'a", '-c', 'SELECT 3'],
])('psql sees no difference: mistakes in its arguments, %j', async (...args) => {
  const { stderr } = await same('psql', ['-X', ...args])
  expect(stderr).toMatch(/^LINE \d:/m)
})

test('psql sees no difference: a mistake in a text that is read on another thread', async () => {
  const long = `SELECT '${'é'.repeat(20_000)}' AS long FROM FROM t;`
  expect((await same('psql', ['-X'], long)).stderr).toContain('syntax error at or near "FROM"')
})

test('psql sees no difference: mistakes in a file', async () => {
  const file = `${arena.stack.directory}/mistakes.sql`
  writeFileSync(file, "SELECT 1;\n\nSELECT 'é'\n  FORM FORM t;\nSELECT 2;\n")
  expect((await same('psql', ['-X', '-f', file])).stderr).toContain(':4: ERROR:  syntax error')
  expect(await same('psql', ['-X', '-v', 'ON_ERROR_STOP=1', '-f', file])).toMatchObject({ code: 3 })
})

test('psql sees no difference: results of ten million bytes and of a million rows', async () => {
  const { stdout } = await same('psql', ['-XAt', '-c', "SELECT repeat('0123456789', 1000000)"])
  expect(stdout.length).toBe(10_000_001)
  const count = 'SELECT count(*) FROM generate_series(1, 1000000) g'
  expect((await same('psql', ['-XAt', '-c', count])).stdout.trim()).toBe('1000000')
  const rows = ['-XAt', '-c', 'SELECT g FROM generate_series(1, 1000000) g']
  expect((await run(through, 'psql', rows)).stdout).toBe((await run(direct, 'psql', rows)).stdout)
}, 60_000)

test('pg_dump writes the same, and pg_restore puts it back', async () => {
  // A cast is in no schema: the dump of one leaves it out, and it would hold on to what pg_restore drops.
  const dropped = await run(direct, 'psql', ['-X', '-c', 'DROP CAST (int AS public.pair)'])
  expect(dropped).toMatchObject({ code: 0 })
  const plain = await same('pg_dump', ['--schema=public', '--inserts'])
  expect(plain).toMatchObject({ code: 0 })
  // What pg_restore says of privileges depends on those that the schema had.
  const after = ['--schema=public', '--inserts', '--no-privileges']
  const before = (await run(direct, 'pg_dump', after)).stdout
  const file = `${arena.stack.directory}/dump`
  expect(await run(through, 'pg_dump', ['-Fc', '--schema=public', '-f', file])).toMatchObject({ code: 0 })
  expect((await run(direct, 'pg_restore', ['-f', '-', file])).stdout).toContain('CREATE TABLE public.orders')
  const restored = await run(through, 'pg_restore', ['--clean', '--if-exists', '-d', through.database, file])
  expect(restored).toMatchObject({ code: 0, stderr: '' })
  expect((await run(direct, 'pg_dump', after)).stdout).toBe(before)
}, 60_000)

test('pg_dump writes definitions also where columns are masked', async () => {
  const { host, port, user, password, database } = (await arena.listener('columns', 'superdba')).profile
  const masked = await run({ host, port, user, password, database }, 'pg_dump', ['-s'])
  expect(masked).toEqual(await run({ ...direct, database }, 'pg_dump', ['-s']))
})

test.each(['simple', 'extended', 'prepared'])(
  'pgbench leaves the same rows: %s',
  async mode => {
    const sums: string[] = []
    const script = `${arena.stack.directory}/pipeline.sql`
    writeFileSync(script, BENCH_SCRIPT)
    for (const side of [direct, through]) {
      expect(await run(side, 'pgbench', ['-i', '-q', '-s', '1'])).toMatchObject({ code: 0 })
      const args = ['-n', '-M', mode, '-t', '100', '--random-seed=7']
      const { code, stdout } = await run(side, 'pgbench', args)
      expect(code).toBe(0)
      expect(stdout).toContain('100/100')
      const pipeline = await run(side, 'pgbench', [
        '-n',
        '-M',
        mode === 'simple' ? 'extended' : mode,
        '-t',
        '20',
        '--random-seed=8',
        '-f',
        script,
      ])
      expect(pipeline).toMatchObject({ code: 0 })
      const text = 'SELECT sum(abalance), sum(abalance * aid) FROM pgbench_accounts'
      sums.push((await run(direct, 'psql', ['-XAt', '-c', text])).stdout)
    }
    expect(sums[1]).toBe(sums[0])
  },
  60_000,
)

test('the package pg sees no difference', async () => {
  const answers = async (side: Side) => {
    const client = new pg.Client(side)
    const notices: unknown[] = []
    client.on('notice', notice => notices.push(notice.message))
    const payloads: unknown[] = []
    client.on('notification', ({ channel, payload }) => payloads.push({ channel, payload }))
    await client.connect()
    const found = [
      (
        await client.query('SELECT $1::int + 1 AS n, $2::jsonb AS j, $3::text[] AS a', [
          1,
          { a: 1 },
          ['x', null],
        ])
      ).rows,
      (await client.query({ name: 'again', text: 'SELECT $1::numeric AS v', values: ['1.50'] })).rows,
      (await client.query({ name: 'again', text: 'SELECT $1::numeric AS v', values: ['2.50'] })).rows,
      await client.query('SELECT 1 / 0').catch((error: unknown) => String(error)),
      (await client.query('SELECT 1 AS a; SELECT 2 AS b')) as unknown,
      (await client.query({ text: 'SELECT * FROM customers ORDER BY id', rowMode: 'array' })).rows,
    ]
    await client.query("DO $$ BEGIN RAISE NOTICE 'told'; END $$; LISTEN news; NOTIFY news, 'payload'")
    await client.query('SELECT 1')
    await client.end()
    return JSON.parse(JSON.stringify({ found, notices, payloads }))
  }
  expect(await answers(through)).toEqual(await answers(direct))
})

test('the package postgres sees no difference', async () => {
  const answers = async ({ host, port, user, password, database }: Side) => {
    const sql = postgres({ host, port, user, password, database, max: 2, onnotice: () => {} })
    const found = [
      await sql`SELECT ${1}::int AS n, ${'x'} AS t`,
      await Promise.all([1, 2, 3, 4, 5, 6].map(n => sql`SELECT ${n}::int AS n`)),
      await sql`SELECT nothing`.catch((error: unknown) => String(error)),
      await sql.begin(async inner => {
        await inner`CREATE TEMP TABLE t (a int) ON COMMIT DROP`
        await inner.savepoint(two => two`SELECT 1 / 0`).catch(() => {})
        return inner`INSERT INTO t VALUES (1), (2) RETURNING a`
      }),
    ]
    const pages: unknown[] = []
    await sql`SELECT g FROM generate_series(1, 25) g`.cursor(10, rows => {
      pages.push(rows.length)
    })
    await sql.end()
    return JSON.parse(JSON.stringify({ found, pages }))
  }
  expect(await answers(through)).toEqual(await answers(direct))
})

test('a connection that is open for longer than anything waits at its start is still good', async () => {
  const left = LONG_MS - (Date.now() - early.since)
  if (left > 0) await new Promise(resolve => setTimeout(resolve, left))
  expect((await early.client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await early.client.end()
})
