import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Masker, makeMasker } from '../../src/masking/masker.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { columnRule, sketchCatalog } from './hand-made-catalog.js'

/** customers: 20000, orders: 20001. */
const CATALOG = sketchCatalog(
  [
    {
      name: 'public.customers',
      columns: 'id:23 name city ssn salary:23 bonus:23 card',
      constraints: [
        { kind: 'unique', columns: [1] },
        { kind: 'unique', columns: [4] },
        { kind: 'unique', columns: [3, 7] },
        { kind: 'check', columns: [5] },
        { kind: 'check', columns: [5, 6] },
      ],
    },
    {
      name: 'public.orders',
      columns: 'id:23 customer_id:23 total:23 ssn',
      constraints: [{ kind: 'foreign', columns: [2], references: { oid: 20_000, columns: [1] } }],
    },
    { name: 'public.people', columns: 'n x', kind: 'view', reads: { 'public.customers': [1, 4] } },
    {
      name: 'public.payments',
      columns: 'id:23 payer',
      constraints: [{ kind: 'foreign', columns: [2], references: { oid: 20_000, columns: [4] } }],
    },
    { name: 'public.part', columns: 'id:23 ssn', parents: ['public.customers'] },
  ],
  ['get_person'],
)
const RULES = [
  columnRule('pii', ['public.customers.ssn', 'public.customers.salary'], { kind: 'redact' }),
  columnRule('cards', ['public.customers.card'], { kind: 'keep-last', count: 4 }),
]
const STRICT = makeMasker({ rules: RULES, catalog: CATALOG, hashKey: Buffer.alloc(32), mode: 'strict' })

beforeAll(loadPostgresGrammar)

/** The verdict: `masked`, or the refusing rule and what it says. */
function verdict(text: string, masker: Masker = STRICT): string {
  const facts = readPostgresText(text)
  const judged = masker.judge(facts.understood ? facts.statements : [], facts)
  return judged.kind === 'refused' ? `${judged.rule}: ${judged.message}` : judged.kind
}

const MAY_ONLY = 'is masked, may only be shown, and'
const CONDITION = 'decides in a condition'
const KEY = 'orders, groups or compares rows'
const ssn = (kind: string) => `pii: in strict mode column "public.customers.ssn" ${MAY_ONLY} ${kind}`

describe('a masked column may be shown', () => {
  test.each([
    'SELECT * FROM customers',
    'SELECT id, ssn, salary FROM customers WHERE city = $1 ORDER BY name LIMIT 10',
    'SELECT c.ssn AS z, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.total > 3',
    'SELECT z FROM (SELECT id, ssn AS z FROM customers) q WHERE id = 1',
    'WITH w AS (SELECT * FROM customers) SELECT name, ssn FROM w WHERE city IS NOT NULL',
    'SELECT ssn FROM customers UNION ALL SELECT name FROM customers',
    'SELECT s, i FROM (SELECT id, ssn FROM customers) q (i, s) WHERE i > 3',
    'SELECT id, ssn FROM customers UNION ALL SELECT id, ssn FROM part ORDER BY id',
    'SELECT id, ssn FROM customers ORDER BY 1',
    'TABLE customers',
    'COPY customers TO STDOUT',
    'COPY (SELECT id, name FROM customers WHERE id < 3) TO STDOUT',
    'PREPARE p AS SELECT ssn FROM customers WHERE id = $1',
    'DECLARE c CURSOR FOR SELECT id, ssn FROM customers ORDER BY id',
  ])('%s', text => expect(verdict(text)).toBe('masked'))
})

