import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import { traceLineage } from '../../../src/sql/lineage/trace-lineage.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { OPTIONS } from './check-lineage.js'
import { answersOf, checkResult, type MarkedDatabase, openMarked } from './marked-database.js'
import { select } from './random-selects.js'

/** Queries of one run; more for a long one. */
const RUNS = Number(process.env.HOOP_TEST_LINEAGE_RUNS ?? 600)

/** The same names, with other columns, in a transaction that is not over: the catalog does not know them. */
const SHADOWS = `
  CREATE TEMP TABLE two (y text, k text); INSERT INTO two VALUES ('-', '-');
  CREATE TABLE shadow.one (z text, x text, max text); INSERT INTO shadow.one VALUES ('-', '-', '-');
  SET LOCAL search_path = shadow, public`

let database: MarkedDatabase
/** Queries that ran: for the tests that put several into one text. */
const ran: string[] = []

beforeAll(async () => {
  await loadPostgresGrammar()
  database = await openMarked(inject('postgres'), 'lineage_agreement')
})
afterAll(() => database.close())

interface Counts {
  answered: number
  known: number
}

/** Each statement of a text has its own result, and its own lineage. */
async function agrees(text: string, counts: Counts): Promise<boolean> {
  const answers = await answersOf(database.client, text)
  if (answers === undefined) return false
  counts.answered += 1
  const lineages = traceLineage(text, database.catalog, OPTIONS)
  for (const [index, answer] of answers.entries())
    counts.known += checkResult(answer, lineages[index], database)
  return true
}

test('every value that a query shows comes from a column of its lineage', async () => {
  const counts = { answered: 0, known: 0 }
  await fc.assert(
    fc.asyncProperty(select, async text => {
      if ((await agrees(text, counts)) && text.length < 1_000) ran.push(text)
    }),
    { numRuns: RUNS },
  )
  // A generator whose queries all fail, or a lineage that never says anything, would prove nothing.
  expect(counts.answered).toBeGreaterThan(RUNS / 10)
  expect(counts.known).toBeGreaterThan(RUNS / 20)
}, 3_600_000)

test('the same holds when a transaction has made the names mean other relations', async () => {
  const counts = { answered: 0, known: 0 }
  await fc.assert(
    fc.asyncProperty(select, async text => {
      await database.client.query('BEGIN')
      await database.client.query(SHADOWS)
      try {
        await agrees(text, counts)
      } finally {
        await database.client.query('ROLLBACK')
      }
    }),
    { numRuns: RUNS / 6 },
  )
  expect(counts.answered).toBeGreaterThan(0)
}, 3_600_000)

test('and for several queries in one text, behind a name and of a cursor', async () => {
  const counts = { answered: 0, known: 0 }
  const one = fc.nat().map(at => ran[at % ran.length] ?? 'SELECT 1')
  const texts = fc.tuple(one, one, one, fc.constantFrom('batch', 'prepared', 'cursor'))
  await fc.assert(
    fc.asyncProperty(texts, async ([first, second, third, way]) => {
      if (way === 'batch') await agrees(`${first}; ${second}; ${third}`, counts)
      else await agreesBehind(way, first, counts)
    }),
    { numRuns: RUNS / 10 },
  )
  expect(counts.known).toBeGreaterThan(0)
}, 3_600_000)

/** What runs by a name is traced by the text that made the name. */
async function agreesBehind(way: 'prepared' | 'cursor', text: string, counts: Counts): Promise<void> {
  const [make, run] =
    way === 'prepared'
      ? [`PREPARE p AS ${text}`, 'EXECUTE p']
      : [`DECLARE k CURSOR FOR ${text}`, 'FETCH ALL FROM k']
  await database.client.query('BEGIN')
  const answers = await answersOf(database.client, `${make}; ${run}`)
  await database.client.query('ROLLBACK; DEALLOCATE ALL')
  const [lineage] = traceLineage(make, database.catalog, OPTIONS)
  if (answers?.[1] !== undefined) counts.known += checkResult(answers[1], lineage, database)
}
