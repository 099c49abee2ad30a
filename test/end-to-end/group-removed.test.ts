import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { ADA } from '../setup/hoop-stack.js'
import { type Shop, startShop } from './shop.js'

let shop: Shop

beforeAll(async () => {
  // The CLI renews a token 30 s before its end, and looks every 10 s whether that is due.
  shop = await startShop({
    postgres: inject('postgres'),
    name: 'group_removed',
    config: { token_lifetime: '32s' },
  })
}, 120_000)

afterAll(() => shop.stop())

test('who is removed from a group loses the session with the next token, and hears why', async () => {
  const listener = await shop.listen()
  const client = await listener.client()
  const ended = new Promise<string>(resolve => client.once('error', error => resolve(error.message)))
  expect((await client.query('SELECT 1 AS n')).rows).toEqual([{ n: 1 }])
  shop.stack.provider.changeAccount(ADA.sub, { groups: ['sales'] })
  expect(await ended).toContain('no access rule gives it to you any more')
  expect(await shop.endedSession(listener.profile.session, 10_000)).toMatchObject({
    endReason: 'access_removed',
  })
  const ran = await shop.stack.hoop(ADA, ['connect', 'shop'])
  expect([ran.code, ran.stderr]).toEqual([64, expect.stringContaining('you have no connection of that name')])
}, 60_000)
