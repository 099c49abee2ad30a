import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Catalog, CatalogRelation } from '../../../src/domain/catalog.js'
import { readCatalog } from '../../../src/protocols/postgres/catalog.js'
import * as codec from '../../../src/protocols/postgres/codec.js'
import type { CatalogAction } from '../../../src/protocols/protocol.js'
import { type PostgresServer, startPostgres } from '../../setup/postgres.js'
import { nextChunk, openTarget } from './bridge.js'

const SCHEMA = readFileSync(new URL('../../corpus/postgres-schema.sql', import.meta.url), 'utf8')

/** Beyond the corpus: what a definition can hide. */
const HIDEOUTS = `
CREATE VIEW public.v_count AS SELECT count(*) FROM public.customers;
CREATE VIEW public.v_whole AS SELECT id, c FROM public.customers c;
CREATE VIEW public.v_json AS SELECT c.id, to_jsonb(c) AS j FROM public.customers c;
CREATE VIEW public.v_nested AS SELECT zip FROM public.v_people;
CREATE VIEW public.v_join AS SELECT j.* FROM public.customers NATURAL JOIN public.orders j;
CREATE VIEW public.v_where AS SELECT 1 AS one FROM public.customers WHERE ssn LIKE '1%';
CREATE VIEW public.v_function AS SELECT * FROM public.get_person(1);
CREATE VIEW public.v_text AS SELECT query_to_xml('SELECT ssn FROM public.customers', true, true, '') AS x;
CREATE VIEW public.v_stats AS SELECT most_common_vals::text FROM pg_catalog.pg_stats WHERE attname = 'ssn';
CREATE VIEW public.v_raw_stats AS SELECT stavalues1::text FROM pg_catalog.pg_statistic;
CREATE VIEW public.v_plain AS SELECT upper(city) AS c, ctid FROM public.customers;
CREATE FUNCTION public.eq(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE OPERATOR public.=== (LEFTARG = int, RIGHTARG = text, FUNCTION = public.eq);
CREATE TYPE public.mood AS ENUM ('glad', 'sad');
CREATE TYPE public.date AS ENUM ('day');
CREATE TYPE scratch.guarded AS ENUM ('a');
CREATE TYPE public.pair AS (a int, b int);
CREATE DOMAIN public.short AS text CHECK (length(value) < 9);
CREATE DOMAIN public.long AS text NOT NULL;
CREATE FUNCTION public.as_text(int) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';
CREATE FUNCTION public.as_pair(int) RETURNS public.pair LANGUAGE sql AS 'SELECT ROW(1, 2)::public.pair';
CREATE FUNCTION public.as_guarded(int) RETURNS scratch.guarded LANGUAGE sql AS 'SELECT NULL::scratch.guarded';
CREATE FUNCTION public.pairs(public.pair, public.pair) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE CAST (int AS text) WITH FUNCTION public.as_text(int);
CREATE CAST (int AS public.pair) WITH FUNCTION public.as_pair(int) AS IMPLICIT;
CREATE CAST (int AS scratch.guarded) WITH FUNCTION public.as_guarded(int);
CREATE OPERATOR public.+ (LEFTARG = public.pair, RIGHTARG = public.pair, FUNCTION = public.pairs);
CREATE VIEW public.v_operator AS SELECT 1 === 'x' AS o;
CREATE MATERIALIZED VIEW public.m_people AS SELECT name FROM public.customers;
CREATE TABLE scratch.child (extra int) INHERITS (public.orders);
CREATE TABLE scratch."odd ""name
" ("a b" int, gone int, "ü" text);
ALTER TABLE scratch."odd ""name
" DROP COLUMN gone;
CREATE TABLE scratch.bound (a int, b int CHECK (b > 0), c text, d int REFERENCES public.orders (id),
  EXCLUDE (a WITH =), CHECK (a < d));
CREATE UNIQUE INDEX ON scratch.bound (lower(c));
CREATE UNIQUE INDEX ON scratch.bound (b) WHERE d > 0;
CREATE INDEX ON scratch.bound (c);
CREATE FUNCTION scratch.whole(scratch.bound) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1';
CREATE UNIQUE INDEX ON scratch.bound (scratch.whole(bound));
CREATE TABLE scratch.made (a text, b text, c text GENERATED ALWAYS AS (lower(a) || b) STORED,
  d int GENERATED ALWAYS AS (1) STORED, e int DEFAULT 1);
ALTER ROLE analyst IN DATABASE ev SET search_path = scratch;
ALTER ROLE analyst IN DATABASE ev SET standard_conforming_strings = off;
ALTER ROLE analyst IN DATABASE ev SET client_encoding = 'LATIN1';
CREATE TABLE scratch.pg_class (oid oid, relname text);
`

let server: PostgresServer
let catalog: Catalog

beforeAll(async () => {
  server = await startPostgres()
  await server.createDatabase('ev')
  await server.sql('ev', SCHEMA + HIDEOUTS)
  await server.sql('ev', "ALTER ROLE analyst PASSWORD 'analyst-secret'")
  const outcome = await read('analyst', 'analyst-secret')
  if (outcome.kind !== 'catalog') throw new Error(JSON.stringify(outcome))
  catalog = outcome.catalog
})
afterAll(() => server.stop())

