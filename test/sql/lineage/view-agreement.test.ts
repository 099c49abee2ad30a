import fc from 'fast-check'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Catalog, CatalogRelation } from '../../../src/domain/catalog.js'
import type { ColumnOrigin, OutputLineage } from '../../../src/domain/lineage.js'
import { traceView } from '../../../src/sql/lineage/trace-view.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { OPTIONS } from './check-lineage.js'
import { allows, answersOf, columnsIn, type MarkedDatabase, openMarked } from './marked-database.js'
import { select } from './random-selects.js'

/** Databases full of views of one run; more for a long one. */
const ROUNDS = Number(process.env.HOOP_TEST_LINEAGE_ROUNDS ?? 3)
const VIEWS_PER_ROUND = 40

let database: MarkedDatabase

beforeAll(async () => {
  await loadPostgresGrammar()
  database = await openMarked(inject('postgres'), 'lineage_views')
})
afterAll(() => database.close())

/** What a column of a view is computed from in the end, through all views below; undefined when nobody can say. */
function baseColumns(output: OutputLineage | undefined, catalog: Catalog): OutputLineage | undefined {
  if (output?.kind !== 'columns') return undefined
  const found: ColumnOrigin[] = []
  for (const column of output.columns) {
    const relation = catalog.byOid.get(column.oid)
    if (relation?.kind !== 'view') {
      found.push(column)
      continue
    }
    const below = baseColumns(outputsOf(relation, catalog)?.[column.number - 1], catalog)
    if (below?.kind !== 'columns') return undefined
    found.push(...below.columns)
  }
  return { kind: 'columns', columns: found, ...(output.isCopy && { isCopy: true }) }
}

function outputsOf(view: CatalogRelation, catalog: Catalog): readonly OutputLineage[] | undefined {
  const lineage = traceView(view, catalog, OPTIONS)
  return lineage.kind === 'outputs' ? lineage.outputs : undefined
}

/** Views over the tables, then views and materialized views over those: `one` is a view below. */
async function makeViews(texts: readonly string[]): Promise<void> {
  let below: string | undefined
  await database.client.query('DROP SCHEMA IF EXISTS gen CASCADE; CREATE SCHEMA gen')
  for (const [index, text] of texts.entries()) {
    const name = `gen.v${index}`
    const query = below === undefined ? text : text.replace(/\b(?:public\.)?one a\b/g, `${below} a`)
    const kind = index % 4 === 3 ? 'MATERIALIZED VIEW' : 'VIEW'
    for (const names of ['(x, y, z)', '(x, y)', '(x)', '']) {
      if ((await answersOf(database.client, `CREATE ${kind} ${name} ${names} AS ${query}`)) === undefined)
        continue
      if (names !== '(x)') below = name
      break
    }
  }
}

interface Counts {
  views: number
  known: number
  copies: number
}

async function checkView(view: CatalogRelation, catalog: Catalog, counts: Counts): Promise<void> {
  const answers = await answersOf(database.client, `SELECT * FROM gen.${view.name}`)
  if (answers?.[0] === undefined) return
  counts.views += 1
  const outputs = outputsOf(view, catalog)
  for (const [index] of view.columns.entries()) {
    const values = answers[0].rows.map(row => row[index])
    const output = baseColumns(outputs?.[index], catalog)
    if (output !== undefined) counts.known += 1
    const seen = new Set(values.flatMap(value => columnsIn(value, database)))
    expect(
      [...seen].filter(place => !allows(output, place)),
      view.definition ?? '',
    ).toEqual([])
    const direct = outputs?.[index]
    if (direct?.kind !== 'columns' || direct.isCopy !== true) continue
    const relation = catalog.byOid.get(direct.columns[0]?.oid ?? 0)
    // A view below can give other values the next time.
    if (relation?.kind !== 'table') continue
    counts.copies += 1
    expect(direct.columns.length).toBe(1)
    const own = await database.client.query({
      text: `SELECT ${JSON.stringify(relation?.columns[(direct.columns[0]?.number ?? 0) - 1]?.name)} FROM ${relation?.schema}.${relation?.name}`,
      rowMode: 'array',
      types: { getTypeParser: () => (value: string) => value },
    })
    const plain = new Set([null, ...own.rows.map(row => row[0])])
    expect(
      values.filter(value => !plain.has(value)),
      view.definition ?? '',
    ).toEqual([])
  }
}

test('what a view shows comes from the columns that its definition is traced to, and a copy is one', async () => {
  const counts = { views: 0, known: 0, copies: 0 }
  const rounds = fc.array(select, { minLength: VIEWS_PER_ROUND, maxLength: VIEWS_PER_ROUND })
  await fc.assert(
    fc.asyncProperty(rounds, async texts => {
      await makeViews(texts)
      const catalog = await database.shop.readCatalog()
      for (const view of catalog.byOid.values())
        if (view.schema === 'gen') await checkView(view, catalog, counts)
    }),
    { numRuns: ROUNDS, endOnFailure: true },
  )
  // Definitions that all fail, or that tell nothing, would prove nothing.
  expect(counts.views).toBeGreaterThan(0)
  expect(counts.known).toBeGreaterThan(0)
  expect(counts.copies).toBeGreaterThan(0)
}, 3_600_000)
