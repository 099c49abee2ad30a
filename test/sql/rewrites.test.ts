import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { compact } from './compact-facts.js'

const STATEMENTS = [
  'select name , ssn from customers where id = 1 order by city',
  'delete from orders',
  'delete from orders where id = 1',
  'update customers set city = ssn where id > 5',
  'insert into archive select * from customers',
  'with d as ( delete from orders returning * ) select count ( * ) from d',
  'drop table customers cascade',
  'copy customers to stdout',
  'explain analyze delete from orders',
  'set role to writer',
  'truncate orders',
]
const WORDS = new Set(['name', 'ssn', 'customers', 'id', 'city', 'orders', 'archive', 'd', 'writer'])

beforeAll(loadPostgresGrammar)

const factsOf = (text: string): string => compact(readPostgresText(text))
const statement = fc.constantFrom(...STATEMENTS)
const gap = fc.constantFrom(' ', '\n', '\t', '\r\n', '\f', '/**/', '/* x /* y */ ; */', ' -- drop\n', '--\n')

test('comments and white space change nothing', () => {
  fc.assert(
    fc.property(statement, fc.array(gap, { minLength: 1, maxLength: 5 }), (text, gaps) => {
      const rewritten = text
        .split(' ')
        .map((word, at) => word + (gaps[at % gaps.length] ?? ' '))
        .join('')
      expect(factsOf(rewritten)).toBe(factsOf(text))
    }),
  )
})

test('the case of letters outside of quotes changes nothing', () => {
  fc.assert(
    fc.property(statement, fc.infiniteStream(fc.boolean()), (text, coins) => {
      const flipped = [...text].map(letter => (coins.next().value === true ? letter.toUpperCase() : letter))
      expect(factsOf(flipped.join(''))).toBe(factsOf(text))
    }),
  )
})

test('quoted and Unicode-escaped names mean the same names', () => {
  fc.assert(
    fc.property(statement, fc.boolean(), (text, escaped) => {
      const quote = (word: string): string =>
        escaped ? `U&"\\${word.charCodeAt(0).toString(16).padStart(4, '0')}${word.slice(1)}"` : `"${word}"`
      const rewritten = text
        .split(' ')
        .map(word => (WORDS.has(word) ? quote(word) : word))
        .join(' ')
      expect(factsOf(rewritten)).toBe(factsOf(text))
    }),
  )
})

test('a common table expression around a statement hides none of its commands and relations', () => {
  const wrapped = ['delete from orders', 'update orders set a = 1', 'insert into archive select 1'].map(
    text => [factsOf(`WITH x AS (${text}) SELECT 1`), factsOf(text)],
  )
  for (const [outer, inner] of wrapped) {
    const [command] = (inner ?? '').split(' |')
    expect(outer).toContain(`SELECT + ${command}`)
  }
})

test('the place of a statement in a text changes nothing', () => {
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 6 }), texts => {
      expect(factsOf(texts.join(' ;; '))).toBe(texts.map(factsOf).join(' ; '))
    }),
  )
})
