import { afterAll, beforeAll, expect, inject, test } from 'vitest'
import type { Catalog } from '../../src/domain/catalog.js'
import type { TraceView } from '../../src/domain/lineage.js'
import { makeMasker } from '../../src/masking/masker.js'
import { resolveProtectedColumns } from '../../src/masking/protected-columns.js'
import { traceView } from '../../src/sql/lineage/trace-view.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { OPTIONS } from '../sql/lineage/check-lineage.js'
import { columnRule, type RelationSketch, sketchCatalog } from './hand-made-catalog.js'
import { openShop, type ShopDatabase } from './shop-database.js'

const RULE = columnRule(
  'pii',
  ['public.customers.ssn', 'public.customers.salary', 'public.customers.notes', 'public.ev_parent.ssn'],
  {
    kind: 'keep-last',
    count: 4,
  },
)

/** A view's query, and what becomes of its columns: `clear`, `own` by the rule's strategy, or `whole`. */
const VIEWS: readonly (readonly [string, string])[] = [
  ['SELECT id, ssn, upper(name) AS n, name FROM customers', 'clear own clear clear'],
  ['SELECT ssn AS a, reverse(ssn) AS b, salary, salary + 1 AS more FROM customers', 'own whole own whole'],
  ['SELECT * FROM customers NATURAL JOIN orders', 'clear clear clear clear own clear own own clear clear'],
  ['SELECT x.id, x.s FROM (SELECT id, ssn AS s FROM customers) x', 'clear own'],
  ['SELECT * FROM (SELECT id, ssn FROM customers) x(a, b)', 'clear own'],
  ['SELECT id, s FROM (SELECT id, ssn FROM customers) x(id, s) WHERE s IS NOT NULL', 'clear own'],
  [
    'WITH q AS (SELECT id, ssn FROM customers) SELECT q.id, q.ssn, length(q.ssn) AS l FROM q',
    'clear own whole',
  ],
  ['SELECT c.*::text AS row, c.id FROM customers c', 'whole clear'],
  ['SELECT count(*) AS n, max(salary) AS top, city FROM customers GROUP BY city', 'clear whole clear'],
  ['SELECT id, city FROM customers WHERE ssn IS NOT NULL', 'clear clear'],
  ['SELECT id, EXISTS (SELECT FROM customers c WHERE c.salary > 5) AS e FROM orders', 'clear whole'],
  ['SELECT name FROM customers UNION ALL SELECT ssn FROM customers', 'whole'],
  ['SELECT ssn FROM customers UNION ALL SELECT ssn FROM customers', 'whole'],
  ["SELECT id, ssn FROM customers UNION ALL SELECT 1, 'x'", 'clear whole'],
  [
    'SELECT o.id, (SELECT c.ssn FROM customers c WHERE c.id = o.customer_id) AS s FROM orders o',
    'clear whole',
  ],
  ['SELECT c.id, g.contact FROM customers c, get_person(c.id) g', 'clear whole'],
  ['SELECT id, leak(name) AS l, upper(name) AS u, ssn FROM customers', 'clear whole whole own'],
  ['SELECT c.id, s.most_common_vals::text AS v FROM customers c, pg_stats s', 'clear whole'],
  ['SELECT c.id, n.nspname, c.ssn FROM customers c, pg_namespace n', 'clear clear own'],
  ["SELECT id, 'glad'::mood AS m, ssn FROM customers", 'clear whole own'],
  ['SELECT p.id, p.zip, upper(p.zip) AS u FROM v_people p', 'clear own whole'],
  [
    'SELECT d.a, d.b FROM (SELECT z.a, lower(z.s) AS b FROM (SELECT id AS a, ssn AS s FROM customers) z) d',
    'clear whole',
  ],
  ['SELECT id, ssn FROM ONLY ev_parent', 'clear own'],
  ['SELECT ev_part1.ssn, ev_part1.id FROM ev_part1', 'own clear'],
  ['SELECT j.k, j.ssn FROM customers c, jsonb_to_record(to_jsonb(c)) AS j(k int, ssn text)', 'whole whole'],
  ['SELECT c.city, v.n FROM customers c JOIN (VALUES (1), (2)) v(n) ON v.n = c.salary', 'clear whole'],
  ['SELECT id, name, count(*) OVER (ORDER BY salary) AS rank FROM customers', 'clear clear whole'],
  ['SELECT city, max(name) FILTER (WHERE salary > 10) AS m FROM customers GROUP BY city', 'clear whole'],
  ['SELECT sum(1) AS n FROM customers c, generate_series(1, c.salary) g', 'whole'],
]

