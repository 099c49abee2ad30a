import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { bind, execute, parse, query, readErrorFields, sync } from '../../../src/protocols/postgres/codec.js'
import { readPostgresText } from '../../../src/sql/postgres/read-text.js'
import { sqlOn } from '../../setup/postgres.js'
import { type JoinedServer, startJoined } from './joined-server.js'
import { RawClient } from './raw-client.js'

let joined: JoinedServer
let through: RawClient
let direct: RawClient

beforeAll(async () => {
  joined = await startJoined({ postgres: inject('postgres') })
  through = await RawClient.join(joined.port)
  direct = await RawClient.direct(inject('postgres'))
})
afterAll(async () => {
  through.close()
  direct.close()
  await joined.stop()
})

/** Where in the server's source a mistake was found is the server's own to say. */
const SOURCE_FIELDS = ['F', 'L', 'R']

interface Asked {
  readonly messages: readonly Buffer[]
  readonly ignores: readonly string[]
}

/** Everything that a client gets for some messages, the fields of the error included. */
async function answer(client: RawClient, { messages, ignores }: Asked) {
  client.lastError = ''
  const lines = await client.ask(messages)
  const fields = [...readErrorFields(Buffer.from(client.lastError))]
  return { lines, fields: fields.filter(([letter]) => !ignores.includes(letter)) }
}

const FORMS: Readonly<Record<string, (text: string) => readonly Buffer[]>> = {
  simple: text => [query(text)],
  extended: text => [parse({ text }), bind({}), execute(), sync()],
  named: text => [parse({ name: 'one', text }), bind({ statement: 'one' }), execute(), sync()],
}
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  outside: [],
  inside: ['BEGIN'],
  aborted: ['BEGIN', 'SELECT 1 / 0'],
}

/** The answer is the server's own in each form and each state of a transaction, and nothing of the text has run. */
async function check(text: string, code: string, ignores = SOURCE_FIELDS): Promise<void> {
  for (const [form, messages] of Object.entries(FORMS)) {
    for (const [state, beginning] of Object.entries(BEGINNINGS)) {
      const answers = []
      for (const client of [direct, through]) {
        for (const one of beginning) await client.ask([query(one)])
        answers.push(await answer(client, { messages: messages(text), ignores }))
        await client.ask([query('ROLLBACK')])
      }
      expect(answers[1], `${form} ${state}: ${text}`).toEqual(answers[0])
      expect(new Map(answers[1]?.fields).get('C'), text).toBe(code)
    }
  }
}

