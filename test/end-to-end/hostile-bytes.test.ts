import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, readdirSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type pg from 'pg'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { ADA, collect } from '../setup/hoop-stack.js'
import { cleanEnvironment } from '../setup/postgres.js'
import type { Listener } from './listener.js'
import { type Shop, startShop } from './shop.js'
import { until } from './until.js'

const MIB = 1024 * 1024
/** The gateway gives a client this long to say who it is. */
const CLIENT_START_MS = 30_000
const NOBODY = 65_534
const IS_ROOT = process.getuid?.() === 0

// Each command of hoop is a process of its own, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 })

let shop: Shop
let listener: Listener
/** Connected from the start, and silent: no deadline of a start may reach it. */
let quiet: pg.Client
let hanging: { readonly since: number; readonly closed: Promise<number> }

beforeAll(async () => {
  shop = await startShop({ postgres: inject('postgres'), name: 'hostile_bytes' })
  listener = await shop.listen()
  quiet = await listener.client()
  // Half of a start-up packet: its length says that more comes. The last test waits for its end.
  const socket = dial(listener.profile.port)
  socket.write(Buffer.from([0, 0, 0, 80, 0, 3]))
  const since = Date.now()
  const closed = new Promise<number>(resolve => socket.once('close', () => resolve(Date.now())))
  hanging = { since, closed }
}, 120_000)

afterAll(() => shop.stop())

function dial(port: number): Socket {
  const socket = connect({ host: '127.0.0.1', port })
  socket.on('error', () => {})
  return socket
}

/** Says something and gives everything that comes back until the other side closes. */
function say(socket: Socket, bytes: Uint8Array): Promise<Buffer> {
  return new Promise(resolve => {
    const chunks: Buffer[] = []
    socket.on('data', chunk => chunks.push(chunk))
    socket.on('error', () => {})
    socket.once('close', () => resolve(Buffer.concat(chunks)))
    socket.write(bytes)
  })
}

async function stillServes(): Promise<void> {
  expect(await listener.psql(['-c', 'SELECT count(*) FROM customers'])).toMatchObject({
    code: 0,
    stdout: '10\n',
  })
}

const GARBAGE: readonly (readonly [string, Uint8Array])[] = [
  ['noise', randomBytes(4_096)],
  ['zeros', Buffer.alloc(4_096)],
  ['a length without end', Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
  ['SSH', Buffer.from('SSH-2.0-OpenSSH_9.2\r\n')],
  ['a query before any start', Buffer.from('Q\0\0\0\x0eSELECT 1;\0', 'latin1')],
]

test.each(GARBAGE)('%s on the loopback port ends that connection and no other', async (_name, bytes) => {
  const answer = await say(dial(listener.profile.port), bytes)
  expect(answer.length).toBeLessThan(500)
  expect(answer.toString('latin1')).not.toContain('at ')
  await stillServes()
})

test('garbage on the gateway port, in the clear and inside of TLS, leaves the gateway as it was', async () => {
  const port = Number(new URL(shop.stack.url).port)
  for (const [, bytes] of GARBAGE) {
    const socket = dial(port)
    const closed = say(socket, bytes)
    socket.end()
    expect((await closed).length).toBeLessThan(500)
  }
  for (const protocol of ['h2', 'http/1.1', 'hoop-agent', undefined]) {
    const socket = connectTls({
      host: '127.0.0.1',
      port,
      rejectUnauthorized: false,
      ...(protocol === undefined ? {} : { ALPNProtocols: [protocol] }),
    })
    socket.on('error', () => {})
    socket.end(randomBytes(4_096))
    await new Promise(resolve => socket.once('close', resolve).resume())
  }
  expect(shop.stack.gatewayLog()).not.toMatch(/"level":(50|60)/)
  await stillServes()
  expect((await shop.stack.hoop(ADA, ['connections'])).code).toBe(0)
})

test.each([
  ['simple', (text: string) => ({ text })],
  ['extended', (text: string) => ({ text, values: ['x'] })],
])('a statement of 64 MiB in the %s protocol is refused and the connection goes on', async (name, make) => {
  const client = await listener.client()
  const filler = 'x'.repeat(64 * MIB - 100)
  const text = name === 'simple' ? `SELECT '${filler}'` : `SELECT $1::text || '${filler}'`
  const error: unknown = await client.query(make(text)).catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    code: '54000',
    message: expect.stringMatching(/too long|limit|larger|more than/),
  })
  expect((await client.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  await client.end()
})

test('a wrong password on the loopback port is refused as PostgreSQL would', async () => {
  for (const password of ['', 'wrong', `${listener.profile.password}x`]) {
    const ran = await listener.psql(['-c', 'SELECT 1'], { password })
    expect(ran.code).toBe(2)
    expect(ran.stderr).toMatch(/password authentication failed|no password supplied/)
  }
  await stillServes()
})

test.skipIf(!IS_ROOT)('another user of the machine neither connects nor finds the secret', async () => {
  const child = await shop.stack.spawnHoop(ADA, ['connect', 'shop', '--', '-c', 'SELECT pg_sleep(5)'])
  const directory = await until('the private directory is there', () => shop.privateDirectories().at(-1))
  // What is above is opened, so that only the directory itself protects its files.
  for (const path of [shop.stack.directory, join(shop.stack.directory, 'tmp')]) chmodSync(path, 0o755)
  const path = join(shop.stack.directory, 'tmp', directory)
  await until('the password file is there', () => readdirSync(path).length > 0)
  expect(await asNobody('cat', [join(path, 'pgpass')])).toMatchObject({ code: 1, stdout: '' })
  const { port, user, database } = listener.profile
  const url = `postgresql://${user}@127.0.0.1:${port}/${database}`
  const ran = await asNobody('psql', ['-X', '-w', url, '-c', 'SELECT 1'])
  expect(ran.code).toBe(2)
  expect(ran.stderr).toContain('no password supplied')
  child.kill('SIGTERM')
})

function asNobody(program: string, args: readonly string[]) {
  return collect(
    spawn(program, args, { uid: NOBODY, gid: NOBODY, cwd: '/', env: cleanEnvironment(), stdio: 'pipe' }),
  )
}

test('client connections that say nothing leave room for one that does', async () => {
  const crowded = await shop.listen()
  const silent = Array.from({ length: 100 }, () => dial(crowded.profile.port))
  for (const socket of silent) socket.write(Buffer.from([0, 0, 0, 80]))
  await until(
    'those beyond the limit are closed',
    () => silent.filter(socket => socket.destroyed).length >= 36,
  )
  expect((await crowded.psql(['-c', 'SELECT 1'])).stdout).toBe('1\n')
  for (const socket of silent) socket.destroy()
  await crowded.stop()
})

test('half a start-up packet left hanging is closed at its deadline, and nobody else is', async () => {
  await stillServes()
  const lived = (await hanging.closed) - hanging.since
  expect(lived).toBeGreaterThan(CLIENT_START_MS - 1_000)
  expect(lived).toBeLessThan(CLIENT_START_MS + 5_000)
  await stillServes()
  expect((await quiet.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
}, 90_000)
