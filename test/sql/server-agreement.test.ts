import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readQuery } from '../../src/protocols/postgres/client-fields.js'
import { query, writeMessage } from '../../src/protocols/postgres/codec.js'
import { uncertainName } from '../../src/protocols/postgres/uncertain-name.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { RawClient } from '../protocols/postgres/raw-client.js'
import { sqlOn } from '../setup/postgres.js'
import { gap, identifier, stringConstant } from './tricky-text.js'

/** Encodings that a server can have; what a client may have is pinned to UTF8. */
const ENCODINGS = [
  'UTF8',
  'SQL_ASCII',
  'LATIN1',
  'LATIN9',
  'WIN1251',
  'KOI8R',
  'EUC_JP',
  'EUC_JIS_2004',
  'EUC_KR',
  'EUC_CN',
  'EUC_TW',
]
/** Encodings that only clients can have, where a backslash may be half of a letter; and a letter that makes it so. */
const BACKSLASH_EATERS = { SJIS: 'Á', SHIFT_JIS_2004: 'Á', BIG5: '表', GBK: '表', GB18030: '表' } as const
const RUNS = Number(process.env.HOOP_TEST_AGREEMENT_RUNS ?? 150)

const clients = new Map<string, RawClient>()

beforeAll(async () => {
  await loadPostgresGrammar()
  for (const encoding of ENCODINGS) {
    const database = `agreement_${encoding.toLowerCase()}`
    const made = `CREATE DATABASE ${database} TEMPLATE template0 LOCALE 'C' ENCODING '${encoding}'`
    await sqlOn(inject('postgres'), 'postgres', made)
    const client = await RawClient.direct(inject('postgres'), database)
    await client.ask([query('SET client_encoding = UTF8; SET standard_conforming_strings = on')])
    clients.set(encoding, client)
  }
})
afterAll(() => {
  for (const client of clients.values()) client.close()
})

function clientOf(encoding: string): RawClient {
  const client = clients.get(encoding)
  if (client === undefined) throw new Error(encoding)
  return client
}

/** What the server says to a text that leaves nothing behind. */
async function ask(client: RawClient, text: string): Promise<readonly string[]> {
  await client.ask([query('BEGIN')])
  const lines = await client.ask([query(text)])
  await client.ask([query('ROLLBACK')])
  return lines.filter(line => !line.startsWith('N '))
}

/** The verbs of a text as the gateway reads it; undefined when it is not understood, and then it never goes on. */
function verbsOf(text: string): readonly string[] | undefined {
  const facts = readPostgresText(text)
  if (!facts.understood) return undefined
  return facts.statements.map(statement => statement.commands[0]?.verb ?? '')
}

/** The verbs that the server says it has run, and whether it failed afterwards. */
function ranBy(lines: readonly string[]): { readonly verbs: readonly string[]; readonly failed: boolean } {
  const completed = lines.filter(line => line.startsWith('C '))
  return {
    verbs: completed.map(line => line.split(' ')[1] ?? ''),
    failed: lines.some(line => line.startsWith('E ')),
  }
}

async function check(client: RawClient, text: string): Promise<void> {
  const verbs = verbsOf(text)
  if (verbs === undefined) return
  const { verbs: ran, failed } = ranBy(await ask(client, text))
  // Nothing runs that was not read, in this order; without an error all of it has run.
  expect(ran, JSON.stringify(text)).toEqual(failed ? verbs.slice(0, ran.length) : verbs)
}

const statement = fc.oneof(
  fc.tuple(gap, stringConstant).map(([space, text]) => `SELECT${space}${text}`),
  fc.tuple(gap, identifier).map(([space, name]) => `SELECT 1${space}AS ${name}`),
  fc.tuple(stringConstant, gap, stringConstant).map(([one, space, two]) => `VALUES (${one}${space},${two})`),
  fc.tuple(identifier, gap).map(([name, space]) => `CREATE TEMP TABLE ${name}${space}(a int)`),
  fc.tuple(gap, stringConstant).map(([space, text]) => `SET LOCAL my.own${space}= ${text}`),
  fc.tuple(identifier, stringConstant).map(([name, text]) => `NOTIFY ${name}, ${text}`),
  fc.constantFrom(
    'SELECT 1',
    '',
    'CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END',
    'CREATE RULE r AS ON INSERT TO pg_temp.nothing DO ALSO (SELECT 1; SELECT 2)',
    'SELECT 1--1',
    'SELECT 1 /*',
    'SELECT 1_000',
    'SELECT 0x1F',
    'SELECT 1 AS begin',
    'SELECT 4 @-- c\n 2',
    'SELECT -/**/1',
    "SELECT 'a' 'b'",
    'SELECT $1',
    'BEGIN ATOMIC SELECT 1; END',
    'DO $$ BEGIN PERFORM 1; END $$',
  ),
)
const separator = fc
  .tuple(gap, fc.constantFrom(';', ';;', '; ;', '\\;', ' '), gap)
  .map(parts => parts.join(''))
const text = fc
  .array(fc.tuple(statement, separator), { minLength: 1, maxLength: 4 })
  .map(parts => parts.flat().join(''))

describe('the server runs the statements that the gateway read, and no others', () => {
  test.each(ENCODINGS)('where the server encodes in %s', async encoding => {
    const client = clientOf(encoding)
    await fc.assert(
      fc.asyncProperty(text, one => check(client, one)),
      { numRuns: RUNS },
    )
  })
})

