import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect, createServer, type Server } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { openCredentialStore } from '../../src/identity/credential-store.js'
import { relay } from '../../src/tunnel/relay.js'
import { ADA } from '../setup/hoop-stack.js'
import { sqlOn } from '../setup/postgres.js'
import { readListener } from './listener.js'
import { type Shop, startShop } from './shop.js'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
const STORE = 'http1_store'

let shop: Shop
let terminator: Server

beforeAll(async () => {
  const postgres = inject('postgres')
  await sqlOn(postgres, 'postgres', `CREATE DATABASE ${STORE}`)
  const { host, port, superuser, superuserPassword } = postgres
  const url = `postgres://${superuser}:${encodeURIComponent(superuserPassword)}@${host}:${port}/${STORE}`
  const config = { store: { postgres_url: `literal:${url}` } }
  shop = await startShop({ postgres, name: 'http1_shop', config })
  terminator = terminate(shop.stack.directory, Number(new URL(shop.stack.url).port))
  await new Promise<void>(resolve => terminator.listen(0, '127.0.0.1', resolve))
}, 120_000)

afterAll(async () => {
  terminator?.close()
  await shop?.stop()
})

/** A load balancer that ends TLS and knows no HTTP/2. */
function terminate(directory: string, port: number): Server {
  const file = (name: string) => readFileSync(join(directory, 'tls', name), 'utf8')
  const tls = { cert: file('server.pem'), key: file('server.key'), ALPNProtocols: ['http/1.1'] }
  return createServer({ ...tls, allowHalfOpen: true }, socket => {
    // The types of Node do not know that a socket's own option goes through.
    const gateway = {
      host: '127.0.0.1',
      port,
      servername: 'localhost',
      ca: file('ca.pem'),
      allowHalfOpen: true,
    }
    const options = { ...gateway, ALPNProtocols: ['http/1.1'] }
    void relay(socket, connect(options))
  })
}

test('psql works through a load balancer without HTTP/2, with the store on PostgreSQL', async () => {
  const { port } = terminator.address() as AddressInfo
  const gateway = `https://localhost:${port}`
  const env: NodeJS.ProcessEnv = { ...shop.stack.env(ADA), HOOP_GATEWAY: gateway }
  const logins = openCredentialStore({ env, directory: env.HOOP_CONFIG_DIR ?? '', warn: () => {} })
  const login = await logins.read(shop.stack.url)
  if (login === undefined) throw new Error('nobody is logged in')
  await logins.write(gateway, login)
  const child = spawn(process.execPath, [HOOP, 'connect', 'shop', '--no-exec'], { env })
  const listener = await readListener(child)
  const ran = await Promise.all(
    [1, 2, 3].map(() => listener.psql(['-c', 'SELECT count(*) FROM customers, generate_series(1, 1000)'])),
  )
  expect(ran.map(one => one.stdout)).toEqual(['10000\n', '10000\n', '10000\n'])
  expect((await listener.psql(['-c', 'DROP TABLE customers'])).stderr).toContain('no-drop')
  expect((await listener.stop()).code).toBe(0)
  const session = await shop.endedSession(listener.profile.session)
  expect(session).toMatchObject({ endReason: 'client_closed', refused: 1 })
  expect((await shop.stack.hoop(ADA, ['sessions', 'verify', session.id])).code).toBe(0)
  const kept = await sqlOn(inject('postgres'), STORE, `SELECT end_reason FROM sessions`)
  expect(kept).toBe('client_closed')
}, 90_000)
