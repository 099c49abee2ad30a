import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { openGateway } from '../../src/client/gateway.js'
import { readSettings } from '../../src/client/settings.js'
import { ADA } from '../setup/hoop-stack.js'
import { type Shop, startShop, TARGET_PASSWORD } from './shop.js'

const ENROLLMENT_TOKEN = 'enrol-beside-db-once'

// Each command of hoop is a process of its own, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 })

let shop: Shop
/** Each secret with every form it is likely to be written in. */
let secrets: ReadonlyMap<string, readonly Buffer[]>

function formsOf(secret: string): readonly Buffer[] {
  const bytes = Buffer.from(secret)
  const forms = [secret, bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')]
  return forms.map(form => Buffer.from(form))
}

beforeAll(async () => {
  const postgres = inject('postgres')
  const address = `127.0.0.1:${postgres.port}`
  const role = { name: 'reader', user: 'secrets', password: 'env:WRONG_PASSWORD' }
  const wrong = {
    name: 'wrong',
    type: 'postgres',
    address,
    database: 'secrets',
    tls: { mode: 'disable' },
    roles: [role],
  }
  shop = await startShop({ postgres, name: 'secrets', agent: true, connections: [wrong] })
  const env = shop.stack.env(ADA)
  const gateway = await openGateway({ env, settings: await readSettings(env), tell: () => {} })
  const token = await gateway.accessToken(gateway.peer)
  gateway.close()
  const listener = await shop.listen()
  const { password } = listener.profile
  await listener.psql(['-c', 'SELECT * FROM customers', '-c', 'SELECT 1/0', '-c', 'DROP TABLE customers'])
  await listener.psql(['-c', 'SELECT 1'], { password: 'a-wrong-guess' })
  await shop.stack.hoop(ADA, ['connect', 'wrong', '--', '-c', 'SELECT 1'])
  const named = { TARGET_PASSWORD, WRONG_PASSWORD: 'not-the-password', ENROLLMENT_TOKEN, password, token }
  secrets = new Map(Object.entries(named).map(([name, secret]) => [name, formsOf(secret)]))
  // While it runs: what everybody on the machine can read of a process.
  expect(found(commandLines())).toEqual([])
  expect(found(filesUnder(join(shop.stack.directory, 'home')))).toEqual([])
  await listener.stop()
}, 120_000)

afterAll(() => shop.stop())

type Piece = readonly [where: string, bytes: Buffer]

/** Where a secret is, by its name: never its value, which would end up in the log of a failed test. */
function found(pieces: Iterable<Piece>): readonly string[] {
  const places: string[] = []
  for (const [where, bytes] of pieces) {
    for (const [name, forms] of secrets) {
      if (forms.some(form => bytes.includes(form))) places.push(`${name} in ${where}`)
    }
  }
  return places
}

function* filesUnder(directory: string): Iterable<Piece> {
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile()) yield [path, readFileSync(path)]
  }
}

function* commandLines(): Iterable<Piece> {
  for (const pid of readdirSync('/proc').filter(name => /^\d+$/.test(name))) {
    try {
      yield [`arguments of process ${pid}`, readFileSync(`/proc/${pid}/cmdline`)]
    } catch {
      // It ended meanwhile.
    }
  }
}

test('a secret that is there is found', () => {
  expect(found([['here', Buffer.from(`x${TARGET_PASSWORD}x`)]])).toEqual(['TARGET_PASSWORD in here'])
  const encoded = Buffer.from(TARGET_PASSWORD).toString('base64')
  expect(found([['there', Buffer.from(encoded)]])).toEqual(['TARGET_PASSWORD in there'])
})

test.each(['data', 'agent', 'home', 'tmp', 'tls'])('no secret is in the files of "%s"', name => {
  const pieces = [...filesUnder(join(shop.stack.directory, name))]
  if (name === 'data') expect(pieces.length).toBeGreaterThan(3)
  expect(found(pieces)).toEqual([])
})

test('no secret is in a configuration file or in the log of the gateway, at its most talkative', () => {
  const log = shop.stack.gatewayLog()
  expect(log).toContain('password authentication failed')
  expect(found([['the log', Buffer.from(log)]])).toEqual([])
  expect(found([['hoop.yaml', readFileSync(shop.stack.configFile)]])).toEqual([])
})

test('no secret is in a recording as it is exported', async () => {
  const list = await shop.stack.hoop(ADA, ['sessions', 'list', '--json'])
  for (const { id } of JSON.parse(list.stdout)) {
    const exported = await shop.stack.hoop(ADA, ['sessions', 'export', id])
    expect(exported.code).toBe(0)
    expect(found([[id, Buffer.from(exported.stdout)]])).toEqual([])
  }
})

test('the answers of the gateway show no account and no address of a target', async () => {
  for (const args of [['connections'], ['sessions', 'list'], ['grants', 'list'], ['whoami']]) {
    const ran = await shop.stack.hoop(ADA, [...args, '--json'])
    expect(ran.code).toBe(0)
    expect(ran.stdout).not.toContain(String(inject('postgres').port))
    expect(found([[args.join(' '), Buffer.from(ran.stdout + ran.stderr)]])).toEqual([])
  }
})
