import { beforeAll, expect, test } from 'vitest'
import type { Catalog, CatalogRelation } from '../../src/domain/catalog.js'
import type { CatalogNeed } from '../../src/gateway/session/catalogs.js'
import { makeFreshCatalog } from '../../src/gateway/session/fresh-catalog.js'
import { HoopError } from '../../src/lib/hoop-error.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'

beforeAll(loadPostgresGrammar)

const relation = (oid: number, name: string, more: Partial<CatalogRelation> = {}): CatalogRelation => ({
  ...{
    oid,
    schema: 'public',
    name,
    kind: 'table',
    columns: [],
    reads: [],
    parents: [],
    callsFunctions: false,
  },
  ...more,
})
const RELATIONS = [
  relation(20_001, 'orders'),
  relation(20_002, 'v_orders', { kind: 'view' }),
  relation(20_003, 'parent'),
  relation(20_004, 'child', { parents: [20_003] }),
]
const CATALOG: Catalog = {
  version: 1,
  byOid: new Map(RELATIONS.map(one => [one.oid, one])),
  byName: new Map(RELATIONS.map(one => [one.name, [one]])),
  userFunctions: new Set(),
  firstUserOid: 16384,
}

/** What a text asks of the catalog, after the look at what is known. */
function check(text: string, need: CatalogNeed, usesCatalog = true): void {
  const needs: CatalogNeed[] = []
  const read = makeFreshCatalog({
    read: asked => {
      needs.push(asked)
      return CATALOG
    },
    usesCatalog: () => usesCatalog,
  })
  expect(read(readPostgresText(text)), text).toEqual({ kind: 'fresh', catalog: CATALOG })
  expect(needs.at(-1), text).toBe(need)
}

test('a text that names known tables and nothing else needs no more than tables', () => {
  check('SELECT id, note FROM orders WHERE id = 1', 'tables')
  check("INSERT INTO orders VALUES (1, 'x'::text)", 'tables')
  check('COPY orders TO STDOUT', 'tables')
  check('BEGIN', 'tables')
})

test('what definitions decide needs them', () => {
  check('SELECT id FROM v_orders', 'definitions')
  check('SELECT id FROM orders, v_orders', 'definitions')
  check('SELECT upper(note) FROM orders', 'definitions')
  check('SELECT note::mood FROM orders', 'definitions')
  check('SELECT id FROM nowhere', 'definitions')
  check('SELECT id FROM parent', 'definitions')
  check('SELECT id FROM child', 'definitions')
  check('COPY v_orders TO STDOUT', 'definitions')
  check('EXECUTE p', 'definitions')
  check('FETCH c', 'definitions')
  check('DO $$ BEGIN END $$', 'definitions')
  check('SELECT 1; SELECT id FROM v_orders', 'definitions')
})

test('what is made of nothing needs no look at what is there', () => {
  check('CREATE TABLE t (id int NOT NULL, a text)', 'search')
  check('CREATE SEQUENCE s; ALTER SEQUENCE s OWNED BY t.id', 'search')
  check('CREATE TABLE t () INHERITS (parent)', 'definitions')
  check('CREATE TABLE t (LIKE orders)', 'definitions')
  check('CREATE TABLE t AS SELECT id FROM v_orders', 'definitions')
  check('CREATE TABLE t (a int DEFAULT f())', 'definitions')
  check('ALTER TABLE new_table RENAME ssn TO x', 'definitions')
})

test('where nothing depends on definitions, nothing is asked for', () => {
  check('SELECT upper(x) FROM v_orders', 'search', false)
})

test('a check that fails gives what is known with the reason, and a bug stays one', async () => {
  const failing = (error: Error) =>
    makeFreshCatalog({
      read: need => (need === 'search' ? CATALOG : Promise.reject(error)),
      usesCatalog: () => true,
    })(readPostgresText('SELECT id FROM v_orders'))
  const busy = new HoopError('target_unavailable', 'Cannot check the catalog: it took too long')
  expect(await failing(busy)).toEqual({ kind: 'unchecked', catalog: CATALOG, reason: busy.message })
  await expect(Promise.resolve(failing(new TypeError('x')))).rejects.toThrow(TypeError)
})
