import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RelationName } from '../../../src/domain/facts.js'
import {
  changedObjects,
  type ObjectVersions,
  type VersionQuestion,
  versionQuestion,
} from '../../../src/domain/object-versions.js'
import * as codec from '../../../src/protocols/postgres/codec.js'
import { postgres } from '../../../src/protocols/postgres/protocol.js'
import type { TargetReader } from '../../../src/protocols/protocol.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../../src/sql/postgres/read-text.js'
import { type PostgresServer, startPostgres } from '../../setup/postgres.js'
import { nextChunk, openTarget } from './bridge.js'

const SCHEMA = readFileSync(new URL('../../corpus/postgres-schema.sql', import.meta.url), 'utf8')
const MORE = `
CREATE VIEW v_safe AS SELECT id, city FROM customers;
CREATE VIEW v_nested AS SELECT id FROM v_safe;
CREATE MATERIALIZED VIEW m_safe AS SELECT id FROM customers;
CREATE FUNCTION plain() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM v_safe';
CREATE FUNCTION outer_call() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN plain(); END';
CREATE FUNCTION dynamic() RETURNS void LANGUAGE plpgsql AS 'BEGIN EXECUTE $q$SELECT 1$q$; END';
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TABLE watched (id int PRIMARY KEY, note text DEFAULT 'x');
CREATE TABLE child (id int REFERENCES watched ON DELETE CASCADE);
CREATE TABLE unrelated (id int);
CREATE TRIGGER noting BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION note();
CREATE TRIGGER inner_noting BEFORE DELETE ON child FOR EACH ROW EXECUTE FUNCTION note();
CREATE RULE ignore AS ON UPDATE TO watched DO INSTEAD NOTHING;
CREATE TABLE parted (id int, k int) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
CREATE DOMAIN short AS text CHECK (length(VALUE) < 5);
CREATE SCHEMA other;
CREATE FUNCTION eq(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';
CREATE TABLE "we""ird\\ {,} name" (id int);
CREATE ROLE nobody LOGIN PASSWORD 'nobody-secret';
ALTER ROLE nobody SET search_path = other;
CREATE FUNCTION other.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''x''';
`

let server: PostgresServer

beforeAll(async () => {
  await loadPostgresGrammar()
  server = await startPostgres()
  await server.createDatabase('ev')
  await server.sql('ev', SCHEMA + MORE)
})
afterAll(() => server.stop())

const sql = (text: string): Promise<string> => server.sql('ev', text)

/** Asks the server over a connection of an account without any privilege. */
async function ask<Answer>(...readers: readonly TargetReader<Answer>[]): Promise<readonly Answer[]> {
  const { host, port } = server
  const account = { host, port, user: 'nobody', password: 'nobody-secret', database: 'ev' }
  const target = await openTarget({ ...account, tls: 'disable' })
  if (target.kind === 'failed') throw new Error(target.message)
  const answers: Answer[] = []
  for (const reader of readers) {
    let actions = reader.begin()
    for (let over = false; !over; ) {
      for (const action of actions) {
        if (action.kind === 'toTarget') target.stream.write(action.bytes)
        else if (action.kind === 'failed') throw new Error(action.message)
        else answers.push(action.answer)
        over = action.kind === 'answer'
      }
      if (!over) actions = reader.fromTarget(await nextChunk(target.stream))
    }
  }
  target.stream.destroy()
  return answers
}

async function versionsOf(question: VersionQuestion): Promise<ObjectVersions> {
  const [versions] = await ask(postgres.readObjectVersions(question))
  return versions ?? expect.unreachable()
}

function questionOf(text: string): VersionQuestion {
  const facts = readPostgresText(text)
  if (!facts.understood) throw new Error(facts.reason)
  return versionQuestion(facts.statements)
}

/** What changes in the versions of a statement when this is done to the database. */
async function check(statement: string, change: string, expected: readonly string[]): Promise<void> {
  const question = questionOf(statement)
  const before = await versionsOf(question)
  await sql(change)
  const after = await versionsOf(question)
  expect(changedObjects(before, after)).toEqual(expected)
  expect(before.digest === after.digest).toBe(expected.length === 0)
}

