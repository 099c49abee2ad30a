import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { PostgresServer } from '../setup/postgres.js'
import {
  type Cut,
  leftAt,
  makeRoles,
  signIn,
  startCuttingProxy,
  startRoleServer,
} from './credentials-fixture.js'

let server: PostgresServer
let proxy: Awaited<ReturnType<typeof startCuttingProxy>>

beforeAll(async () => {
  server = await startRoleServer()
  proxy = await startCuttingProxy(server)
})

afterEach(() => proxy.mend())

afterAll(async () => {
  await proxy.close()
  await server.stop()
})

/** Texts of a procedure: far above any. */
const TEXTS_MAX = 40
/** Looking for the role, its sign-in, two looks at its backends, what it holds, two databases, a last look, its end. */
const DROPPING_MIN = 9

/** Breaks off at the first text, then at the second, and so on until nothing is left to break off. Gives how many there were. */
async function cutEverywhere(when: Cut['when'], play: (cut: Cut) => Promise<() => unknown>): Promise<number> {
  for (let at = 1; at <= TEXTS_MAX; at += 1) {
    const check = await play({ at, when })
    const wasBroken = proxy.isBroken()
    proxy.mend()
    const { janitor, lines } = makeRoles({ port: proxy.port })
    await janitor.sweep()
    expect(lines.filter(line => /^(warn|error)/.test(line))).toEqual([])
    expect(await leftAt(server), `broken off ${when} text ${at}`).toBe('')
    await check()
    if (!wasBroken) return at - 1
  }
  throw new Error('the procedure does not end')
}

for (const when of ['before', 'after'] as const) {
  test(`nothing is left of a role whose making or end broke off ${when} any of its texts`, async () => {
    const texts = await cutEverywhere(when, async cut => {
      const { take, roles } = makeRoles({ port: proxy.port })
      proxy.breakAt(cut)
      const lent = await take().catch(
        error => void expect(error.message).toContain('it closed the connection'),
      )
      expect(lent === undefined).toBe(proxy.isBroken())
      lent?.credential.forget()
      await roles.settled()
      return () => undefined
    })
    // Making is two; taking back what owns nothing is six.
    expect(texts).toBeGreaterThanOrEqual(8)
  })

  test(`a role whose dropping broke off ${when} any of its texts is taken back by the next gateway`, async () => {
    const texts = await cutEverywhere(when, async cut => {
      const table = `made_${when}_${cut.at}`
      const { lent, roles } = await leaveThings(table)
      proxy.breakAt(cut)
      lent.credential.forget()
      await roles.settled()
      return async () => expect(await ownersOf(table)).toEqual(['readers', 'readers'])
    })
    expect(texts).toBeGreaterThanOrEqual(DROPPING_MIN)
  }, 60_000)
}

/** A session that has worked in two databases and holds a connection in each. */
async function leaveThings(table: string) {
  const made = makeRoles({ port: proxy.port })
  const lent = await made.take()
  const clients = await Promise.all(['shop', 'stock'].map(database => signIn(lent, server, database)))
  for (const client of clients) {
    await client.query(
      `CREATE TABLE ${table} (id int); ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO writers`,
    )
  }
  return { ...made, lent }
}

const ownersOf = async (table: string): Promise<readonly string[]> =>
  Promise.all(
    ['shop', 'stock'].map(database =>
      server.sql(database, `SELECT tableowner FROM pg_tables WHERE tablename = '${table}'`),
    ),
  )

test('a role whose answer was lost is taken back at once, by the gateway that made it', async () => {
  const { take, roles, lines } = makeRoles({ port: proxy.port })
  proxy.breakAt({ at: 2, when: 'after', once: true })
  await expect(take()).rejects.toThrow('it closed the connection')
  await roles.settled()
  expect(lines).toEqual([])
  expect(await leftAt(server)).toBe('')
})
