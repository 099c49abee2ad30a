import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { makeCertificates } from '../setup/certificates.js'
import { type DirectTls, startDirectTls } from '../setup/direct-tls.js'
import { ADA } from '../setup/hoop-stack.js'
import { type PostgresServer, startPostgres } from '../setup/postgres.js'
import { type Shop, startShop, TARGET_PASSWORD } from './shop.js'
import { until } from './until.js'

let servers: readonly PostgresServer[] = []
let fronts: readonly DirectTls[] = []
// Each command of hoop is a process of its own, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 })

let shop: Shop

const ASK = [
  '--',
  '-Atc',
  "SELECT 'as ' || current_user, coalesce((SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), false)",
]

beforeAll(async () => {
  servers = await Promise.all([
    startPostgres({ auth: 'md5' }),
    startPostgres({ auth: 'password' }),
    startPostgres({ auth: 'password', tls: 'on' }),
    startPostgres({ auth: 'scram-sha-256', tls: 'required' }),
  ])
  for (const server of servers) {
    await server.sql(
      'postgres',
      `CREATE ROLE account LOGIN PASSWORD '${TARGET_PASSWORD}'; CREATE DATABASE account`,
    )
  }
  const [md5, cleartext, cleartextOverTls, scramOverTls] = servers
  const directory = scramOverTls?.socketDirectory ?? ''
  const stranger = await makeCertificates(join(directory, 'stranger'))
  const certificates = await makeCertificates(join(directory, 'direct'))
  const targetPort = md5?.port ?? 0
  fronts = await Promise.all([
    startDirectTls({ certificates, targetPort }),
    startDirectTls({ certificates, targetPort, alpn: false }),
  ])
  const [direct, directWithoutAlpn] = fronts
  const directly = { mode: 'verify-full', ca_file: certificates.caFile, negotiation: 'direct' }
  const named = (name: string, server: { port: number } | undefined, tls: object, host = '127.0.0.1') => ({
    name,
    type: 'postgres',
    address: `${host}:${server?.port}`,
    database: 'account',
    tls,
    roles: [{ name: 'reader', user: 'account', password: 'env:TARGET_PASSWORD' }],
  })
  const ca = scramOverTls?.caFile
  shop = await startShop({
    postgres: inject('postgres'),
    name: 'target_authentication',
    connections: [
      named('md5', md5, { mode: 'disable' }),
      named('cleartext', cleartext, { mode: 'disable' }),
      named('cleartext-over-tls', cleartextOverTls, { mode: 'require' }),
      named('tls-required', scramOverTls, { mode: 'require' }),
      named('tls-verified', scramOverTls, { mode: 'verify-full', ca_file: ca }),
      named('tls-verified-by-name', scramOverTls, {
        mode: 'verify-full',
        ca_file: ca,
        server_name: 'localhost',
      }),
      named('tls-wrong-authority', scramOverTls, { mode: 'verify-full', ca_file: stranger.caFile }),
      named('tls-wrong-name', scramOverTls, {
        mode: 'verify-full',
        ca_file: ca,
        server_name: 'db.example.com',
      }),
      named('tls-system-authorities', scramOverTls, { mode: 'verify-full' }),
      named('tls-not-offered', md5, { mode: 'require' }),
      named('tls-direct', direct, { ...directly, server_name: 'localhost' }),
      named('tls-direct-no-alpn', directWithoutAlpn, directly),
      named('tls-direct-unknown', scramOverTls, { ...directly, ca_file: ca }),
      named('tls-left-out', scramOverTls, { mode: 'disable' }),
    ],
  })
}, 120_000)

afterAll(async () => {
  await shop.stop()
  await Promise.all(fronts.map(front => front.stop()))
  await Promise.all(servers.map(server => server.stop()))
})

test.each([
  ['md5', 'f'],
  ['cleartext-over-tls', 't'],
  ['tls-required', 't'],
  ['tls-verified', 't'],
  ['tls-verified-by-name', 't'],
])('the gateway signs in at "%s"', async (name, ssl) => {
  const ran = await shop.stack.hoop(ADA, ['connect', name, ...ASK])
  expect(ran).toMatchObject({ code: 0, stdout: `as account|${ssl}\n` })
})

test('the gateway begins with TLS where it is told to, by name and by protocol', async () => {
  const ran = await shop.stack.hoop(ADA, ['connect', 'tls-direct', ...ASK])
  expect(ran).toMatchObject({ code: 0, stdout: 'as account|f\n' })
  expect(fronts[0]?.seen.at(-1)).toEqual({ servername: 'localhost', alpn: 'postgresql' })
})

test.each([
  ['tls-wrong-authority', 'TLS failed', 'check "tls" of the connection'],
  ['tls-wrong-name', 'TLS failed', 'check "tls" of the connection'],
  ['tls-system-authorities', 'TLS failed', 'check "tls" of the connection'],
  ['tls-not-offered', 'TLS', 'ask who runs "tls-not-offered"'],
  ['cleartext', 'it asks for the password in clear text, without TLS', 'ask who runs "cleartext"'],
  ['tls-direct-no-alpn', 'it does not say that it speaks PostgreSQL', 'check "tls" of the connection'],
  ['tls-direct-unknown', 'TLS failed', 'check "tls" of the connection: "negotiation: direct" needs'],
  ['tls-left-out', 'no pg_hba.conf entry', 'ask who runs "tls-left-out"'],
])('the gateway does not sign in at "%s"', async (name, why, hint) => {
  const ran = await shop.stack.hoop(ADA, ['connect', name, ...ASK])
  expect(ran.stdout).toBe('')
  expect(ran.stderr).toContain(`FATAL:  Cannot open the target of "${name}": `)
  expect(ran.stderr).toContain(why)
  expect(ran.stderr).toContain(`HINT:  ${hint}`)
  expect(ran.stderr).not.toContain(TARGET_PASSWORD)
  expect(ran.code).toBe(2)
})

test.each([
  ['tls-verified', 3],
  ['tls-direct', 0],
])('a cancel request finds its way to a target that demands TLS: %s', async (name, at) => {
  const server = servers[at]
  const running = async () => {
    const text =
      "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(30)%'"
    return (await server?.sql('postgres', `${text} AND usename = 'account'`)) === '1'
  }
  const listener = await shop.listen([], name)
  const ran = listener.psql(['-c', 'SELECT pg_sleep(30)'])
  await until('the statement runs', running)
  await listener.stop()
  expect((await ran).code).toBe(2)
  await until('the target runs nothing of it', async () => !(await running()))
})
