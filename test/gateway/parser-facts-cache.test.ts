import { beforeAll, describe, expect, test } from 'vitest'
import type { TextFacts } from '../../src/domain/facts.js'
import { FactsCache } from '../../src/gateway/session/facts-cache.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { SMALL_TEXT_LENGTH_MAX } from '../../src/sql/postgres/small-text.js'

const EMPTY: TextFacts = { understood: true, statements: [] }
const LARGE = `SELECT '${'x'.repeat(SMALL_TEXT_LENGTH_MAX)}'`

/** A cage that is told when and what to answer. */
class FakeCage {
  readonly asked: string[] = []
  answer: (text: string) => Promise<TextFacts> = async () => EMPTY
  closed = false

  read(text: string): Promise<TextFacts> {
    this.asked.push(text)
    return this.answer(text)
  }

  async close(): Promise<void> {
    this.closed = true
  }
}

beforeAll(loadPostgresGrammar)

test('a small text is read at once and known afterwards', () => {
  const cage = new FakeCage()
  const cache = new FactsCache({ cage })
  const facts = cache.read('SELECT 1')
  expect(facts).not.toBeInstanceOf(Promise)
  expect(cache.read('SELECT 1')).toBe(facts)
  expect(cage.asked).toEqual([])
})

test('texts that differ in one space are different texts', () => {
  const cache = new FactsCache({ cage: new FakeCage() })
  expect(cache.read('SELECT 1')).not.toBe(cache.read('SELECT  1'))
})

test('look-ups that differ in a number alone are read once, and what was not understood is no example', () => {
  const read: string[] = []
  const readSmall = (text: string) => {
    read.push(text)
    const facts: TextFacts = text.includes('from from') ? { understood: false, reason: 'no' } : EMPTY
    return { facts, damaged: false }
  }
  const cache = new FactsCache({ cage: new FakeCage(), readSmall })
  for (const row of [7, 8, 9]) cache.read(`select a from b where c = ${row}`)
  expect(read).toEqual(['select a from b where c = 7'])
  for (const row of [7, 8]) cache.read(`select a from from b where c = ${row}`)
  expect(read).toHaveLength(3)
})

test('shapes do not grow without end', () => {
  const read: string[] = []
  const readSmall = (text: string) => {
    read.push(text)
    return { facts: EMPTY, damaged: false }
  }
  const cache = new FactsCache({ cage: new FakeCage(), readSmall })
  const look = (count: number) => cache.read(`select ${'a'.repeat(count)} where c = 5`)
  for (let count = 1; count <= 1_025; count += 1) look(count)
  look(1)
  expect(read).toHaveLength(1_026)
})

describe('a large text', () => {
  test('is read in the cage, once for all who ask, and known afterwards', async () => {
    const cage = new FakeCage()
    const cache = new FactsCache({ cage })
    const [one, other] = await Promise.all([cache.read(LARGE), cache.read(LARGE)])
    expect(one).toBe(other)
    expect(cache.read(LARGE)).toBe(one)
    expect(cage.asked).toEqual([LARGE])
  })

  test('that was not understood is tried again', async () => {
    const cage = new FakeCage()
    cage.answer = async () => ({ understood: false, reason: 'the parser is busy' })
    const cache = new FactsCache({ cage })
    await cache.read(LARGE)
    await cache.read(LARGE)
    expect(cage.asked).toHaveLength(2)
  })

  test('on which the cage itself fails is not understood', async () => {
    const cage = new FakeCage()
    cage.answer = async () => Promise.reject(new Error('broken'))
    expect(await new FactsCache({ cage }).read(LARGE)).toMatchObject({ understood: false })
  })
})

test('an assignment of several columns is for the cage, however short', async () => {
  const cage = new FakeCage()
  await new FactsCache({ cage }).read('UPDATE t SET (a, b) = (1, 2)')
  expect(cage.asked).toHaveLength(1)
})

test('the least recently used text goes first', () => {
  const cache = new FactsCache({ cage: new FakeCage(), entriesMax: 2 })
  const first = cache.read('SELECT 1')
  const second = cache.read('SELECT 2')
  expect(cache.read('SELECT 1')).toBe(first)
  cache.read('SELECT 3')
  expect(cache.read('SELECT 1')).toBe(first)
  expect(cache.read('SELECT 2')).not.toBe(second)
  expect(cache.size).toBe(2)
})

test('what is kept stays below the limit of weight, and a single heavy text is not kept', async () => {
  const cage = new FakeCage()
  const cache = new FactsCache({ cage, weightBytesMax: 20_000 })
  for (let at = 0; at < 1_000; at += 1) cache.read(`SELECT a${at}, b${at} FROM t${at}`)
  expect(cache.weightBytes).toBeLessThanOrEqual(20_000)
  expect(cache.size).toBeGreaterThan(5)
  const before = cache.size
  await cache.read(`SELECT '${'x'.repeat(2_000_000)}'`)
  expect(cache.size).toBe(before)
})

test('once the parser of this thread has failed, the cage reads everything', async () => {
  const cage = new FakeCage()
  const facts: TextFacts = { understood: false, reason: 'the parser failed' }
  const cache = new FactsCache({ cage, readSmall: () => ({ facts, damaged: true }) })
  expect(cache.damaged).toBe(false)
  expect(await cache.read('SELECT 1')).toBe(EMPTY)
  expect(cache.damaged).toBe(true)
  await cache.read('SELECT 2')
  expect(cage.asked).toEqual(['SELECT 1', 'SELECT 2'])
})

test('closing the cache closes the cage', async () => {
  const cage = new FakeCage()
  await new FactsCache({ cage }).close()
  expect(cage.closed).toBe(true)
})