async function read(user: string, password: string, version = 7): Promise<CatalogAction> {
  const { host, port } = server
  const target = await openTarget({ host, port, user, password, database: 'ev', tls: 'disable' })
  if (target.kind === 'failed') throw new Error(target.message)
  const reader = readCatalog(version)
  for (const action of reader.begin()) if (action.kind === 'toTarget') target.stream.write(action.bytes)
  for (;;) {
    const [action] = reader.fromTarget(await nextChunk(target.stream))
    if (action === undefined) continue
    target.stream.destroy()
    return action
  }
}

function relation(schema: string, name: string): CatalogRelation {
  const found = catalog.byName.get(name)?.find(candidate => candidate.schema === schema)
  if (found === undefined) throw new Error(`no relation ${schema}.${name}`)
  return found
}

/** What a view reads, as `table.column` or `table.*`; OIDs of the system as `system`. */
function checkReads(view: string, ...expected: readonly string[]): void {
  const told = relation('public', view).reads.flatMap(({ oid, columns }) => {
    const source = catalog.byOid.get(oid)
    if (source === undefined) return [oid < catalog.firstUserOid ? 'system' : 'unknown']
    const nameOf = (number: number) => source.columns.find(column => column.number === number)?.name ?? '*'
    return columns.map(number => `${source.name}.${number === 0 ? '*' : nameOf(number)}`)
  })
  expect([...told].sort()).toEqual([...expected].sort())
}

describe('an account without privileges is told', () => {
  test('every relation of every schema, whatever the search path of the role', () => {
    expect(
      catalog.byName
        .get('customers')
        ?.map(({ schema }) => schema)
        .sort(),
    ).toEqual(['public', 'secret'])
    expect(relation('scratch', 'odd "name\n').columns).toEqual([
      { number: 1, name: 'a b', typeOid: 23 },
      { number: 3, name: 'ü', typeOid: 25 },
    ])
    expect(catalog.byName.has('pg_authid')).toBe(false)
    expect(catalog.byName.has('tables')).toBe(false)
    expect(catalog.version).toBe(7)
    const { oid } = relation('public', 'customers')
    expect(catalog.byOid.get(oid)).toBe(relation('public', 'customers'))
  })

  test('which kind they are', () => {
    expect(relation('public', 'customers').kind).toBe('table')
    expect(relation('public', 'ev_parent').kind).toBe('table')
    expect(relation('public', 'v_people').kind).toBe('view')
    expect(relation('public', 'm_people').kind).toBe('view')
  })

  test('whose parts they are', () => {
    expect(relation('public', 'ev_part1').parents).toEqual([relation('public', 'ev_parent').oid])
    expect(relation('scratch', 'child').parents).toEqual([relation('public', 'orders').oid])
    expect(relation('public', 'customers').parents).toEqual([])
  })

  test('what the server compares when a row is written', () => {
    const { constraints = [] } = relation('scratch', 'bound')
    const told = constraints.map(({ kind, columns }) => `${kind} ${[...columns].sort()}`)
    const expected = ['check 1,4', 'check 2', 'foreign 4', 'unique 0', 'unique 1', 'unique 2,4', 'unique 3']
    expect(told.sort()).toEqual(expected)
    const foreign = constraints.find(({ kind }) => kind === 'foreign')
    expect(foreign?.references).toEqual({ oid: relation('public', 'orders').oid, columns: [1] })
    expect(relation('public', 'v_people').constraints).toBeUndefined()
  })

  test('what the server computes a column from', () => {
    const told = relation('scratch', 'made').columns.map(column => column.generatedFrom)
    expect(told).toEqual([undefined, undefined, [1, 2], [0], undefined])
  })

  test('which functions are not built in', () => {
    const more = ['as_guarded', 'as_pair', 'as_text', 'pairs']
    expect([...catalog.userFunctions].sort()).toEqual([...more, 'eq', 'get_person', 'whole'].sort())
  })

  test('which code operators and casts can run, and which types have none', () => {
    const { code } = catalog
    expect(code).toMatchObject({
      operators: new Set(['===']),
      ownTypeOperators: new Set(['+']),
      castTargets: new Set(['text']),
      casts: { builtIn: false, toOwn: true, fromOwn: false },
    })
    // "date" is PostgreSQL's as well.
    expect([...(code?.plainTypes ?? [])].sort()).toEqual([
      ...['long', 'mood', 'public.date', 'public.long', 'public.mood'],
    ])
    expect(code?.plainTypeOids.size).toBe(6)
  })
})