const MISTYPED = [
  'SELEC 1',
  'selec\t1;',
  'SELECT 1 FROM',
  'SELECT a, FROM t',
  'SELECT * FORM customers',
  'SELECT * FROM customers WHERE',
  'SELECT * FROM customers WERE id = 1',
  'SELECT (1',
  'SELECT 1)',
  'SELECT f(1, )',
  'SELECT a[1',
  'SELECT 1 LIMIT 1 LIMIT',
  'INSERT INTO t VALUE (1)',
  'INSERT INTO t (a, b VALUES (1, 2)',
  'UPDATE t SET',
  'UPDATE t SET a == 1 b',
  'DELETE t WHERE a = 1',
  'CREATE TABLE t (a int, CHECK)',
  'CREATE TABLE t (user int)',
  'CREATE TABLE t (a int,)',
  'CREATE FUNCTION f() RETURNS int LANGUAGE sql AS BEGIN',
  'ALTER TABLE t ADD COLUM a int x',
  'GRANT SELECT ON TO me',
  'PREPARE p AS SELEC 1',
  'PREPARE p AS DO $$ BEGIN END $$',
  'DO BEGIN END',
  'EXPLAIN SELEC 1',
  'DECLARE c CURSOR FOR DELETE FROM t',
  'COPY t FROM STDIN WIHT (FORMAT csv)',
  'WITH a AS (SELECT 1) SELEC * FROM a',
  'SELECT 1; SELEC 2',
  'CREATE TABLE made (a int); SELEC 2; DROP TABLE made',
  ';;; x',
  '$1',
  '\\d',
  'SELECT 1 \\g',
  '{"a": 1}',
  'it is what it is',
]
const MULTIBYTE = [
  "SELECT 'é' FRM x y z",
  "SELECT '\u{1f600}', '漢字' from from",
  'SELECT é é é',
  '\u00a0SELECT 1',
  'SELECT “x” “y” “z”',
  "SELEC 'é'",
  "/* ümläut */ -- ß\nSELECT 'ä' ORDER order",
  '\ufeffSELECT 1',
]
const LINES = [
  'SELECT 1\r\nFROM\r\nx y z',
  'SELECT 1 -- one\n, 2 -- two\nFORM t u',
  '-- nothing but this\nSELEC 1',
  '/* a /* nested */ one */ SELEC 1',
  '\n\n\n  SELEC 1\n\n',
  'SELECT 1;\n-- second\nSELEC 2;\nSELECT 3',
]
const SCANNER = [
  "SELECT 'abc",
  "SELECT E'abc\\",
  "SELECT 'é', 'abc\nFROM t",
  'SELECT "abc',
  'SELECT ""',
  'SELECT $$abc',
  'SELECT $tag$abc$$',
  '/* abc',
  'SELECT /* a /* b */',
  "SELECT B'1",
  "SELECT X'1",
  "SELECT U&'a",
  "SELECT U&'a' UESCAPE '+'",
  "SELECT U&'a' UESCAPE 1",
  "SELECT U&'\\d800'",
  "SELECT 'é', U&'\\0000'",
  "SELECT U&'\\+110000'",
  "SELECT U&'\\00'",
  'SELECT U&"\\00"',
  "SELECT E'\\u0000'",
  "SELECT E'\\U00110000'",
  "SELECT E'\\ud800'",
  'SELECT 1a',
  'SELECT 1.5e',
  'SELECT 123abc',
  'SELECT $1a',
  "UPDATE t SET (a, b) = (1, 'x)",
  "UPDATE t SET (a, b) = (SELECT 'é', 1a)",
  "SET a = 1; CREATE TABLE t (a int) -- one\n; SELECT 'x",
  'SET a = 1; SELECT (1) -- one\n; SELECT "',
  'SET a = 1; SELECT (1) /* one',
]

describe('the words, the state and the position are those of the server', () => {
  test.each([...MISTYPED, ...MULTIBYTE, ...LINES, ...SCANNER])('%j', async text => {
    await check(text, '42601')
  })
  test.each([
    ["SELECT E'\\u12'", '22025'],
    ["SELECT 'é', E'\\xff'", '22021'],
    ["SELECT E'\\000'", '22021'],
    ['SELECT 1 LIMIT 1, 2', '42601'],
    ['SELECT a.b.c.d.e FROM a.b.c.d.e', '42601'],
    ['(SELECT 1 ORDER BY 1 LIMIT 1) ORDER BY 2 LIMIT 2', '42601'],
    ['WITH a AS (SELECT 1) (WITH b AS (SELECT 1) SELECT 1)', '42601'],
    ['SELECT 1::float(0)', '22023'],
    ['SELECT 1::float(99)', '22023'],
    ['SELECT sum(a) OVER (ROWS UNBOUNDED FOLLOWING) FROM t', '42P20'],
    ['SELECT sum(a) OVER (ROWS BETWEEN CURRENT ROW AND 1 PRECEDING) FROM t', '42P20'],
    ['SELECT UNIQUE (SELECT 1)', '0A000'],
    ["CREATE ROLE a UNENCRYPTED PASSWORD 'a'", '0A000'],
    ['CREATE SCHEMA IF NOT EXISTS s CREATE TABLE t (a int)', '0A000'],
    ['CREATE TABLE t (a int REFERENCES u MATCH PARTIAL)', '0A000'],
    ['CREATE ROLE public', '42939'],
    ['CREATE ROLE current_user', '42939'],
    ['CREATE POLICY p ON t AS ODD', '42601'],
    ['DROP OPERATOR + (int)', '42601'],
    ['CREATE PUBLICATION p FOR a', '42601'],
    ['ALTER INDEX i ALTER COLUMN 0 SET STATISTICS 1', '22023'],
    ['CREATE TABLE x PARTITION OF t FOR VALUES WITH (modulus 1, modulus 1)', '42710'],
  ])('%j', (text, code) => check(text, code))

  test.each([
    ['(SELECT 1 LIMIT 1) LIMIT 2 LIMIT 3', '42601'],
    ['SELECT 1 FETCH FIRST 1 ROW WITH TIES', '42601'],
    ['CREATE ASSERTION a CHECK (true)', '0A000'],
    ['CREATE TABLE t (a int, CHECK (a > 0) DEFERRABLE)', '0A000'],
  ])('but for the position, which PostgreSQL 18 gives where older servers do not: %j', (text, code) =>
    check(text, code, [...SOURCE_FIELDS, 'P']),
  )

  test('of parentheses that the parser has no room for', () =>
    check(`SELECT ${'('.repeat(11_000)}1${')'.repeat(11_000)}`, '42601'))

  test('of a long text', () => check(`${'SELECT 1; '.repeat(2_000)} SELEC 'é'`, '42601'))
})