describe('what does not touch a masked column stays as it was', () => {
  test.each([
    'SELECT 1',
    'SELECT count(*) FROM customers',
    'SELECT city, count(*), max(id) FROM customers GROUP BY city HAVING count(*) > 2 ORDER BY 2 DESC',
    'SELECT DISTINCT city FROM customers',
    'SELECT name FROM customers WHERE id IN (SELECT customer_id FROM orders)',
    'SELECT name FROM customers c WHERE EXISTS (SELECT * FROM orders o WHERE o.customer_id = c.id)',
    'SELECT * FROM orders WHERE ssn = $1',
    "SELECT o.ssn || 'x' FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.ssn LIKE '1%' ORDER BY o.ssn",
    'SELECT o.* FROM orders o INTERSECT SELECT * FROM orders',
    'SELECT row_number() OVER (PARTITION BY city ORDER BY name), name FROM customers',
    'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT i, name FROM n JOIN customers ON id = i',
    'SELECT v.x, c.name FROM (VALUES (1), (2)) v (x) JOIN customers c ON c.id = v.x',
    'SELECT name FROM customers, generate_series(1, 3) AS g (n) WHERE g.n = id FOR UPDATE OF customers',
    'EXPLAIN SELECT name FROM customers WHERE city = $1',
    "INSERT INTO customers (id, name) VALUES (1, 'x') ON CONFLICT (id) DO NOTHING",
    'UPDATE customers SET name = $1 WHERE id = 1 RETURNING id, city',
    'WITH u AS (UPDATE customers SET name = $1 RETURNING id, name) SELECT name FROM u WHERE id = 2',
    'DELETE FROM customers WHERE id = 3',
    'UPDATE customers SET salary = 5000 WHERE id = 3',
    'CREATE TABLE k (c int REFERENCES customers (id))',
    'CREATE INDEX ON orders (ssn)',
    'INSERT INTO orders (id, customer_id, total) VALUES (1, 2, 3)',
    'DROP TABLE customers',
    'SELECT relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY 1',
    'SELECT pid, state FROM pg_stat_activity WHERE state = $1',
  ])('%s', text => expect(verdict(text)).toBe('masked'))
})

describe('a masked column in a condition is refused by its rule', () => {
  test.each([
    "SELECT name FROM customers WHERE ssn = '123'",
    'SELECT count(*) FROM customers HAVING max(ssn) > $1',
    'SELECT count(*) FILTER (WHERE ssn IS NULL) FROM customers',
    'SELECT 1 FROM customers c JOIN (VALUES ($1)) g (x) ON c.ssn = g.x',
    'SELECT 1 FROM customers JOIN orders USING (ssn)',
    'SELECT name FROM (SELECT name, ssn AS z FROM customers) q WHERE z = $1',
    'WITH w AS (SELECT * FROM customers) SELECT name FROM w WHERE w.ssn = $1',
    'WITH w (a, b) AS (SELECT id, ssn FROM customers) SELECT a FROM w WHERE b = $1',
    'SELECT 1 FROM (SELECT id, ssn FROM customers) q (a, b) WHERE b = $1',
    'SELECT * FROM (SELECT name FROM customers UNION ALL SELECT ssn FROM customers) q WHERE name = $1',
    'WITH RECURSIVE r AS (SELECT ssn AS s FROM customers UNION ALL SELECT s FROM r) SELECT 1 FROM r WHERE s = $1',
    'SELECT 1 FROM LATERAL (SELECT ssn AS a FROM customers) q WHERE EXISTS (SELECT a AS b) AND q.a = $1',
    'DELETE FROM customers WHERE ssn = $1',
    "UPDATE customers SET city = 'x' FROM orders o WHERE customers.ssn = o.ssn",
    'MERGE INTO orders o USING customers c ON c.ssn = $1 WHEN MATCHED THEN DELETE',
    'MERGE INTO orders o USING customers c ON c.id = o.id WHEN MATCHED AND c.ssn = $1 THEN DELETE',
    'EXPLAIN SELECT name FROM customers WHERE ssn = $1',

    'DECLARE c CURSOR FOR SELECT id FROM customers WHERE ssn = $1',
    'PREPARE p AS SELECT id FROM customers WHERE ssn = $1',
    'COPY (SELECT id FROM customers WHERE ssn = $$1$$) TO STDOUT',
    'CREATE VIEW v AS SELECT id FROM customers WHERE ssn LIKE $$1%$$',
  ])('%s', text => expect(verdict(text)).toBe(ssn(CONDITION)))
  test('through every column: a natural join, and names of which nobody knows what they are', () => {
    expect(verdict('SELECT name FROM customers NATURAL JOIN orders')).toContain(CONDITION)
    expect(verdict('SELECT 1 FROM customers AS c (a, b, d, e) WHERE e = $1')).toContain(CONDITION)
    expect(verdict('SELECT n FROM people WHERE x = $1')).toContain('"public.people.x" is masked')
  })
})

