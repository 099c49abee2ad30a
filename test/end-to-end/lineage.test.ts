import { afterAll, beforeAll, expect, test } from 'vitest'
import { bind, describe, execute, parse, query, sync } from '../../src/protocols/postgres/codec.js'
import { type Arena, startArena } from '../adversary/arena.js'
import { transcriptOf, type Wire } from '../adversary/wire.js'

const VIEWS = `
  CREATE VIEW half AS SELECT id, name, ssn AS number, upper(city) AS town, length(ssn) AS size FROM customers;
  CREATE VIEW quarter AS SELECT h.town, h.number FROM half h WHERE h.id > 0;
  CREATE MATERIALIZED VIEW kept AS SELECT id, name, reverse(number) AS back FROM half;
  GRANT SELECT ON half, quarter, kept TO analyst, writer;
`
const SECRET = /123-?45-?6789|9876-54-321|987-?65-?4321|\\b5100\\b/

let arena: Arena
let gateway: Wire
let database: Wire

beforeAll(async () => {
  arena = await startArena({ sql: VIEWS })
  gateway = await arena.wire('columns', 'analyst')
  database = await arena.direct('analyst')
}, 120_000)
afterAll(() => arena?.stop())

const FORMS = {
  simple: (text: string) => query(text),
  extended: (text: string) =>
    Buffer.concat([parse({ text }), bind({ resultFormats: [0] }), describe('portal'), execute(), sync()]),
} as const

/** The answer is the database's own in both forms. */
async function same(text: string, forms: readonly string[] = ['simple', 'extended']): Promise<void> {
  for (const [form, message] of Object.entries(FORMS)) {
    if (!forms.includes(form)) continue
    // One text of several statements is for simple query alone.
    if (form === 'extended' && text.includes(';')) continue
    const [through, direct] = [await gateway.ask(message(text)), await database.ask(message(text))]
    expect(transcriptOf(through), form).toEqual(transcriptOf(direct))
  }
}

test.each([
  'SELECT id, name, town FROM half ORDER BY id',
  'SELECT lower(town), id + 1 FROM half ORDER BY 2',
  'SELECT town FROM quarter ORDER BY 1',
  'SELECT id, upper(name) FROM kept ORDER BY id',
  'SELECT id FROM v_people ORDER BY id',
  'COPY (SELECT id, town FROM half ORDER BY id) TO STDOUT',
  'SELECT count(*) FROM half',
  'PREPARE by_id AS SELECT upper(name) FROM half WHERE id = $1; EXECUTE by_id(1); DEALLOCATE by_id',
  'BEGIN; DECLARE c CURSOR FOR SELECT upper(name), ssn IS NULL AND id = 0 FROM customers WHERE false; FETCH ALL FROM c; COMMIT',
  'BEGIN; DECLARE c CURSOR FOR SELECT upper(name), id FROM half ORDER BY id; FETCH 1 FROM c; FETCH ALL FROM c; COMMIT',
  'SELECT id, town FROM half ORDER BY id; SELECT sum(total) FROM orders; SELECT upper(name) FROM kept ORDER BY 1',
])('views and names beside masked columns are the database’s: %s', async text => {
  await same(text)
})

test('prepared statements and cursors are followed from one message to the next', async () => {
  for (const text of [
    'PREPARE p(int) AS SELECT upper(name), town FROM half WHERE id = $1',
    'EXECUTE p(1)',
    'BEGIN',
    'DECLARE k CURSOR FOR SELECT lower(town) FROM quarter ORDER BY 1',
    'FETCH FORWARD 1 FROM k',
    'COMMIT',
    'DEALLOCATE p',
  ])
    await same(text, ['simple'])
})

test.each([
  'SELECT number, size FROM half',
  'SELECT * FROM quarter',
  'SELECT back FROM kept',
  'SELECT upper(number), id FROM half',
  'COPY (SELECT id, number FROM half) TO STDOUT',
  'COPY (SELECT row_to_json(half) FROM half) TO STDOUT',
  'PREPARE q AS SELECT number, back FROM half JOIN kept USING (id); EXECUTE q; DEALLOCATE q',
  'BEGIN; DECLARE s CURSOR FOR SELECT reverse(number) FROM quarter; FETCH ALL FROM s; COMMIT',
  'SELECT upper(name) FROM half; SELECT upper(number) FROM half',
  'WITH RECURSIVE r(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM r WHERE n < (SELECT max(size * 100) FROM half)) SELECT max(n) * 51 / 11 FROM r',
])('and what they hold of masked columns stays masked: %s', async text => {
  const before = await database.ask(query(text))
  const shown = transcriptOf(await gateway.ask(query(text))).join('\n')
  expect(shown).not.toMatch(SECRET)
  expect(transcriptOf(before).join('\n')).not.toBe(shown)
})

test('what comes from no masked column may be stored, and is masked until it is known', async () => {
  const answer = async (text: string) => transcriptOf(await gateway.ask(query(text))).join('\n')
  await same("CREATE TEMP TABLE t AS SELECT id, upper(name) AS n FROM customers WHERE city <> 'x'", [
    'simple',
  ])
  await same('SELECT id, n FROM t ORDER BY id', ['simple'])
  expect(await answer('CREATE VIEW scratch.people AS SELECT id, name FROM customers')).toContain(
    'CREATE VIEW',
  )
  await same('SELECT upper(name), id FROM scratch.people ORDER BY id')
  // Inside of the transaction that makes it nobody else can see it.
  expect(await answer('BEGIN; CREATE VIEW scratch.fresh AS SELECT id, name FROM customers')).toContain('VIEW')
  expect(await answer('SELECT upper(name) FROM scratch.fresh')).not.toMatch(/ANN|BOB/)
  expect(await answer('COMMIT')).toContain('COMMIT')
  await same('SELECT upper(name) FROM scratch.fresh ORDER BY 1')
  expect(await answer('CREATE VIEW scratch.hidden AS SELECT id, ssn FROM customers')).toContain('masked')
  expect(await answer('CREATE TEMP TABLE s AS SELECT id, upper(ssn) FROM customers')).toContain('masked')
})
