import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { lookupShape } from '../../src/sql/postgres/lookup-shape.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'

beforeAll(loadPostgresGrammar)

const check = (text: string, shape: string | undefined) => expect(lookupShape(text), text).toBe(shape)

test('texts that differ in the number of a row have one shape', () => {
  check('SELECT abalance FROM accounts WHERE aid = 4711;', 'SELECT abalance FROM accounts WHERE aid = 1;')
  check('delete from orders where id=5', 'delete from orders where id=1')
  check('UPDATE a SET b = c WHERE id >= 999999999', 'UPDATE a SET b = c WHERE id >= 1')
  check('SELECT *\nFROM a\nORDER BY b LIMIT 50', 'SELECT *\nFROM a\nORDER BY b LIMIT 1')
  check('SELECT a FROM b WHERE c = 7 AND d IS NULL', 'SELECT a FROM b WHERE c = 1 AND d IS NULL')
})

test('a text in which a constant could mean more has none', () => {
  for (const text of [
    'SELECT a FROM b WHERE 1 = 1',
    'SELECT a FROM b WHERE c = 1 OR c <> 1',
    'SELECT a FROM b WHERE c = 0',
    'SELECT a FROM b WHERE c = 01',
    'SELECT a FROM b WHERE c = 1234567890',
    'SELECT a FROM b WHERE c = 1.5',
    'SELECT a FROM b WHERE c = .5',
    'SELECT a FROM b WHERE c = 5e',
    'SELECT a FROM b WHERE c = 0x1F',
    'SELECT a FROM b WHERE c = -5',
    'SELECT a FROM b WHERE c = $1',
    'SELECT a FROM b1 WHERE c = d',
    'SELECT a FROM b1 WHERE c = 5',
    'SELECT set_config(a, 5)',
    'SELECT f(5)',
    "SELECT a FROM b WHERE c = 5 AND d = 'x'",
    'SELECT a FROM "b" WHERE c = 5',
    'SELECT a FROM b WHERE c = 5 -- d',
    'SELECT a FROM b WHERE c = 5 /* d */',
    'SELECT a FROM b WHERE c = 5::text',
    'SELECT a FROM b WHERE c = 5; SELECT d',
    'SELECT a FROM b WHERE c = 5;;',
    'SELECT a FROM b WHERE c = 5\0',
    '\0SELECT a FROM b WHERE c = 5',
    'SELECT a FROM b WHERE c = ٥',
    'SELECT a FROM b WHERE c = 5\u00a0',
    'SET work_mem = 5',
    'FETCH 5 FROM c',
    'EXPLAIN SELECT a FROM b WHERE c = 5',
    'SELECT a FROM ſ WHERE c = 5',
    '',
  ]) {
    check(text, undefined)
  }
})

const WORDS = [
  ...[
    'SELECT',
    'UPDATE',
    'DELETE',
    'FROM',
    'WHERE',
    'SET',
    'AND',
    'OR',
    'NOT',
    'IS',
    'NULL',
    'TRUE',
    'LIMIT',
    'OFFSET',
  ],
  ...[
    'ORDER',
    'BY',
    'GROUP',
    'HAVING',
    'UNION',
    'ALL',
    'JOIN',
    'ON',
    'INTO',
    'AS',
    'FOR',
    'FETCH',
    'FIRST',
    'ROWS',
  ],
  ...[
    'ONLY',
    'RETURNING',
    'DISTINCT',
    'BETWEEN',
    'LIKE',
    'IN',
    'USING',
    'VALUES',
    'CASE',
    'WHEN',
    'THEN',
    'ELSE',
    'END',
  ],
  ...[
    'a',
    'b',
    'users',
    'a.b',
    '*',
    ',',
    '=',
    '<>',
    '<',
    '>=',
    '.',
    'set_config',
    'public.users',
    'e',
    'u',
    'interval',
  ],
]
const STARTS = [
  'SELECT a FROM b WHERE a',
  'DELETE FROM b WHERE a',
  'UPDATE b SET a',
  'SELECT',
  'SELECT a FROM b',
]
const number = fc.integer({ min: 1, max: 999_999_999 })
const words = fc.array(fc.constantFrom(...WORDS), { maxLength: 6 }).map(all => all.join(' '))

test('two texts of one shape have the same facts whenever both are understood', () => {
  let understood = 0
  fc.assert(
    fc.property(
      fc.constantFrom(...STARTS),
      words,
      words,
      number,
      number,
      (start, before, after, one, other) => {
        const write = (value: number) => `${start} ${before} ${value} ${after}`
        if (lookupShape(write(one)) === undefined) return
        expect(lookupShape(write(other))).toBe(lookupShape(write(one)))
        const facts = readPostgresText(write(one))
        expect(readPostgresText(write(other)).understood).toBe(facts.understood)
        if (!facts.understood) return
        understood += 1
        expect(readPostgresText(write(other))).toEqual(facts)
      },
    ),
    { numRuns: 3_000 },
  )
  // Words at random are seldom a statement; enough of them must have been.
  expect(understood).toBeGreaterThan(20)
})

test('the shape is found in time that grows with the text and no faster', () => {
  const long = `SELECT ${'a = '.repeat(500)}!`
  const started = performance.now()
  for (let turn = 0; turn < 100; turn += 1) lookupShape(long)
  expect(performance.now() - started).toBeLessThan(2_000)
})