describe('a masked column as a key is refused by its rule', () => {
  test.each([
    'SELECT id FROM customers ORDER BY ssn',
    'SELECT id, ssn FROM customers ORDER BY 2',
    'SELECT ssn AS a FROM customers ORDER BY a',
    'SELECT ssn, count(*) FROM customers GROUP BY 1',
    'SELECT ssn, count(*) FROM customers GROUP BY ROLLUP (1)',
    'SELECT count(*) FROM customers GROUP BY ssn',
    'SELECT DISTINCT ssn FROM customers',
    'SELECT DISTINCT ON (ssn) name FROM customers',
    'SELECT DISTINCT ON (2) name, ssn FROM customers',
    'SELECT ssn FROM customers UNION SELECT $1',
    'SELECT $1 INTERSECT ALL SELECT ssn FROM customers',
    'SELECT $1 EXCEPT ALL SELECT ssn FROM customers',
    '(SELECT ssn FROM customers UNION ALL SELECT $1) UNION SELECT $2',
    'SELECT rank() OVER (ORDER BY ssn) FROM customers',
    'SELECT count(*) OVER w FROM customers WINDOW w AS (PARTITION BY ssn)',
    'SELECT array_agg(name ORDER BY ssn) FROM customers',
    'SELECT ssn FROM customers UNION ALL SELECT ssn FROM customers ORDER BY 1',
    'SELECT $1 AS a UNION ALL SELECT ssn FROM customers ORDER BY a',
    'WITH RECURSIVE r AS (SELECT ssn FROM customers UNION ALL SELECT ssn FROM r) SEARCH DEPTH FIRST BY ssn SET o SELECT 1 FROM r',
    'CREATE TABLE k (s text REFERENCES customers (ssn))',
    'CREATE INDEX ON customers (ssn)',
    'INSERT INTO customers (id, ssn) VALUES (1, $1) ON CONFLICT (ssn) DO NOTHING',
  ])('%s', text => expect(verdict(text)).toBe(ssn(KEY)))
  test.each([
    'SELECT DISTINCT * FROM customers',
    'SELECT * FROM customers ORDER BY 4',
    'SELECT * FROM customers UNION SELECT * FROM customers',
    'TABLE customers EXCEPT TABLE customers',
    'WITH w AS (SELECT id, ssn FROM customers) (TABLE w) INTERSECT (TABLE w)',
    'SELECT DISTINCT c.* FROM customers c',
    'CREATE TABLE k (s text REFERENCES customers)',
    'CREATE TABLE k PARTITION OF customers DEFAULT',
  ])('%s', text => expect(verdict(text)).toContain(KEY))
})

