import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { assignsWithinLimit, mayAssignSeveral } from '../../src/sql/postgres/assignment-guard.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresTextGuarded, STATEMENTS_MAX } from '../../src/sql/postgres/read-text.js'
import { isSmallText, SMALL_TEXT_LENGTH_MAX } from '../../src/sql/postgres/small-text.js'
import { WALK_DEPTH_MAX } from '../../src/sql/postgres/walk.js'

const GOOD = 'SELECT ssn FROM customers'
const CORPUS = new URL('../corpus/postgres.json', import.meta.url)
const words = readFileSync(CORPUS, 'utf8').match(/[A-Za-z_]+|[^\sA-Za-z_]/g) ?? []

beforeAll(loadPostgresGrammar)

/** The shapes by which a short text makes a deep tree. */
const DEEP: Readonly<Record<string, (levels: number) => string>> = {
  operators: levels => `SELECT a${'+a'.repeat(levels)}`,
  signs: levels => `SELECT ${'- '.repeat(levels)}1`,
  'NOT NOT': levels => `SELECT ${'NOT '.repeat(levels)}a`,
  parentheses: levels => `SELECT ${'('.repeat(levels)}1${')'.repeat(levels)}`,
  subscripts: levels => `SELECT ${'a['.repeat(levels)}1${']'.repeat(levels)}`,
  calls: levels => `SELECT ${'f('.repeat(levels)}${')'.repeat(levels)}`,
  arrays: levels => `SELECT ARRAY${'['.repeat(levels)}${']'.repeat(levels)}`,
  casts: levels => `SELECT a${'::a'.repeat(levels)}`,
  subqueries: levels => `SELECT ${'(SELECT '.repeat(levels)}1${')'.repeat(levels)}`,
  'subqueries in FROM': levels => `SELECT FROM ${'(SELECT FROM '.repeat(levels)}a${')a'.repeat(levels)}`,
  VALUES: levels => `VALUES${'((VALUES'.repeat(levels)}(1)${'))'.repeat(levels)}`,
  rows: levels => `SELECT ${'(1,'.repeat(levels)}1${')'.repeat(levels)}`,
  CASE: levels => `SELECT ${'CASE WHEN '.repeat(levels)}1${' THEN 1 END'.repeat(levels)}`,
  joins: levels => `SELECT FROM a${' JOIN a ON a'.repeat(levels)}`,
  UNION: levels => `TABLE a${' UNION TABLE a'.repeat(levels)}`,
  WITH: levels => `${'WITH a AS ('.repeat(levels)}SELECT${')SELECT'.repeat(levels)}`,
  conditions: levels => `DELETE FROM a WHERE ${'a AND(a OR '.repeat(levels)}a${')'.repeat(levels)}`,
  collations: levels => `SELECT a${' COLLATE a'.repeat(levels)}`,
}

describe('a small text never comes near the end of the stack', () => {
  test.each(Object.entries(DEEP))('%s', (_name, make) => {
    // Four times the limit still parses on this thread's default stack: that is the margin.
    const length = 4 * SMALL_TEXT_LENGTH_MAX
    const levels = Math.floor((length - make(0).length) / (make(2).length - make(1).length))
    expect(readPostgresTextGuarded(make(levels)).damaged).toBe(false)
    const small = Math.floor(levels / 4) - 4
    expect(isSmallText(make(small))).toBe(true)
    expect(readPostgresTextGuarded(make(small)).damaged).toBe(false)
    expect(readPostgresTextGuarded(GOOD).facts.understood).toBe(true)
  })
})

test('a tree that is deeper than the walk reads is not understood', () => {
  const { facts, damaged } = readPostgresTextGuarded(
    `SELECT ${'f('.repeat(WALK_DEPTH_MAX)}${')'.repeat(WALK_DEPTH_MAX)}`,
  )
  expect(facts).toEqual({ understood: false, reason: 'the statement is too deeply nested' })
  expect(damaged).toBe(false)
})

test('long chains are no depth', () => {
  const read = (text: string) => readPostgresTextGuarded(text).facts.understood
  expect(read(`SELECT 'a'${" || 'a'".repeat(2_000)}`)).toBe(true)
  expect(read(`SELECT 1${' UNION ALL SELECT 1'.repeat(2_000)}`)).toBe(true)
  expect(read(`SELECT FROM t WHERE a = 1${' OR a = 2'.repeat(5_000)}`)).toBe(true)
})

