import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Catalog } from '../../../src/domain/catalog.js'
import type { OutputLineage, StatementLineage } from '../../../src/domain/lineage.js'
import { traceLineage } from '../../../src/sql/lineage/trace-lineage.js'
import { loadPostgresGrammar } from '../../../src/sql/postgres/grammar.js'
import { openShop, type ShopDatabase } from '../../masking/shop-database.js'
import { OPTIONS } from './check-lineage.js'

/** Relations of this test; the second of a name is in another schema. Each text column holds a marker of its own. */
const RELATIONS = {
  'public.one': ['x', 'y', 'z', 'w'],
  'public.two': ['x', 'y', 'w', 'v'],
  'other.two': ['v', 'x', 'y'],
} as const

/** The same names, with other columns, in a transaction that is not over: the catalog does not know them. */
const SHADOWS = `
  CREATE TEMP TABLE two (y text, k text); INSERT INTO two VALUES ('-', '-');
  CREATE TABLE shadow.one (z text, x text, max text); INSERT INTO shadow.one VALUES ('-', '-', '-');
  SET LOCAL search_path = shadow, public`

let shop: ShopDatabase
let client: pg.Client
let catalog: Catalog
/** Marker to column, `oid.number`. */
const markers = new Map<string, string>()

beforeAll(async () => {
  await loadPostgresGrammar()
  const server = inject('postgres')
  shop = await openShop(server, 'lineage_agreement')
  await shop.run('CREATE SCHEMA other; CREATE SCHEMA shadow')
  const entries = Object.entries(RELATIONS)
  for (const [index, [name, columns]] of entries.entries()) {
    const values = columns.map(column => `'k${'abc'[index]}${column}'`)
    await shop.run(`CREATE TABLE ${name} (id int, ${columns.map(column => `${column} text`).join(', ')})`)
    await shop.run(`INSERT INTO ${name} VALUES (1, ${values.join(', ')}), (2, ${values.join(', ')})`)
  }
  catalog = await shop.readCatalog()
  for (const [index, [name, columns]] of entries.entries()) {
    const relation = [...catalog.byOid.values()].find(one => `${one.schema}.${one.name}` === name)
    columns.forEach((column, at) => {
      markers.set(`k${'abc'[index]}${column}`, `${relation?.oid}.${at + 2}`)
    })
  }
  const { socketDirectory: host, port, superuser: user } = server
  client = new pg.Client({ host, port, user, database: 'lineage_agreement' })
  await client.connect()
  await client.query("SET statement_timeout = '2s'")
})
afterAll(async () => {
  await client.end()
  await shop.close()
})

const NAMES = ['x', 'x', 'x', 'x', 'x', 'x', 'y', 'y', 'y', 'z', 'w']
const name = fc.constantFrom(...NAMES)
const column = fc.oneof(
  { weight: 4, arbitrary: name },
  { weight: 4, arbitrary: name.map(one => `a.${one}`) },

  fc.constantFrom('a', '(a).x', 'a.max', "'-'"),
)