describe('a masked column that something is computed with is refused by its rule', () => {
  test.each([
    "SELECT ssn || '' FROM customers",
    'SELECT upper(ssn) FROM customers',
    'SELECT ssn::bytea FROM customers',
    'SELECT count(ssn) FROM customers',
    'SELECT 1 / (length(ssn) - 11) FROM customers',
    'SELECT (SELECT ssn FROM customers WHERE id = 1)',
    'SELECT array(SELECT ssn FROM customers)',
    'SELECT CASE WHEN ssn = $1 THEN 1 END FROM customers',
    'SELECT x FROM customers c, unnest(string_to_array(c.ssn, $$-$$)) x',
    'SELECT length(z) FROM (SELECT ssn AS z FROM customers) q',
    'SELECT name FROM customers LIMIT (SELECT length(ssn) FROM customers)',
    'VALUES ((SELECT ssn FROM customers))',
    'UPDATE orders SET total = 1 WHERE id = 1 RETURNING (SELECT ssn FROM customers)',
    'SELECT generate_series(1, length(ssn)) FROM customers',
    'SELECT first_value(ssn) OVER (ORDER BY id) FROM customers',
  ])('%s', text => expect(verdict(text)).toMatch(/^pii: .*ssn|^masked-data-stays/))
  test.each([
    'SELECT c FROM customers c',
    'SELECT row_to_json(c) FROM customers c',
    'SELECT count(c.*) FROM customers c',
    'SELECT c.to_json FROM customers c',
    'SELECT (c).ssn FROM customers c',
    'SELECT array(SELECT c.to_jsonb FROM customers c)',
    'SELECT id FROM orders WHERE (id, total) IN (SELECT * FROM customers)',
    'SELECT (SELECT z FROM (SELECT ssn AS z FROM customers) q)',
  ])('%s', text => expect(verdict(text)).toMatch(/^(pii|strict-masking): in strict mode/))
})

describe('what cannot be followed is refused', () => {
  test.each([
    ['SELECT contact FROM get_person(1)', 'strict-masking: in strict mode it calls "get_person"'],
    ['SELECT public.upper($1)', 'strict-masking: in strict mode it calls "upper"'],
    ['SELECT name OPERATOR(public.+) city FROM orders', 'its operator "+" could read masked columns'],
    ['SELECT total ||| 1 FROM orders', 'its operator "|||" could read masked columns'],
    ['SELECT id FROM somewhere', 'it reads "somewhere", which is temporary or not known yet'],
    ['SELECT id FROM pg_temp.t', 'it reads "t", which is temporary or not known yet'],
    ['SELECT n_distinct FROM pg_stats', '"pg_stats" tells how masked values are distributed'],
    ['COPY pg_catalog.pg_statistic TO STDOUT', '"pg_statistic" tells how masked values are distributed'],
    ['SELECT chunk_id FROM pg_toast_2619', '"pg_toast_2619" tells how masked values are distributed'],
    ['EXPLAIN ANALYZE SELECT name FROM customers', 'EXPLAIN ANALYZE runs on a table with masked columns'],
    ['EXPLAIN SELECT ssn FROM customers', 'its plan tells how wide masked columns are'],
    ['EXPLAIN SELECT * FROM customers', 'its plan tells how wide masked columns are'],
    ['EXECUTE p', 'it runs a statement by a name that is not known'],
    ['DO $$ BEGIN END $$', 'masked-data-stays: it carries code that could read masked columns'],
    ['CALL get_person(1)', 'it calls "get_person"'],
    ['CREATE INDEX ON customers (city)', 'it builds on the definition of "public.customers"'],
    ['CLUSTER customers', 'it builds on the definition of "public.customers"'],
    [
      'SELECT * FROM (SELECT * FROM orders UNION ALL SELECT id, id, id, ssn, ssn FROM customers) q WHERE total = 1',
      'its set operation gives masked columns names that nobody can tell',
    ],
  ])('%s', (text, why) => expect(verdict(text)).toContain(why))
})

