import { beforeAll, expect, test } from 'vitest'
import type { Principal } from '../../../src/domain/principal.js'
import { ADA } from '../gateway-fixture.js'
import { type Holding, makeHeldDatabase, makeHolding } from './held-fixture.js'

const DATABASE = 'background_masking'
const MASKING = `
masking:
  rules:
    - { name: addresses, detectors: [email], strategy: redact, except_groups: [support] }
`

beforeAll(() => makeHeldDatabase(DATABASE))

/** Notifications of one connection that is never closed while rules change around it. */
async function listening(holding: Holding) {
  const { client } = await holding.connect()
  const payloads: string[] = []
  client.on('notification', ({ payload }) => payloads.push(payload ?? ''))
  await client.query('LISTEN news')
  return {
    client,
    /** What the connection is told when another one at the target says this. */
    hears: async (): Promise<string | undefined> => {
      const before = payloads.length
      await holding.sql("NOTIFY news, 'ask grace@example.com'")
      await expect.poll(() => payloads.length, { timeout: 10_000 }).toBe(before + 1)
      return payloads.at(-1)
    },
  }
}

const RAW = 'ask grace@example.com'
const MASKED = 'ask [masked]'

test('what belongs to no statement is masked by the rules in force, without a new connection or statement', async () => {
  const holding = await makeHolding({ database: DATABASE })
  const { client, hears } = await listening(holding)
  expect(await hears()).toBe(RAW)
  holding.reload('', MASKING)
  expect(await hears()).toBe(MASKED)
  await client.query('SELECT count(*) FROM people')
  expect(await hears()).toBe(MASKED)
  holding.reload('')
  expect(await hears()).toBe(RAW)
})

test('and by the groups that the person has now', async () => {
  const support: Principal = { ...ADA, groups: [...ADA.groups, 'support'] }
  const holding = await makeHolding({
    database: DATABASE,
    config: text => text + MASKING,
    grant: { principal: support },
  })
  const { claims } = holding.gateway.sessions
  const { hears } = await listening(holding)
  expect(await hears()).toBe(RAW)
  claims.note(ADA, new Date(1_000))
  expect(await hears()).toBe(MASKED)
  claims.note(support, new Date(2_000))
  expect(await hears()).toBe(RAW)
})