describe('a version changes when a definition does that the statement is built on', () => {
  test.each([
    [
      'a view',
      'SELECT * FROM v_safe',
      'CREATE OR REPLACE VIEW v_safe AS SELECT id, ssn AS city FROM customers',
      ['view "public.v_safe"'],
    ],
    [
      'a view behind a view',
      'SELECT * FROM public.v_nested',
      'CREATE OR REPLACE VIEW v_safe AS SELECT id, name AS city FROM customers',
      ['view "public.v_nested"'],
    ],
    [
      'a materialized view',
      'SELECT * FROM m_safe',
      'DROP MATERIALIZED VIEW m_safe; CREATE MATERIALIZED VIEW m_safe AS SELECT id FROM customers',
      ['materialized view "public.m_safe"'],
    ],
    [
      'a function',
      'SELECT plain()',
      "CREATE OR REPLACE FUNCTION plain() RETURNS bigint LANGUAGE sql AS 'SELECT max(id) FROM v_safe'",
      ['function "public.plain"'],
    ],
    [
      'a view that a text of a function names',
      'SELECT plain()',
      'CREATE OR REPLACE VIEW v_safe AS SELECT id, city FROM customers',
      ['function "public.plain"'],
    ],
    [
      'a function that a function calls',
      'SELECT outer_call()',
      "CREATE OR REPLACE FUNCTION plain() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
      ['function "public.outer_call"'],
    ],
    [
      'another overload',
      'SELECT plain()',
      "CREATE FUNCTION plain(text DEFAULT 'x') RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint'",
      ['function "public.plain"'],
    ],
    [
      'anything behind code that makes its statements',
      'SELECT dynamic()',
      'ALTER TABLE unrelated ADD COLUMN more int',
      ['the definitions of the database'],
    ],
    [
      'a call that is written as a field',
      'SELECT u.stolen FROM unrelated u',
      "CREATE FUNCTION stolen(unrelated) RETURNS text LANGUAGE sql AS 'SELECT ''x'''",
      ['function "public.stolen"'],
    ],
    [
      'a trigger',
      'INSERT INTO watched VALUES (1)',
      'DROP TRIGGER noting ON watched',
      ['table "public.watched"'],
    ],
    [
      'the function of a trigger',
      'INSERT INTO watched VALUES (1)',
      "CREATE OR REPLACE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
      ['table "public.watched"'],
    ],
    [
      'a trigger where a cascade leads',
      'DELETE FROM watched WHERE id = 1',
      'DROP TRIGGER inner_noting ON child',
      ['table "public.watched"'],
    ],
    [
      'a rule',
      'UPDATE watched SET id = 1 WHERE id = 2',
      'DROP RULE ignore ON watched',
      ['table "public.watched"'],
    ],
    [
      'a row policy',
      'SELECT * FROM watched',
      'CREATE POLICY all_rows ON watched USING (true)',
      ['table "public.watched"'],
    ],
    [
      'row security',
      'SELECT * FROM watched',
      'ALTER TABLE watched ENABLE ROW LEVEL SECURITY',
      ['table "public.watched"'],
    ],
    [
      'a default',
      'INSERT INTO watched (id) VALUES (1)',
      "ALTER TABLE watched ALTER note SET DEFAULT 'y'",
      ['table "public.watched"'],
    ],
    [
      'a constraint',
      'INSERT INTO watched (id) VALUES (1)',
      'ALTER TABLE watched ADD CHECK (id > 0)',
      ['table "public.watched"'],
    ],
    [
      'a column',
      'SELECT * FROM watched',
      'ALTER TABLE watched RENAME note TO notice',
      ['table "public.watched"'],
    ],
    [
      'a partition',
      'SELECT * FROM parted',
      'CREATE TABLE part2 PARTITION OF parted FOR VALUES FROM (10) TO (20)',
      ['table "public.parted"'],
    ],
    [
      'the parent of a partition',
      'SELECT * FROM part1',
      'ALTER TABLE parted DETACH PARTITION part1',
      ['table "public.part1"'],
    ],
    [
      'a domain',
      "SELECT 'x'::short",
      'ALTER DOMAIN short ADD CHECK (VALUE <> $$y$$)',
      ['type "public.short"'],
    ],
    [
      'a table behind the same name',
      'SELECT * FROM unrelated',
      'DROP TABLE unrelated CASCADE; CREATE TABLE unrelated (id int, more int)',
      ['table "public.unrelated"'],
    ],
    [
      'what the search path can find instead',
      'SELECT * FROM orders',
      'CREATE VIEW other.orders AS SELECT 1 AS id',
      ['view "other.orders"'],
    ],
    [
      'a type in the place of a built-in one',
      "SELECT 'x'::text",
      'CREATE DOMAIN other.text AS varchar',
      ['type "other.text"'],
    ],
    [
      'an operator',
      'SELECT 1',
      'CREATE OPERATOR === (LEFTARG = int, RIGHTARG = text, FUNCTION = eq)',
      ['the operators of the database'],
    ],
    [
      'the function of an operator',
      'SELECT 1',
      "CREATE OR REPLACE FUNCTION eq(int, text) RETURNS boolean LANGUAGE sql AS 'SELECT false'",
      ['the operators of the database'],
    ],
    [
      'code of which nothing is known',
      'DO $$ BEGIN NULL; END $$',
      'ALTER TABLE unrelated ADD COLUMN again int',
      ['the definitions of the database'],
    ],
    [
      'a built-in function',
      'SELECT lower($$X$$)',
      'CREATE OR REPLACE FUNCTION pg_catalog.lower(text) RETURNS text LANGUAGE internal IMMUTABLE STRICT AS $$upper$$',
      ['function "pg_catalog.lower"'],
    ],
  ])('%s', (_name, statement, change, expected) => check(statement, change, expected))
})