describe('the definition of a view is told', () => {
  test('with a schema for every name, whatever the search path of the role', () => {
    expect(relation('public', 'v_nested').definition).toContain('FROM public.v_people')
    expect(relation('public', 'm_people').definition).toContain('FROM public.customers')
    expect(relation('public', 'v_stats').definition).toContain('FROM pg_stats')
    expect(relation('public', 'customers').definition).toBeUndefined()
  })

  test('but not while somebody changes it or what it reads, for which the snapshot would have to wait', async () => {
    const { host, port } = server
    const changing = await openTarget({
      host,
      port,
      user: server.superuser,
      password: server.superuserPassword,
      database: 'ev',
      tls: 'disable',
    })
    if (changing.kind === 'failed') throw new Error(changing.message)
    changing.stream.write(codec.query('BEGIN; ALTER VIEW public.v_people ALTER COLUMN id SET DEFAULT 1'))
    await nextChunk(changing.stream)
    const outcome = await read('analyst', 'analyst-secret').finally(() => changing.stream.destroy())
    if (outcome.kind !== 'catalog') throw new Error(JSON.stringify(outcome))
    const definitionOf = (name: string) => outcome.catalog.byName.get(name)?.[0]?.definition
    expect(['v_people', 'v_nested', 'v_plain'].map(name => typeof definitionOf(name))).toEqual([
      'undefined',
      'undefined',
      'string',
    ])
  })
})

describe('what a view reads', () => {
  test('by its columns', () => {
    checkReads('v_people', 'customers.id', 'customers.ssn')
    checkReads('v_nested', 'v_people.zip')
    checkReads('m_people', 'customers.name')
    checkReads('v_plain', 'customers.city')
    checkReads('v_where', 'customers.ssn')
    checkReads('v_join', 'orders.id', 'orders.customer_id', 'orders.total', 'customers.id')
    expect(relation('public', 'customers').reads).toEqual([])
  })

  test('by the whole row, also where the server records no dependency on it', () => {
    checkReads('v_count', 'customers.*')
    checkReads('v_whole', 'customers.*')
    checkReads('v_json', 'customers.*')
  })

  test('of the system', () => {
    checkReads('v_stats', 'system')
    checkReads('v_raw_stats', 'system')
  })
})

test.each([
  ['v_function', true],
  ['v_operator', true],
  ['v_text', true],
  ['v_plain', false],
  ['v_people', false],
])('%s calls functions that could read anything: %s', (view, calls) => {
  expect(relation('public', view).callsFunctions).toBe(calls)
})

describe('a hostile target', () => {
  const check = (bytes: Buffer, message: string): void => {
    const reader = readCatalog(1)
    reader.begin()
    expect(reader.fromTarget(bytes)).toEqual([{ kind: 'failed', message: expect.stringContaining(message) }])
    expect(reader.fromTarget(codec.readyForQuery('I'))).toEqual([])
  }
  const row = (...cells: string[]) => {
    const parts = cells.flatMap(cell => [Buffer.from([0, 0, 0, cell.length]), Buffer.from(cell)])
    return codec.writeMessage('D', Buffer.concat([Buffer.from([0, cells.length]), ...parts]))
  }
  const done = (count: number) =>
    Buffer.concat(Array.from({ length: count }, () => codec.writeMessage('C', Buffer.from('X\0'))))

  test('is told to fail by what it says', () => {
    const error = codec.errorResponse(new Map([['M', 'permission\ndenied']]))
    check(Buffer.concat([error, codec.readyForQuery('I')]), 'the catalog cannot be read: permission denied')
    check(codec.authenticationOk(), 'out of turn')
    check(codec.writeMessage('G'), 'out of turn')
    check(row('1'), 'answers nothing that was asked')
    check(Buffer.concat([done(20), row('1')]), 'answers nothing that was asked')
    check(codec.writeMessage('D', Buffer.from('0001000000ff', 'hex')), 'cut short')
    check(codec.writeMessage('D', Buffer.from('7fff', 'hex')), 'too many columns')
    check(Buffer.from('44ffffffff', 'hex'), 'out of range')
  })

  test('is told to fail at the definitions of views, and gives a catalog without them', () => {
    const error = codec.errorResponse(new Map([['M', 'canceling statement due to lock timeout']]))
    const [action, more] = readCatalog(1).fromTarget(
      Buffer.concat([done(3), row('20000', 's', 'v', 'v'), done(11), error, codec.readyForQuery('E')]),
    )
    expect(more).toBeUndefined()
    expect(action?.kind === 'catalog' && action.catalog.byOid.get(20_000)?.name).toBe('v')
  })

  test('is not listened to without end', () => {
    const many = Buffer.concat([done(3), ...Array.from({ length: 50_001 }, () => row('1', 's', 't', 'r'))])
    check(many, 'the database is too large: it has more than 50000 relations')
  })

  test('gives a catalog or a failure by noise, and never a throw', () => {
    const frame = fc.oneof(
      fc
        .tuple(fc.constantFrom(...'DCTEZIN'), fc.uint8Array({ maxLength: 30 }))
        .map(([tag, body]) => codec.writeMessage(tag, Buffer.from(body))),
      fc
        .array(fc.string({ unit: 'binary-ascii', maxLength: 5 }), { maxLength: 5 })
        .map(cells => row(...cells)),
    )
    fc.assert(
      fc.property(fc.array(frame), frames => {
        const reader = readCatalog(1)
        const actions = reader.fromTarget(Buffer.concat([done(3), ...frames]))
        expect(actions.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})