const SECRET = /123-?45-|987-?65-|9876-54-321|\b5100\b|\b7200\b|\b5101\b/

let shop: ShopDatabase
let catalog: Catalog

beforeAll(async () => {
  await loadPostgresGrammar()
  shop = await openShop(inject('postgres'), 'masking_views')
  await shop.run(`
    CREATE TYPE mood AS ENUM ('glad');
    CREATE FUNCTION leak(text) RETURNS text LANGUAGE sql AS 'SELECT ssn FROM customers LIMIT 1'`)
  for (const [index, [query]] of VIEWS.entries()) {
    const kind = index % 2 === 0 ? 'VIEW' : 'MATERIALIZED VIEW'
    await shop.run(`CREATE ${kind} tried_${index} AS ${query}`).catch(() => {})
  }
  catalog = await shop.readCatalog()
})
afterAll(() => shop.close())

const traced: TraceView = (view, asked) => {
  const lineage = traceView(view, asked, OPTIONS)
  return lineage.kind === 'outputs' ? lineage.outputs : undefined
}

function rulesOf(name: string, known: Catalog = catalog): string {
  const { byOid } = resolveProtectedColumns([RULE], { catalog: known, traceView: traced })
  const view = known.byName.get(name)?.[0]
  return (view?.columns ?? [])
    .map(({ number }) => {
      const found = byOid.get(view?.oid ?? 0)?.get(number)
      if (found === undefined) return 'clear'
      return found.strategy.kind === RULE.strategy.kind ? 'own' : 'whole'
    })
    .join(' ')
}

test.each(VIEWS.map(([query, expected], index) => ({ query, expected, index })))(
  'the columns of $query are $expected',
  ({ expected, index }) => {
    expect(rulesOf(`tried_${index}`)).toBe(expected)
  },
)

test.each(VIEWS.map(([query], index) => ({ query, index })))(
  'nothing protected is read from $query',
  async ({ index }) => {
    const masker = makeMasker({
      rules: [RULE],
      catalog,
      hashKey: Buffer.alloc(32, 1),
      traceView: traced,
    })
    for (const text of [
      `SELECT * FROM tried_${index}`,
      `SELECT v::text FROM tried_${index} v`,
      `SELECT * FROM tried_${index} UNION ALL SELECT * FROM tried_${index}`,
      `COPY (SELECT * FROM tried_${index}) TO STDOUT`,
    ]) {
      const seen = await shop.see(text, masker)
      const values = seen.kind === 'answered' ? [...seen.values, ...seen.messages] : []
      expect(values.filter(value => value !== null && SECRET.test(value))).toEqual([])
    }
  },
)

const CUSTOMERS: RelationSketch = { name: 'public.customers', columns: 'id name ssn' }

/** What becomes of the two columns of a view with this definition, of which the snapshot says what it reads. */
function check(
  name: string,
  definition: string | undefined,
  sketch: Partial<RelationSketch>,
  expected: string,
) {
  test(name, () => {
    const view = {
      name: 'public.v',
      columns: 'a b',
      kind: 'view' as const,
      reads: { 'public.customers': [1, 3] },
    }
    const sketched = sketchCatalog([CUSTOMERS, { ...view, ...(definition && { definition }), ...sketch }])
    expect(rulesOf('v', sketched)).toBe(expected)
  })
}

const PLAIN = 'SELECT customers.id AS a, customers.ssn AS b FROM public.customers;'
check('a view is followed by its definition', PLAIN, {}, 'clear own')
check('without a definition it is masked whole', undefined, {}, 'whole whole')
check('a definition of several statements is not believed', `${PLAIN} ${PLAIN}`, {}, 'whole whole')
check('nor one with another number of columns', PLAIN, { columns: 'a b c' }, 'whole whole whole')
check('nor one that does not parse', 'SELECT FROM WHERE', {}, 'whole whole')
check(
  'nor one that names other columns than are read',
  PLAIN,
  { reads: { 'public.customers': [2, 3] } },
  'whole own',
)
check('a long one is not read', PLAIN.replace('FROM', `-- ${'x'.repeat(16_384)}\nFROM`), {}, 'whole whole')
check(
  'nor one that nests too deeply',
  `SELECT ${'('.repeat(2_100)}1${')'.repeat(2_100)}, 1`,
  {},
  'whole whole',
)
check(
  'where it calls functions of the database, only plain columns are believed',
  'SELECT upper(customers.id) AS a, customers.ssn AS b FROM public.customers',
  { callsFunctions: true },
  'whole own',
)
