import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest'
import { ADA, EVE, GRACE, type Ran } from '../setup/hoop-stack.js'
import type { ProviderAccount } from '../setup/openid-provider.js'
import { freePort } from '../setup/postgres.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

// Each command of hoop is a process of its own, and the machine may be busy with other tests.
vi.setConfig({ testTimeout: 90_000 })

let shop: Shop

beforeAll(async () => {
  const postgres = inject('postgres')
  const address = `127.0.0.1:${postgres.port}`
  const tls = { mode: 'disable' }
  const role = { name: 'reader', user: 'refused_start', password: 'env:TARGET_PASSWORD' }
  const beside = { type: 'postgres', address, database: 'refused_start', tls }
  shop = await startShop({
    postgres,
    name: 'refused_start',
    agent: true,
    connections: [
      {
        ...beside,
        name: 'nobody-home',
        address: `127.0.0.1:${await freePort()}`,
        roles: [role],
      },
      {
        ...beside,
        name: 'wrong-password',
        roles: [{ ...role, password: 'env:WRONG_PASSWORD' }],
      },
      { ...beside, name: 'not-allowed', address: '127.0.0.1:1', agent: 'beside-db', roles: [role] },
    ],
  })
}, 120_000)

afterAll(() => shop.stop())

interface Refusal {
  readonly account: ProviderAccount
  readonly args: readonly string[]
  readonly code: number
  /** Lines of stderr, in this order; each whole or a part of one. */
  readonly says: readonly (string | RegExp)[]
}

/** Runs a command that must fail, and looks for what it left behind. */
async function check({ account, args, code, says }: Refusal): Promise<Ran> {
  const ran = await shop.stack.hoop(account, args)
  expect(ran.stdout).toBe('')
  for (const text of says) expect(ran.stderr).toMatch(text)
  expect(ran.stderr).not.toMatch(/\n {4}at |Error:|undefined/)
  expect(ran.code).toBe(code)
  await until('the private directories are gone', () => shop.privateDirectories().length === 0)
  expect(liveGrants(await shop.grants())).toEqual([])
  return ran
}

test('without a login the command to run is named', async () => {
  await check({
    account: EVE,
    args: ['connect', 'shop'],
    code: 77,
    says: [
      /^hoop: Cannot use gateway "https:\/\/localhost:\d+": you are not logged in\n {6}try: hoop login\n$/,
    ],
  })
})

test('a person of another group is told the same as about a connection that does not exist', async () => {
  expect((await shop.stack.login(EVE)).code).toBe(0)
  const hidden = await check({
    account: EVE,
    args: ['connect', 'shop'],
    code: 64,
    says: ['hoop: Cannot open "shop": you have no connection of that name', 'try: hoop connections'],
  })
  const absent = await check({ account: EVE, args: ['connect', 'nowhere'], code: 64, says: [] })
  expect(absent.stderr.replace('nowhere', 'shop')).toBe(hidden.stderr)
})

test('an unknown connection brings the nearest name', async () => {
  await check({
    account: ADA,
    args: ['connect', 'shpo'],
    code: 64,
    says: ['hoop: Cannot open "shpo": you have no connection of that name', 'try: hoop connect shop\n'],
  })
})

test('a role that no rule gives is refused with the roles there are', async () => {
  await check({
    account: ADA,
    args: ['connect', 'shop', '--role', 'owner'],
    code: 77,
    says: [/hoop: Cannot .*"owner"/, 'try: '],
  })
})

test('a target that is down is named, without its address', async () => {
  const ran = await check({
    account: ADA,
    args: ['connect', 'nobody-home', '--', '-c', 'SELECT 1'],
    code: 2,
    says: [
      'FATAL:  Cannot reach the target of "nobody-home": the connection was refused',
      'check that the target of "nobody-home" is up',
    ],
  })
  expect(ran.stderr).not.toContain('ECONNREFUSED')
})

test('a wrong password of the role is said without the password', async () => {
  const ran = await check({
    account: ADA,
    args: ['connect', 'wrong-password', '--', '-c', 'SELECT 1'],
    code: 2,
    says: [
      /FATAL: {2}Cannot open the target of "wrong-password": /,
      'ask who runs "wrong-password" to check its role and address',
    ],
  })
  expect(ran.stderr).not.toContain('not-the-password')
  expect(shop.stack.gatewayLog()).not.toContain('not-the-password')
})

test('an address that the agent does not allow is refused by the agent', async () => {
  await check({
    account: ADA,
    args: ['connect', 'not-allowed', '--', '-c', 'SELECT 1'],
    code: 2,
    says: [
      'FATAL:  Cannot reach the target of "not-allowed": it is not allowed by this agent',
      'HINT:  look at the log of hoopd agent "beside-db", or ask who runs "not-allowed"',
    ],
  })
})

test('an agent that is offline is named, and serves again when it is back', async () => {
  await shop.stack.stopAgent('SIGKILL')
  await check({
    account: ADA,
    args: ['connect', 'shop', '--', '-c', 'SELECT 1'],
    code: 2,
    says: [
      'FATAL:  Cannot reach the target of "shop": agent "beside-db" is not connected',
      'look at the log of hoopd agent beside the target',
    ],
  })
  await shop.stack.startAgent()
  const ran = await shop.stack.hoop(ADA, ['connect', 'shop', '--', '-Atc', 'SELECT count(*) FROM customers'])
  expect(ran).toMatchObject({ code: 0, stdout: '10\n' })
})

test('a port that is taken is refused when it was asked for by number', async () => {
  const first = await shop.listen()
  const ran = await shop.stack.hoop(ADA, ['connect', 'shop', '--port', String(first.profile.port)])
  expect(ran.stderr).toContain(`Cannot listen on port ${first.profile.port}: it is taken`)
  expect(ran.stderr).toContain('try: leave --port out to use a free one')
  expect(ran.code).toBe(64)
  await first.stop()
  expect(liveGrants(await shop.grants())).toEqual([])
})

test('a gateway that is down is said in one line', async () => {
  await shop.stack.stopGateway('SIGTERM')
  for (const args of [['connections'], ['connect', 'shop'], ['whoami']]) {
    const ran = await shop.stack.hoop(GRACE, args)
    expect(ran.stderr).toBe(
      `hoop: Cannot reach the gateway at ${shop.stack.url}: the connection was refused\n` +
        '      try: check its address and the network, then try again\n',
    )
    expect(ran.code).toBe(69)
  }
  await shop.stack.startGateway()
})