interface Parts {
  expression: string
  select: string
  source: string
}
const { select } = fc.letrec<Parts>(tie => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    { weight: 6, arbitrary: column },
    tie('expression').map(one => `upper((${one})::text)`),
    tie('expression').map(one => `reverse((${one})::text)`),
    fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => `concat(${one}, ${other})`),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([one, other]) => `coalesce((${one})::text, (${other})::text)`),
    fc
      .tuple(tie('expression'), tie('expression'))
      .map(([one, other]) => `CASE WHEN random() < 0.5 THEN (${one})::text ELSE (${other})::text END`),
    tie('expression').map(one => `to_jsonb(${one})::text`),
    tie('expression').map(one => `(ARRAY[(${one})::text])[1]`),
    tie('expression').map(one => `ROW(${one})::text`),
    tie('expression').map(one => `max((${one})::text) OVER ()`),
    tie('expression').map(one => `(array_agg((${one})::text) OVER (ORDER BY 1))[1]`),
    tie('select').map(one => `(SELECT p FROM (${one}) q(p) LIMIT 1)`),
    fc
      .tuple(tie('expression'), tie('source'))
      .map(([one, from]) => `(SELECT (${one})::text FROM ${from} LIMIT 1)`),
    tie('expression').map(one => `(SELECT (${one})::text)`),
    tie('select').map(one => `ARRAY(SELECT q::text FROM (${one}) q)::text`),
  ),
  source: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 5,
      arbitrary: fc.constantFrom(
        'one a',
        'two a',
        'public.two a',
        'other.two a',
        'public.one a',
        'one',
        'two',
      ),
    },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        'one a, two b',
        'one a NATURAL JOIN two b',
        'one a LEFT JOIN two b ON b.id = a.id',
        'one a FULL JOIN public.two b USING (id, x)',
        '(one CROSS JOIN two b) AS a(id, x, y, z)',
        'one a JOIN (VALUES (1, 2)) b(id, y) USING (id) AS j',
      ),
    },
    tie('select').map(one => `(${one}) a`),
    fc.tuple(tie('select'), name).map(([one, other]) => `(${one}) a(${other})`),
    fc.tuple(tie('select'), name, name).map(([one, other, third]) => `(${one}) a(${other}, ${third})`),
    tie('select').map(one => `two b, LATERAL (${one}) a`),
    tie('expression').map(one => `one b, LATERAL (SELECT ${one} AS x, b.y) a`),
    tie('expression').map(
      one => `one b, jsonb_each_text(to_jsonb(b)) a(x, y), LATERAL (SELECT ${one} AS z) c`,
    ),
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `(${one}) b, (${other}) a`),
  ),
  select: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    {
      weight: 8,
      arbitrary: fc
        .tuple(
          fc.array(fc.tuple(tie('expression'), fc.option(name, { freq: 9 })), { minLength: 1, maxLength: 3 }),
          tie('source'),
        )
        .map(
          ([outputs, from]) =>
            `SELECT ${outputs.map(([one, alias]) => (alias === null ? one : `${one} AS ${alias}`)).join(', ')} FROM ${from}`,
        ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('*', 'a.*', '*, y AS x', 'x AS y, *', 'a.*, z'), tie('source'))
        .map(([list, from]) => `SELECT ${list} FROM ${from}`),
    },
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `(${one}) UNION ALL (${other})`),
    fc.tuple(tie('select'), tie('select')).map(([one, other]) => `WITH two AS (${one}) ${other}`),
    fc
      .tuple(tie('select'), name, tie('select'))
      .map(([one, first, other]) => `WITH one(${first}) AS (${one}) ${other}`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(
        ([one, other, third]) =>
          `WITH RECURSIVE a(x, y, id) AS (SELECT (${one})::text, (${other})::text, 1 FROM public.one a UNION ALL SELECT y, (${third})::text, id + 1 FROM a WHERE id < 3) SELECT x, y FROM a`,
      ),
    tie('source').map(from => `SELECT x FROM ${from} OFFSET 0`),
  ),
}))

/** The columns whose markers are in a value, as they are, backwards or in capitals. */
function columnsIn(value: unknown): readonly string[] {
  if (typeof value !== 'string') return []
  const text = value.toLowerCase()
  const backwards = [...text].reverse().join('')
  return [...markers].flatMap(([marker, place]) =>
    text.includes(marker) || backwards.includes(marker) ? [place] : [],
  )
}

function allows(lineage: OutputLineage | undefined, place: string): boolean {
  if (lineage === undefined || lineage.kind === 'unknown') return true
  return lineage.columns.some(({ oid, number }) => `${oid}.${number}` === place)
}

function outputOf(
  lineage: StatementLineage | undefined,
  index: number,
  count: number,
): OutputLineage | undefined {
  if (lineage?.kind === 'any') return lineage.lineage
  return lineage?.kind === 'outputs' && lineage.outputs.length === count ? lineage.outputs[index] : undefined
}

async function agrees(text: string, counts: { answered: number; known: number }): Promise<void> {
  let result: pg.QueryArrayResult<unknown[]>
  try {
    const types = { getTypeParser: () => (value: string) => value }
    result = await client.query<unknown[]>({ text, rowMode: 'array', types })
  } catch (error) {
    if (!(error instanceof pg.DatabaseError)) throw error
    return
  }
  counts.answered += 1
  const [lineage] = traceLineage(text, catalog, OPTIONS)
  const count = result.fields.length
  for (let index = 0; index < count; index += 1) {
    const output = outputOf(lineage, index, count)
    if (output?.kind === 'columns' && lineage?.kind === 'outputs') counts.known += 1
    const seen = new Set(result.rows.flatMap((row: readonly unknown[]) => columnsIn(row[index])))
    expect([...seen].filter(place => !allows(output, place))).toEqual([])
  }
}

test('every value that a query shows comes from a column of its lineage', async () => {
  const counts = { answered: 0, known: 0 }
  await fc.assert(
    fc.asyncProperty(select, text => agrees(text, counts)),
    { numRuns: 10_000 },
  )
  // A generator whose queries all fail, or a lineage that never says anything, would prove nothing.
  expect(counts.answered).toBeGreaterThan(2_000)
  expect(counts.known).toBeGreaterThan(1_500)
}, 180_000)

test('the same holds when a transaction has made the names mean other relations', async () => {
  const counts = { answered: 0, known: 0 }
  await fc.assert(
    fc.asyncProperty(select, async text => {
      await client.query('BEGIN')
      await client.query(SHADOWS)
      try {
        await agrees(text, counts)
      } finally {
        await client.query('ROLLBACK')
      }
    }),
    { numRuns: 3_000 },
  )
  expect(counts.answered).toBeGreaterThan(300)
}, 180_000)