test('more statements than the limit are not understood', () => {
  expect(readPostgresTextGuarded('SELECT;'.repeat(STATEMENTS_MAX)).facts.understood).toBe(true)
  expect(readPostgresTextGuarded('SELECT;'.repeat(STATEMENTS_MAX + 1)).facts.understood).toBe(false)
})

test('what the server would read otherwise than the parser is not understood', () => {
  for (const text of ['SELECT 1\0; DROP TABLE t', '\0', 'SELECT \ud800', "SELECT '\udfff'"]) {
    expect(readPostgresTextGuarded(text).facts.understood).toBe(false)
  }
  expect(readPostgresTextGuarded("SELECT '\u{1f600}é'").facts.understood).toBe(true)
})

test('only a mistake in the text is a syntax error', () => {
  const syntaxErrorOf = (text: string) => {
    const { facts } = readPostgresTextGuarded(text)
    return facts.understood ? 'none' : facts.syntaxError
  }
  expect(syntaxErrorOf('SELEC é')).toEqual({
    code: '42601',
    message: 'syntax error at or near "SELEC"',
    position: 1,
  })
  for (const text of ['SELECT 1\0', '\0', 'SELEC \ud800', 'SELECT;'.repeat(STATEMENTS_MAX + 1)])
    expect(syntaxErrorOf(text)).toBeUndefined()
})

test('noise of any kind is answered, not thrown', () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ maxLength: 200 }), fc.string({ unit: 'binary', maxLength: 100 })),
      text => {
        expect(typeof readPostgresTextGuarded(text).facts.understood).toBe('boolean')
      },
    ),
    { numRuns: 500 },
  )
})

test('statements that are taken apart and put together again are answered, and leave the parser whole', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 40 }), parts => {
      expect(readPostgresTextGuarded(parts.join(' ')).damaged).toBe(false)
    }),
    { numRuns: 2_000 },
  )
  expect(readPostgresTextGuarded(GOOD).facts.understood).toBe(true)
})

describe('assignments of several columns cannot grow without a limit', () => {
  const wide = (columns: number) =>
    `UPDATE t SET (${Array(columns).fill('a').join()})=(SELECT ${Array(columns).fill('b').join()})`
  const nested = (levels: number) => {
    let source = '1'
    for (let level = 0; level < levels; level += 1) source = `(WITH x AS(UPDATE t SET(a,b)=${source})TABLE x)`
    return `UPDATE t SET(a,b)=${source}`
  }
  const cases: readonly (readonly [name: string, text: string, within: boolean])[] = [
    ['ten columns', wide(10), true],
    ['sixty columns', wide(60), true],
    ['five hundred columns', wide(500), false],
    ['twenty levels of two columns', nested(20), false],
    ['a comment between the list and the sign', wide(500).replace(')=', ')/* ) */=--\n'), false],
    ['upper and lower case', wide(500).replace('SET', 'sEt'), false],
    ['quotes that look like the end', wide(500).replace('a,a', '"a)=(",a'), false],
    ['many assignments side by side', `UPDATE t SET ${Array(300).fill('(a,b)=(1,2)').join()}`, true],
    ['row comparisons', `UPDATE t SET a=1 WHERE ${Array(300).fill('(a,b)=(1,2)').join(' AND ')}`, true],
    [
      'many rows',
      `INSERT INTO t VALUES ${Array(9_000).fill('(1,2)').join()} ON CONFLICT (a) DO UPDATE SET a=f(1)`,
      true,
    ],
  ]
  test.each(cases)('%s', (_name, text, within) => {
    expect(assignsWithinLimit(text)).toBe(within)
    if (!within) expect(mayAssignSeveral(text)).toBe(true)
    expect(readPostgresTextGuarded(text).facts.understood).toBe(within)
  })

  test.each([" ; SELECT 'x", ' ; SELECT 1a', ' /* x', ' ; SELECT $$x', '"'])(
    'also where %s keeps them from being counted, and the words are still those of the server',
    end => {
      const { facts, damaged } = readPostgresTextGuarded(nested(18) + end)
      expect(damaged).toBe(false)
      if (facts.understood) throw new Error('it was understood')
      expect(facts.syntaxError).toMatchObject({ code: '42601', message: facts.reason })
      expect(facts.reason).toMatch(/^(?:unterminated|trailing junk).* at or near/)
      expect(facts.reason).not.toContain('\n')
    },
  )

  test('they are never read on the main thread', () => {
    expect(isSmallText(wide(2))).toBe(false)
    expect(isSmallText("UPDATE t SET a = lower('x') WHERE id = 1")).toBe(true)
  })
})