test('what does not parse is recorded as refused, with the reason, and never sent', async () => {
  const client = await RawClient.join(joined.port)
  const before = joined.events.length
  const text = "CREATE TABLE never_made (a int); SELEC 'é'"
  expect(await client.ask([query(text)])).toEqual(['E 42601 syntax error at or near "SELEC"', 'Z I'])
  const [operation, result] = joined.events.slice(before)
  const message = 'syntax error at or near "SELEC"'
  expect(operation).toMatchObject({
    kind: 'operation',
    statement: text,
    decision: { kind: 'deny', rule: 'not-understood', message },
  })
  expect(result).toMatchObject({ kind: 'result', outcome: 'refused', error: { code: '42601', message } })
  expect(await client.ask([query("SELECT to_regclass('never_made')")])).toContain('D NULL')
  client.close()
})

const CORPUS = new URL('../../corpus/postgres.json', import.meta.url)
const STATEMENTS = (
  JSON.parse(readFileSync(CORPUS, 'utf8')) as readonly { readonly steps: readonly string[] }[]
)
  .flatMap(({ steps }) => steps)
  .filter(step => typeof step === 'string')
const SLIPS = [
  "'",
  '"',
  '(',
  ')',
  ',',
  ';',
  '1a',
  '/*',
  '--',
  '$$',
  'é',
  'FROM',
  '[',
  '::',
  '.',
  '\\',
  "U&'\\1'",
  '',
]

/** Before PostgreSQL 16 the grammar looked for aliases while it read, and the scanner for what is behind a parameter. */
const OLDER_WORDS = /in FROM must have an alias$|trailing junk after parameter/

test('a slip anywhere in a statement is told as the server tells it', async () => {
  const slip = fc.record({
    statement: fc.constantFrom(...STATEMENTS),
    at: fc.nat(),
    removed: fc.nat({ max: 3 }),
    added: fc.constantFrom(...SLIPS),
  })
  await fc.assert(
    fc.asyncProperty(slip, async ({ statement, at, removed, added }) => {
      const words = statement.match(/\w+|\s+|[^\s\w]/gu) ?? []
      words.splice(at % (words.length + 1), removed, added)
      const text = words.join('')
      const facts = readPostgresText(text)
      if (facts.understood) return
      // Only parsed, so that nothing runs where an older server reads more than the grammar of ours.
      const asked = { messages: [parse({ text }), sync()], ignores: SOURCE_FIELDS }
      const told = await answer(direct, asked)
      if (OLDER_WORDS.test(told.lines[0] ?? '')) return
      expect(await answer(through, asked)).toEqual(told)
    }),
    { numRuns: 500 },
  )
})

test('the position counts letters also where the server stores them in one byte', async () => {
  const database = 'syntax_latin1'
  const how = "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
  await sqlOn(inject('postgres'), 'postgres', `CREATE DATABASE ${database} ${how}`)
  await sqlOn(inject('postgres'), 'postgres', `ALTER DATABASE ${database} SET client_encoding = 'UTF8'`)
  const one = await RawClient.direct(inject('postgres'), database)
  const other = await RawClient.join(joined.port, database)
  for (const text of ["SELECT 'é' FRM x y z", "SELECT 'ß', 'é", 'SELECT é é é']) {
    const asked = { messages: [query(text)], ignores: SOURCE_FIELDS }
    expect(await answer(other, asked)).toEqual(await answer(one, asked))
  }
  one.close()
  other.close()
})
