import { setTimeout as pause } from 'node:timers/promises'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import * as codec from '../../src/protocols/postgres/codec.js'
import { type Arena, startArena } from '../adversary/arena.js'
import { canariesIn } from '../adversary/canaries.js'
import { Wire } from '../adversary/wire.js'
import { until } from './until.js'

vi.setConfig({ testTimeout: 60_000 })

/** Longer than a snapshot is believed without a check. The bound is a time, so this is one wait and no waiting for a state. */
const BELIEVED_MS = 1_100

interface Swap {
  readonly name: string
  readonly before: string
  readonly ask: string
  /** What somebody does who is not behind the gateway. */
  readonly swap: string
}

/** Each asks for something harmless that is swapped for a protected column under the same name. */
const SWAPS: readonly Swap[] = [
  {
    name: 'view',
    before: 'CREATE VIEW sw_view AS SELECT id, city AS x FROM customers',
    ask: 'SELECT x FROM sw_view WHERE id = 1',
    swap: 'CREATE OR REPLACE VIEW sw_view AS SELECT id, ssn AS x FROM customers',
  },
  {
    name: 'view behind a view',
    before: `CREATE VIEW sw_inner AS SELECT id, city AS x FROM customers;
      CREATE VIEW sw_outer AS SELECT id, x AS y FROM sw_inner`,
    ask: "SELECT lower(y) || '' AS z FROM sw_outer WHERE id = 1",
    swap: 'CREATE OR REPLACE VIEW sw_inner AS SELECT id, ssn AS x FROM customers',
  },
  {
    name: 'materialized view',
    before: 'CREATE MATERIALIZED VIEW sw_mat AS SELECT id, city AS x FROM customers',
    ask: "SELECT x || '' AS z FROM sw_mat WHERE id = 1",
    swap: `DROP MATERIALIZED VIEW sw_mat; CREATE MATERIALIZED VIEW sw_mat AS SELECT id, ssn AS x FROM customers;
      GRANT SELECT ON sw_mat TO analyst`,
  },
  {
    name: 'function that fits better than the built-in one',
    before: "CREATE TABLE sw_codes (code varchar); INSERT INTO sw_codes VALUES ('Rome')",
    ask: 'SELECT initcap(code) AS z FROM sw_codes',
    swap: `CREATE FUNCTION initcap(varchar) RETURNS text LANGUAGE sql SECURITY DEFINER
      AS 'SELECT ssn FROM public.customers WHERE id = 1'`,
  },
  {
    name: 'child',
    before: "CREATE TABLE sw_parent (ssn text); INSERT INTO sw_parent VALUES ('Rome')",
    ask: 'SELECT ssn FROM sw_parent',
    swap: 'ALTER TABLE customers INHERIT sw_parent',
  },
  {
    name: 'partition',
    before: `CREATE TABLE sw_parted (id int, ssn text) PARTITION BY RANGE (id);
      CREATE TABLE sw_part1 PARTITION OF sw_parted FOR VALUES FROM (0) TO (9);
      INSERT INTO sw_parted VALUES (1, 'Rome')`,
    ask: 'SELECT ssn FROM sw_parted',
    swap: 'ALTER TABLE sw_parted ATTACH PARTITION secret.customers FOR VALUES FROM (9) TO (10)',
  },
  {
    name: 'relation that comes first in the search path',
    before: "CREATE TABLE public.sw_path (x text); INSERT INTO sw_path VALUES ('Rome')",
    ask: "SELECT x || '' AS z FROM sw_path",
    swap: `CREATE SCHEMA IF NOT EXISTS analyst; GRANT USAGE ON SCHEMA analyst TO analyst;
      CREATE VIEW analyst.sw_path AS SELECT ssn AS x FROM public.customers; GRANT SELECT ON analyst.sw_path TO analyst`,
  },
  {
    name: 'view in the place of a table',
    before: "CREATE TABLE sw_table (x text); INSERT INTO sw_table VALUES ('Rome')",
    ask: "SELECT x || '' AS z FROM sw_table",
    swap: `DROP TABLE sw_table; CREATE VIEW sw_table AS SELECT ssn AS x FROM customers;
      GRANT SELECT ON sw_table TO analyst`,
  },
]

let arena: Arena

beforeAll(async () => {
  const before = SWAPS.map(swap => `${swap.before};`).join('\n')
  arena = await startArena({ sql: `${before}\nGRANT SELECT ON ALL TABLES IN SCHEMA public TO analyst;` })
}, 120_000)
afterAll(() => arena.stop())

const outside = (text: string): Promise<string> => arena.postgres.sql('ev', text)

