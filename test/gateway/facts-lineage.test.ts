import { beforeAll, expect, test } from 'vitest'
import type { StatementFacts, TextFacts } from '../../src/domain/facts.js'
import { FactsCache } from '../../src/gateway/session/facts-cache.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { type RelationSketch, sketchCatalog } from '../masking/hand-made-catalog.js'

beforeAll(loadPostgresGrammar)

const CUSTOMERS: RelationSketch = { name: 'public.customers', columns: 'id name ssn' }
const VIEW: RelationSketch = {
  name: 'public.half',
  columns: 'id number',
  kind: 'view',
  reads: { 'public.customers': [1, 3] },
  definition: 'SELECT customers.id, customers.ssn AS number FROM public.customers',
}
const CATALOG = sketchCatalog([CUSTOMERS, VIEW])

/** A cage that understands everything and says nothing. */
const CAGE = {
  read: async (): Promise<TextFacts> => ({ understood: true, statements: [] }),
  close: async () => {},
}

function statementsOf(cache: FactsCache, text: string): readonly StatementFacts[] {
  const facts = cache.read(text)
  return !(facts instanceof Promise) && facts.understood ? facts.statements : []
}

test('each statement of a text has a lineage of its own, once for each snapshot', () => {
  const cache = new FactsCache({ cage: CAGE })
  const [one, other] = statementsOf(cache, 'SELECT 1; SELECT ssn FROM customers')
  if (one === undefined || other === undefined) throw new Error('there are two statements')
  expect(cache.traceLineage(one, CATALOG)).toEqual({
    kind: 'outputs',
    outputs: [{ kind: 'columns', columns: [] }],
  })
  const traced = cache.traceLineage(other, CATALOG)
  expect(traced).toMatchObject({ outputs: [{ columns: [{ oid: 20_000, number: 3 }] }] })
  expect(cache.traceLineage(other, CATALOG)).toBe(traced)
  const moved = sketchCatalog([VIEW, CUSTOMERS])
  expect(cache.traceLineage(other, moved)).toMatchObject({ outputs: [{ columns: [{ oid: 20_001 }] }] })
})

test('a statement that this cache has not read has none', () => {
  const facts = readPostgresText('SELECT 1')
  const [statement] = facts.understood ? facts.statements : []
  if (statement === undefined) throw new Error('there is a statement')
  expect(new FactsCache({ cage: CAGE }).traceLineage(statement, CATALOG)).toBeUndefined()
})

test('a view is traced once for each snapshot', () => {
  const cache = new FactsCache({ cage: CAGE })
  const view = CATALOG.byName.get('half')?.[0] ?? expect.unreachable()
  const traced = cache.traceView(view, CATALOG)
  expect(traced).toHaveLength(2)
  expect(cache.traceView(view, CATALOG)).toBe(traced)
  expect(cache.traceView(view, sketchCatalog([CUSTOMERS]))).toMatchObject([
    { kind: 'columns' },
    { kind: 'columns' },
  ])
})

test('once the parser has failed nothing is traced any more', async () => {
  let damaged = false
  const readSmall = (text: string) => ({ facts: readPostgresText(text), damaged })
  const cache = new FactsCache({ cage: CAGE, readSmall })
  const [statement] = statementsOf(cache, 'SELECT ssn FROM customers')
  if (statement === undefined) throw new Error('there is a statement')
  damaged = true
  await cache.read('SELECT 2')
  expect(cache.traceLineage(statement, CATALOG)).toBeUndefined()
  expect(cache.traceView(CATALOG.byName.get('half')?.[0] ?? expect.unreachable(), CATALOG)).toBeUndefined()
})
