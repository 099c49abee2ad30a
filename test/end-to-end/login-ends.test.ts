import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA, GRACE } from '../setup/hoop-stack.js'
import { liveGrants, type Shop, startShop } from './shop.js'
import { until } from './until.js'

/** The CLI renews a token 30 s before its end, so that one of 36 s is renewed by most commands. */
const TOKEN_LIFETIME = '36s'

let shop: Shop

beforeAll(async () => {
  shop = await startShop({
    postgres: inject('postgres'),
    name: 'login_ends',
    config: { token_lifetime: TOKEN_LIFETIME },
  })
}, 120_000)

afterAll(() => shop.stop())

test('a session lives on while the provider is down, and new client connections too', async () => {
  const listener = await shop.listen()
  const client = await listener.client()
  shop.stack.provider.setReachable(false)
  const refused = await until('a command needs the provider', async () => {
    const ran = await shop.stack.hoop(ADA, ['connections'])
    return ran.code === 0 ? undefined : ran
  })
  expect(refused.stderr).toMatch(
    /^hoop: Cannot reach the identity provider at ".+": the connection was cut\n/,
  )
  expect(refused.stderr).toContain('try: check the network, then try again; sessions that are open go on')
  expect(refused.code).toBe(69)
  expect((await client.query('SELECT count(*)::int AS n FROM customers')).rows).toEqual([{ n: 10 }])
  expect((await listener.psql(['-c', 'SELECT 1'])).stdout).toBe('1\n')
  await client.end()
  // Without the provider the grant cannot be given back: the gateway takes it when nobody holds the session any more.
  const stopped = await listener.stop()
  expect(stopped.code).toBe(0)
  shop.stack.provider.setReachable(true)
  const ended = await shop.endedSession(listener.profile.session, 30_000)
  expect(ended.endReason).toMatch(/^client_(lost|closed)$/)
  expect(liveGrants(await shop.grants())).toEqual([])
}, 60_000)

test('a login that has ended says so, and its session goes on to its own end', async () => {
  expect((await shop.stack.login(ADA)).code).toBe(0)
  const listener = await shop.listen()
  shop.stack.provider.setLifetimes({ refreshToken: 1 })
  expect((await shop.stack.login(ADA)).code).toBe(0)
  const ended = await until('the login ends', async () => {
    const ran = await shop.stack.hoop(ADA, ['connections'])
    return ran.code === 0 ? undefined : ran
  })
  expect(ended.stderr).toBe(
    'hoop: Cannot refresh the login: the login has ended at the identity provider\n      try: hoop login\n',
  )
  expect(ended.code).toBe(77)
  expect((await listener.psql(['-c', 'SELECT 1'])).stdout).toBe('1\n')
  shop.stack.provider.setLifetimes({ refreshToken: 86_400 })
  expect((await shop.stack.login(ADA)).code).toBe(0)
  await listener.stop()
}, 60_000)

test('a login while the provider is down ends with the reason and stores nothing', async () => {
  shop.stack.provider.setReachable(false)
  const ran = await shop.stack.login(GRACE)
  shop.stack.provider.setReachable(true)
  expect(ran.stderr).toContain('hoop: Cannot reach the identity provider at')
  expect(ran.code).toBe(69)
  expect((await shop.stack.hoop(GRACE, ['whoami'])).code).toBe(77)
}, 60_000)