describe('the server and the gateway find the same in a name and in a constant', () => {
  test.each(ENCODINGS)('where the server encodes in %s', async encoding => {
    const client = clientOf(encoding)
    await fc.assert(
      fc.asyncProperty(identifier, async name => {
        const text = `TABLE ${name}`
        const facts = readPostgresText(text)
        if (!facts.understood) return
        if (uncertainName(facts.statements, { text, serverEncoding: encoding }) !== undefined) return
        const [line = ''] = await ask(client, `TABLE ${name}`)
        const [, said] = /^E 42P01 relation "(.*)" does not exist$/s.exec(line) ?? []
        if (said !== undefined) expect(facts.statements[0]?.commands[0]?.relations[0]?.name).toBe(said)
      }),
      { numRuns: RUNS },
    )
    await fc.assert(
      fc.asyncProperty(stringConstant, async constant => {
        const facts = readPostgresText(`SET LOCAL my.own = ${constant}`)
        if (!facts.understood) return
        const lines = await ask(client, `SET LOCAL my.own = ${constant}; SHOW my.own`)
        const row = lines.find(line => line.startsWith('D '))
        const value = facts.statements[0]?.commands[0]?.settings[0]?.value
        if (row !== undefined) expect(`D ${value}`).toBe(row)
      }),
      { numRuns: RUNS },
    )
  })
})

/** Texts that are large, deep or broken in one way each. What the parser gives up on is refused, and that is agreement too. */
const GIANTS: Readonly<Record<string, string>> = {
  'a name of a megabyte': `SELECT 1 AS ${'n'.repeat(1_000_000)}; SELECT 2`,
  'a quoted name of a megabyte': `SELECT 1 AS "${'é"" ;'.repeat(200_000)}"; SELECT 2`,
  'names that are the same up to their 63rd byte': `CREATE TEMP TABLE ${'t'.repeat(63)}a (i int); TABLE ${'t'.repeat(63)}b`,
  'a constant of a megabyte': `SELECT length('${"'';".repeat(300_000)}'); SELECT 2`,
  'a constant of dollars': `SELECT length($x$${'$ $x ; $y$'.repeat(100_000)}$x$); SELECT 2`,
  'ten thousand statements of nothing': ';'.repeat(10_000),
  'a thousand statements': 'SELECT 1;'.repeat(1_000),
  'comments in comments': `${'/*'.repeat(20_000)}; SELECT 3; ${'*/'.repeat(20_000)}SELECT 1`,
  'comments that end once too often': `${'/*'.repeat(100)}${'*/'.repeat(101)}SELECT 1`,
  'a comment without an end': 'SELECT 1; /* SELECT 2; /* */',
  'parentheses, two hundred deep': `SELECT ${'('.repeat(200)}1${')'.repeat(200)}`,
  'a string without an end': "SELECT 1; SELECT '",
  'a dollar string without an end': 'SELECT 1; SELECT $a$ ; $b$',
  'a name without an end': 'SELECT 1; SELECT "a',
  'a byte order mark': '\ufeffSELECT 1; SELECT 2',
  'blanks that are none': 'SELECT\u00a01;\u3000SELECT 2',
  'the end of input in the middle': 'SELECT 1;\x1aSELECT 2',
}

test.each(Object.entries(GIANTS))('the server and the gateway agree about %s', async (_name, text) => {
  for (const encoding of ['UTF8', 'LATIN1']) await check(clientOf(encoding), text)
})

test.each([
  ['bytes that are not UTF-8', Buffer.from("SELECT '\xc3'; SELECT 2 --'", 'latin1')],
  ['a character of too many bytes', Buffer.from("SELECT '\xc0\xa7'; SELECT 2 --'", 'latin1')],
  ['half of a pair', Buffer.from("SELECT '\xed\xa0\x80'", 'latin1')],
  ['a NUL', Buffer.from('SELECT 1\0; SELECT 2')],
])('the gateway does not read %s', (_name, bytes) => {
  const frame = writeMessage('Q', Buffer.concat([bytes, Buffer.alloc(1)]))
  expect(['broken', undefined]).toContain(readQuery(frame, 0, frame.length))
})

describe('where agreement would end', () => {
  const hidden = "SELECT '\\', '; SELECT 2; --'"

  test('with strings of the other kind the server runs another number of statements', async () => {
    const client = clientOf('UTF8')
    expect(verbsOf(hidden)).toEqual(['SELECT'])
    const [, lines] = [
      await client.ask([query('SET standard_conforming_strings = off')]),
      await ask(client, hidden),
    ]
    await client.ask([query('SET standard_conforming_strings = on')])
    expect(ranBy(lines).verbs).toEqual(['SELECT', 'SELECT'])
  })

  test.each(Object.entries(BACKSLASH_EATERS))(
    'in %s the server runs a statement that the gateway took for a constant',
    async (encoding, letter) => {
      const client = clientOf('UTF8')
      const text = `SELECT E'${letter}\\'; SELECT 2; --'`
      expect(verbsOf(text)).toEqual(['SELECT'])
      await client.ask([query(`SET client_encoding = ${encoding}`)])
      const lines = await ask(client, text)
      await client.ask([query('SET client_encoding = UTF8')])
      expect(ranBy(lines).verbs).toEqual(['SELECT', 'SELECT'])
    },
  )
})