describe('a version stays when no definition changes', () => {
  const EVERYTHING =
    'SELECT v.id, dynamic() FROM v_nested v, customers c, watched w, parted p, m_safe m, "we""ird\\ {,} name"'
  test.each([
    [
      'rows',
      "INSERT INTO watched VALUES (7); UPDATE customers SET city = 'x'; DELETE FROM watched; INSERT INTO parted VALUES (11, 1)",
    ],
    ['statistics', 'ANALYZE'],
    ['dead rows', 'VACUUM customers, watched'],
    [
      'storage',
      'VACUUM FULL watched; TRUNCATE unrelated; REINDEX TABLE watched; REFRESH MATERIALIZED VIEW m_safe',
    ],
    ['temporary tables of others', 'CREATE TEMP TABLE scratchpad (id int)'],
  ])('%s', (_name, change) => check(EVERYTHING, change, []))

  test('and a qualified name is one thing', () =>
    check('SELECT * FROM public.orders', 'CREATE TABLE other.orders2 (id int); DROP VIEW other.orders', []))
})

test('names are values, whatever is in them', async () => {
  const [{ objects } = expect.unreachable()] = await ask(
    postgres.readObjectVersions({
      relations: [
        { schema: 'public', name: 'we"ird\\ {,} name' },
        { schema: undefined, name: "'; DROP TABLE customers; --" },
      ],
      functions: [],
      types: ['"', '\\', 'NULL', '{}', ''],
      everything: false,
    }),
  )
  expect(objects.map(({ kind, name }) => `${kind} ${name}`)).toContain('table public.we"ird\\ {,} name')
})

test('a connection takes one question after the other', async () => {
  const question: VersionQuestion = {
    relations: [{ schema: undefined, name: 'customers' }],
    functions: [],
    types: [],
    everything: true,
  }
  const [one, two] = await ask(postgres.readObjectVersions(question), postgres.readObjectVersions(question))
  expect(one).toEqual(two)
  const fingerprints = await ask(postgres.readFingerprint(), postgres.readFingerprint())
  expect(fingerprints[0]).toBe(fingerprints[1])
  expect(fingerprints[0]).toMatch(/^\d+:-?\d+ /)
})

test('more names than anybody writes are refused before anything is sent', () => {
  const relations: RelationName[] = Array.from({ length: 10_001 }, (_, at) => ({
    schema: undefined,
    name: `t${at}`,
  }))
  const [action] = postgres
    .readObjectVersions({ relations, functions: [], types: [], everything: false })
    .begin()
  expect(action).toEqual({ kind: 'failed', message: expect.stringContaining('more than 10000') })
})

describe('a hostile target', () => {
  const EMPTY: VersionQuestion = { relations: [], functions: [], types: [], everything: false }
  const row = (...cells: string[]) => {
    const parts = cells.flatMap(cell => [Buffer.from([0, 0, 0, cell.length]), Buffer.from(cell)])
    return codec.writeMessage('D', Buffer.concat([Buffer.from([0, cells.length]), ...parts]))
  }
  const Z = codec.readyForQuery('I')
  const check = (bytes: Buffer, message: string): void => {
    const reader = postgres.readObjectVersions(EMPTY)
    reader.begin()
    expect(reader.fromTarget(bytes)).toEqual([{ kind: 'failed', message: expect.stringContaining(message) }])
    expect(reader.fromTarget(Z)).toEqual([])
  }
  const digest = 'a'.repeat(64)

  test('is told to fail by what it says', () => {
    const error = codec.errorResponse(new Map([['M', 'no\nrights']]))
    check(Buffer.concat([error, Z, error, Z, Z]), 'no rights')
    check(codec.writeMessage('G'), 'out of turn')
    check(Buffer.concat([Z, row('view', 'v', digest, '200001'), Z, Z]), 'not one')
    check(Buffer.concat([Z, row('view', 'v', 'short', '1'), Z, Z]), 'not one')
    check(Buffer.concat([Z, row('wizard', 'v', digest, '1'), Z, Z]), 'not one')
    check(
      Buffer.concat([Z, ...Array.from({ length: 20_001 }, () => row('view', 'v', digest, '1'))]),
      'too large',
    )
    check(codec.writeMessage('D', Buffer.from('0001000000ff', 'hex')), 'cut short')
    check(Buffer.from('44ffffffff', 'hex'), 'out of range')
  })

  test('gives an answer or a failure by noise, and never a throw', () => {
    const frame = fc
      .tuple(fc.constantFrom(...'DCTEZ12'), fc.uint8Array({ maxLength: 30 }))
      .map(([tag, body]) => codec.writeMessage(tag, Buffer.from(body)))
    fc.assert(
      fc.property(fc.array(frame), frames => {
        const actions = postgres.readFingerprint().fromTarget(Buffer.concat(frames))
        expect(actions.length).toBeLessThanOrEqual(1)
      }),
    )
  })
})