describe('a write that a constraint compares with masked values is refused', () => {
  test.each([
    ["INSERT INTO customers (id, ssn) VALUES (9, '123') ON CONFLICT DO NOTHING", 'unique'],
    ["INSERT INTO customers VALUES (9, 'n', 'c', '123')", 'unique'],
    ["UPDATE customers SET ssn = '123' WHERE id = 1", 'unique'],
    ["UPDATE customers SET city = 'Rome', ssn = $1 WHERE id = 1", 'unique'],
    ["UPDATE people SET n = 'x'", 'unique'],
    ['COPY customers FROM STDIN', 'unique'],
    ['COPY customers (id, ssn) FROM STDIN', 'unique'],
    ["INSERT INTO payments (id, payer) VALUES (1, '123')", 'foreign key'],
    ['UPDATE customers SET bonus = 5000 WHERE id = 1', 'check'],
    [
      'MERGE INTO customers c USING orders o ON c.id = o.id WHEN NOT MATCHED THEN INSERT (ssn) VALUES ($1)',
      'unique',
    ],
  ])('%s', (text, constraint) => expect(verdict(text)).toContain(constraint))
  test('by the rule of the column that is compared', () => {
    expect(verdict("INSERT INTO payments (id, payer) VALUES (1, '123')")).toMatch(
      /^pii: .*"public.customers.ssn"/,
    )
    expect(verdict('UPDATE customers SET salary = 1, bonus = 2')).toBe('masked')
  })
})

const REFUSED = [
  'select name from customers where ssn = $1',
  'select id from customers order by ssn',
  'select distinct ssn from customers',
  'select upper ( ssn ) from customers',
  'select ssn from customers union select $1',
  'select name from customers c join payments o on c . ssn = o . payer',
  'select row_to_json ( c ) from customers c',
  'select contact from get_person ( 1 )',
]
const WRAPPINGS = [
  (text: string) => `WITH w AS (${text}) SELECT * FROM w`,
  (text: string) => `WITH w AS MATERIALIZED (${text}) TABLE w`,
  (text: string) => `SELECT * FROM (${text}) q`,
  (text: string) => `SELECT q.* FROM LATERAL (${text}) q WHERE true`,
  (text: string) => `(${text}) UNION ALL (${text})`,
  (text: string) => `SELECT 1 WHERE EXISTS (${text})`,
  (text: string) => `CREATE TEMP VIEW v AS ${text}`,
  (text: string) => `PREPARE p AS ${text}`,
  (text: string) => `DECLARE c CURSOR FOR ${text}`,
  (text: string) => `EXPLAIN ${text}`,
  (text: string) => `SELECT 1; ${text}; SELECT 2`,
]
const GAPS = [' ', '\n', '/**/', '/* a /* b */ */', ' -- x\n']

test('another dress weakens no refusal', () => {
  const dress = fc.record({
    text: fc.constantFrom(...REFUSED),
    wrappings: fc.array(fc.constantFrom(...WRAPPINGS.slice(0, 5)), { maxLength: 3 }),
    last: fc.constantFrom(...WRAPPINGS),
    gap: fc.constantFrom(...GAPS),
    upper: fc.boolean(),
    quoted: fc.boolean(),
  })
  fc.assert(
    fc.property(dress, ({ text, wrappings, last, gap, upper, quoted }) => {
      const cased = upper ? text.toUpperCase() : text
      const named = quoted ? cased.replace(/\bssn\b|\bcustomers\b/g, '"$&"') : cased
      const wrapped = last(wrappings.reduce((inner, wrap) => wrap(inner), named.split(' ').join(gap)))
      expect(verdict(wrapped), wrapped).not.toBe('masked')
    }),
    { numRuns: 500 },
  )
})

test('where no column is masked, and in the other modes, none of this is refused', () => {
  const made = (mode: 'net' | 'lineage' | 'strict', rules = RULES) =>
    makeMasker({ rules, catalog: CATALOG, hashKey: Buffer.alloc(32), mode })
  const text = "SELECT ssn || '' FROM customers WHERE ssn = $1"
  expect(verdict(text, made('net'))).toBe('masked')
  expect(verdict(text, made('lineage'))).toBe('masked')
  expect(verdict(text, made('strict', []))).toBe('masked')
  expect(verdict('UPDATE customers SET city = ssn', made('net'))).toBe('masked')
})
