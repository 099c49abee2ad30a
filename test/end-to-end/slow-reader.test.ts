import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from 'vitest'
import type { Listener } from './listener.js'
import { type Shop, startShop } from './shop.js'
import { until } from './until.js'

const MIB = 1024 * 1024
const GROWTH_BYTES_MAX = 64 * MIB
const ROWS = 1_000_000
/** How long the reader reads nothing, in steps of its own. */
const PAUSES = 20
const PAUSE_MS = 100

let shop: Shop
let listener: Listener

beforeAll(async () => {
  shop = await startShop({
    postgres: inject('postgres'),
    name: 'slow_reader',
    config: {
      masking: {
        rules: [
          { name: 'emails', columns: ['*.customers.email'], strategy: 'redact' },
          { name: 'cards', detectors: ['card-number'], strategy: 'keep-last 4' },
        ],
      },
    },
  })
  await shop.sql(`
    CREATE TABLE many AS SELECT n, 'some text that is of the usual length ' || n AS note
      FROM generate_series(1, ${ROWS}) n;
    GRANT SELECT ON many TO slow_reader`)
  listener = await shop.listen()
}, 120_000)

afterAll(() => shop.stop())

/** Resident memory of a process, in bytes. */
function residentBytes(pid: number): number {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(line?.[1]) * 1024
}

/** The socket below a client of `pg`, which has no other way to stop reading. */
function socketOf(client: pg.Client): Socket {
  const { connection } = client as unknown as { readonly connection: { readonly stream: Socket } }
  return connection.stream
}

test('a million rows to a reader that stops again and again keep the memory flat', async () => {
  const client = await listener.client()
  await client.query('SELECT * FROM many LIMIT 1000')
  const pids = [shop.stack.gatewayPid(), listener.child.pid ?? 0]
  const before = pids.map(residentBytes)
  const most = [...before]
  const look = (): void =>
    pids.forEach((pid, index) => {
      most[index] = Math.max(most[index] ?? 0, residentBytes(pid))
    })
  const socket = socketOf(client)
  let received = 0
  socket.on('data', chunk => {
    received += chunk.length
  })
  const timer = setInterval(look, 50)
  onTestFinished(() => clearInterval(timer))
  const rows = readAll(client)
  for (let pause = 0; pause < PAUSES; pause += 1) {
    const mark = received
    socket.pause()
    await new Promise(resolve => setTimeout(resolve, PAUSE_MS))
    socket.resume()
    await until('more has come', () => received > mark + 2 * MIB || rows.done())
  }
  expect(await rows.count).toBe(ROWS)
  clearInterval(timer)
  const growth = most.map((bytes, index) => bytes - (before[index] ?? 0))
  for (const bytes of growth) expect(bytes).toBeLessThan(GROWTH_BYTES_MAX)
  await client.end()
}, 120_000)

/** Counts rows without keeping them. */
function readAll(client: pg.Client): { readonly count: Promise<number>; readonly done: () => boolean } {
  let rows = 0
  let isDone = false
  const query = client.query(new pg.Query('SELECT * FROM many'))
  query.on('row', () => {
    rows += 1
  })
  const count = new Promise<number>((resolve, reject) => {
    query.on('end', () => {
      isDone = true
      resolve(rows)
    })
    query.on('error', reject)
  })
  return { count, done: () => isDone }
}

test('a client that never reads holds nobody up, and its end frees the target', async () => {
  const stuck = await listener.client()
  stuck.query('SELECT * FROM many').catch(() => {})
  socketOf(stuck).pause()
  await until('the target waits for it', async () => (await waitingForClient()) > 0)
  expect((await listener.psql(['-c', 'SELECT 1'])).stdout).toBe('1\n')
  socketOf(stuck).destroy()
  await until('the target goes on', async () => (await waitingForClient()) === 0)
}, 60_000)

async function waitingForClient(): Promise<number> {
  const text = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'ClientWrite'"
  return Number(await shop.sql(`${text} AND usename = 'slow_reader'`))
}