/** One way to ask the same statement twice: what it was, and later what it has become. `name` is one of the statement. */
interface Way {
  readonly name: string
  readonly first?: (ask: string, name: string) => Buffer
  readonly each: (ask: string, name: string) => Buffer
}

const query = (text: string): Buffer => codec.query(text)
const run = (statement: string): Buffer =>
  Buffer.concat([codec.bind({ statement }), codec.execute(), codec.sync()])
const parse = (text: string, name: string): Buffer => codec.parse({ text, name })

const WAYS: readonly Way[] = [
  { name: 'simple', each: query },
  { name: 'extended', each: ask => Buffer.concat([parse(ask, ''), run('')]) },
  {
    name: 'prepared',
    first: (ask, name) => Buffer.concat([parse(ask, name), codec.sync()]),
    each: (_ask, name) => run(name),
  },
  {
    name: 'described once',
    first: (ask, name) => Buffer.concat([parse(ask, name), codec.describe('statement', name), codec.sync()]),
    each: (_ask, name) => run(name),
  },
  {
    name: 'prepared in SQL',
    first: (ask, name) => query(`PREPARE ${name} AS ${ask}`),
    each: (_ask, name) => query(`EXECUTE ${name}`),
  },
  {
    name: 'cursor',
    each: ask => query(`BEGIN; DECLARE c CURSOR FOR ${ask}; FETCH ALL FROM c; COMMIT`),
  },
  { name: 'COPY', each: ask => query(`COPY (${ask}) TO STDOUT`) },
]

describe('what is swapped outside of the gateway is masked a second later', () => {
  const wires = new Map<Way, Wire>()
  const againOn = async (way: Way, swap: Swap): Promise<Buffer> =>
    (wires.get(way) ?? expect.unreachable()).ask(way.each(swap.ask, nameOf(swap)))
  const nameOf = (swap: Swap): string => `s${SWAPS.indexOf(swap)}`

  test('after it was shown as what it was', async () => {
    const { profile } = await arena.listener('columns', 'analyst')
    for (const way of WAYS) {
      const wire = await Wire.open({ ...profile, tls: 'disable' })
      wires.set(way, wire)
      for (const swap of SWAPS) {
        if (way.first !== undefined) await wire.ask(way.first(swap.ask, nameOf(swap)))
        const bytes = await againOn(way, swap)
        // The rows are there and not masked, or the test would show nothing.
        expect(`${swap.name}, ${way.name}: ${bytes.toString('latin1')}`).toMatch(/rome/i)
      }
    }
    for (const { swap } of SWAPS) await outside(swap)
    await pause(BELIEVED_MS)
  })

  test.each(SWAPS.flatMap(swap => WAYS.map(way => [swap.name, way.name, swap, way] as const)))(
    '%s, %s',
    async (_swapName, _wayName, swap, way) => {
      expect(canariesIn(await againOn(way, swap))).toEqual([])
    },
  )

  test('and would have been shown without a mask', async () => {
    const wire = await arena.direct('analyst')
    for (const { name, ask } of SWAPS)
      expect([name, ...canariesIn(await wire.ask(query(ask)))].length).toBeGreaterThan(1)
    for (const one of wires.values()) one.close()
  })
})

async function client(): Promise<pg.Client> {
  return (await arena.listener('columns', 'analyst')).client()
}

const OWN = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hoop gateway' AND datname = 'ev'"

test('many clients share one connection of the gateway', async () => {
  const clients = await Promise.all(Array.from({ length: 20 }, client))
  for (let round = 0; round < 3; round += 1) {
    await Promise.all(clients.map(one => one.query('SELECT count(*) FROM sw_outer')))
    await pause(BELIEVED_MS / 2)
  }
  expect(await outside(OWN)).toBe('1')
  await Promise.all(clients.map(one => one.end()))
})

test('a target that does not answer the check refuses what definitions decide, and nothing else', async () => {
  const [one, blocker] = [await client(), await arena.direct('superdba')]
  await one.query('SELECT count(*) FROM sw_outer')
  await one.query('SELECT code FROM sw_codes')
  await blocker.ask(
    query('BEGIN; LOCK TABLE pg_catalog.pg_inherits, pg_catalog.pg_namespace IN ACCESS EXCLUSIVE MODE'),
  )
  await pause(BELIEVED_MS)
  const refusal = await one.query('SELECT count(*) FROM sw_outer').catch(error => error)
  expect(refusal).toMatchObject({ code: '42501', message: expect.stringContaining('unchecked-definitions') })
  expect((await one.query('SELECT code FROM sw_codes')).rows).toEqual([{ code: 'Rome' }])
  await blocker.ask(query('ROLLBACK'))
  await until('the check is answered again', () =>
    one.query('SELECT count(*) FROM sw_outer').then(
      () => true,
      () => false,
    ),
  )
  await one.end()
})
