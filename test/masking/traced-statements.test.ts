import { beforeAll, describe, expect, test } from 'vitest'
import type { StatementFacts } from '../../src/domain/facts.js'
import { makeMasker } from '../../src/masking/masker.js'
import type { ColumnSource } from '../../src/masking/statement-masking.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { OPTIONS } from '../sql/lineage/check-lineage.js'
import { columnRule, sketchCatalog } from './hand-made-catalog.js'

beforeAll(() => loadPostgresGrammar())

const CATALOG = sketchCatalog(
  [
    { name: 'public.customers', columns: 'id:23 name city ssn' },
    { name: 'public.orders', columns: 'id:23 total:23 note' },
    { name: 'public.people', columns: 'id:23 ssn', kind: 'view', reads: { 'public.customers': [1, 4] } },
  ],
  ['leak'],
)
const RULES = [columnRule('pii', ['*.customers.ssn'], { kind: 'redact' })]
const masker = () => makeMasker({ rules: RULES, catalog: CATALOG, hashKey: Buffer.alloc(32, 1) })

interface Read {
  readonly text: string
  readonly statements: readonly StatementFacts[]
}

function read(text: string): Read {
  const facts = readPostgresText(text)
  return { text, statements: facts.understood ? facts.statements : [] }
}

/** Judges a text, with statements of other texts behind the names that its only statement runs. */
function judge(text: string, behind: readonly string[] = []) {
  const facts = readPostgresText(text)
  const own = facts.understood ? facts.statements : []
  const texts = [{ text, statements: own }, ...behind.map(read)]
  const statements = [...own, ...texts.slice(1).flatMap(one => one.statements)]
  return masker().judge(statements, facts, statement => {
    const origin = texts.find(one => one.statements.includes(statement))
    if (origin === undefined) return undefined
    return traceLineage(origin.text, CATALOG, OPTIONS)[origin.statements.indexOf(statement)]
  })
}

const EXPRESSION: ColumnSource = {
  name: '?column?',
  tableOid: 0,
  columnNumber: 0,
  typeOid: 25,
  format: 'text',
}

/** Outputs that are no plain columns: which of them are masked when they answer the statement at a place. */
function plan(judged: ReturnType<typeof judge>, place: number | undefined, count: number): string {
  if (judged.kind === 'refused') return 'refused'
  const columns = Array.from({ length: count }, () => EXPRESSION)
  const planned = judged.masking.planRows(columns, place) ?? columns.map(() => undefined)
  return planned.map(entry => (entry === undefined ? 'clear' : 'masked')).join(' ')
}

describe('statements behind a name', () => {
  const PREPARE = 'PREPARE p AS SELECT upper(name), upper(ssn) FROM customers WHERE id = $1'
  const DECLARE = 'DECLARE c CURSOR FOR SELECT upper(ssn), upper(name) FROM customers'

  function check(text: string, behind: readonly string[], expected: string): void {
    test(`${text} with ${behind.join(' or ')}: ${expected}`, () => {
      expect(plan(judge(text, behind), 0, 2)).toBe(expected)
    })
  }

  check('EXECUTE p(1)', [PREPARE], 'clear masked')
  check('EXECUTE p', ['SELECT upper(name), upper(ssn) FROM customers'], 'clear masked')
  check('FETCH ALL FROM c', [DECLARE], 'masked clear')
  check('FETCH BACKWARD 2 FROM c', [DECLARE], 'masked clear')
  check(
    'EXECUTE p(1)',
    [PREPARE, 'PREPARE p AS SELECT upper(ssn), upper(name) FROM customers'],
    'masked masked',
  )
  check('EXECUTE p(1)', [PREPARE, 'PREPARE p AS SELECT upper(ssn) FROM customers'], 'masked masked')
  // Nothing stands behind the name, or nobody can say what its rows are.
  check('EXECUTE p(1)', [], 'masked masked')
  check('FETCH ALL FROM c', [DECLARE.replace('CURSOR', 'CURSOR WITH HOLD')], 'masked masked')
  check('EXECUTE p(1)', ['PREPARE p AS SELECT leak(name), upper(city) FROM customers'], 'masked clear')
  // What is given to parameters passes through the statement as if it were a constant.
  const PASSES = 'PREPARE p AS SELECT $1, upper(name) FROM customers WHERE ssn IS NOT NULL'
  check("EXECUTE p('x')", [PREPARE], 'clear masked')
  check("EXECUTE p(leak('x'))", [PASSES, 'SELECT ssn, ssn FROM customers'], 'masked masked')
  check("EXECUTE p('x' === 'y')", [PREPARE], 'masked masked')
  check("EXECUTE p('x'::wheel)", [PREPARE], 'masked masked')
  check("EXECUTE p(upper('x'))", [PREPARE], 'clear masked')
  check('EXPLAIN EXECUTE p(1)', [PREPARE], 'clear clear')
})

describe('several statements in one text', () => {
  const TEXT =
    'SELECT upper(name), upper(ssn) FROM customers; SELECT 1, upper(note) FROM orders; SELECT upper(ssn), upper(city) FROM customers'

  function check(place: number | undefined, expected: string): void {
    test(`the rows of statement ${place} are ${expected}`, () => {
      expect(plan(judge(TEXT), place, 2)).toBe(expected)
    })
  }

  check(0, 'clear masked')
  check(1, 'clear clear')
  check(2, 'masked clear')
  // A result that nobody can tell to be of one of them, or that comes after the last.
  check(undefined, 'masked masked')
  check(3, 'masked masked')

  test('COPY is masked by the statement that it is', () => {
    const judged = judge('COPY (SELECT name, upper(ssn) FROM customers) TO STDOUT; COPY orders TO STDOUT')
    if (judged.kind === 'refused') throw new Error(judged.message)
    const shapes = [0, 1, undefined].map(place =>
      judged.masking.planCopy(2, place)?.map(entry => (entry === undefined ? '-' : 'pii')),
    )
    expect(shapes).toEqual([['-', 'pii'], undefined, ['pii', 'pii']])
  })

  test('a name that is made and used in the same text brings its statement along', () => {
    const facts = readPostgresText(
      'DECLARE c CURSOR FOR SELECT upper(name), upper(ssn) FROM customers; FETCH c; SELECT 1, 2',
    )
    const own = facts.understood ? facts.statements : []
    const [declare, fetch, select] = own
    const text = 'DECLARE c CURSOR FOR SELECT upper(name), upper(ssn) FROM customers; FETCH c; SELECT 1, 2'
    const statements = [declare, fetch, declare, select].flatMap(one => one ?? [])
    const judged = masker().judge(
      statements,
      facts,
      one => traceLineage(text, CATALOG, OPTIONS)[own.indexOf(one)],
    )
    expect([0, 1, 2].map(place => plan(judged, place, 2))).toEqual([
      'clear masked',
      'clear masked',
      'clear clear',
    ])
  })
})

describe('what is stored', () => {
  function check(text: string, expected: 'masked' | 'refused'): void {
    test(`${expected === 'masked' ? 'allowed' : 'refused'}: ${text}`, () => {
      expect(judge(text).kind).toBe(expected)
    })
  }

  check("CREATE TEMP TABLE t AS SELECT id, upper(name) FROM customers WHERE city = 'x'", 'masked')
  check('CREATE TABLE t AS SELECT q.id FROM (SELECT * FROM customers) q', 'masked')
  check('SELECT id, upper(name) INTO t FROM (SELECT id, name, ssn FROM customers) q', 'masked')
  check('CREATE VIEW v AS SELECT id, name FROM (SELECT id, name, ssn FROM customers) q', 'masked')
  check('CREATE MATERIALIZED VIEW v AS SELECT q.name FROM (TABLE customers) q', 'masked')
  check('INSERT INTO orders SELECT q.id FROM (SELECT id, ssn FROM customers) q', 'masked')
  check('INSERT INTO fresh SELECT q.id FROM (SELECT id, ssn FROM customers) q', 'masked')
  check(
    'UPDATE orders SET note = q.name FROM (SELECT id, name, ssn FROM customers) q WHERE q.id = 1',
    'masked',
  )
  check(
    'WITH x AS (INSERT INTO orders SELECT q.id FROM (SELECT id, ssn FROM customers) q) SELECT 1',
    'masked',
  )
  check('PREPARE p AS INSERT INTO orders SELECT q.id FROM (SELECT id, ssn FROM customers) q', 'masked')

  check('CREATE TEMP TABLE t AS SELECT id, upper(ssn) FROM customers', 'refused')
  check('CREATE TABLE t AS SELECT * FROM customers', 'refused')
  check('CREATE TABLE t AS SELECT q FROM (SELECT id, ssn FROM customers) q', 'refused')
  check('CREATE TABLE t AS SELECT 1 FROM customers, generate_series(1, length(ssn))', 'refused')
  check('CREATE TABLE t AS EXECUTE p', 'masked')
  check('SELECT id, upper(ssn) INTO t FROM customers', 'refused')
  check('SELECT id INTO t FROM orders UNION SELECT length(ssn) FROM customers', 'refused')
  check('CREATE VIEW v AS SELECT q.ssn FROM (SELECT id, ssn FROM customers) q', 'refused')
  check('CREATE RECURSIVE VIEW v(a) AS SELECT ssn FROM customers', 'refused')
  check('INSERT INTO orders(note) SELECT leak(name) FROM customers', 'refused')
  check('INSERT INTO orders(note) SELECT note FROM nobody_knows', 'refused')
  check(
    'INSERT INTO orders SELECT 1 ON CONFLICT (id) DO UPDATE SET note = (SELECT max(ssn) FROM customers)',
    'refused',
  )
  check('UPDATE orders SET (note, id) = (SELECT ssn, id FROM customers LIMIT 1)', 'refused')
  check(
    'MERGE INTO orders o USING customers c ON o.id = c.id WHEN MATCHED THEN UPDATE SET note = c.ssn',
    'refused',
  )
  check('WITH x AS (INSERT INTO orders(note) SELECT ssn FROM customers) SELECT 1', 'refused')
  check(
    'WITH x AS (INSERT INTO orders(note) SELECT ssn FROM customers) INSERT INTO orders SELECT 1',
    'refused',
  )
  check('PREPARE p AS INSERT INTO orders(note) SELECT ssn FROM customers', 'refused')

  // A materialized view can keep what the view gave before.
  check('CREATE OR REPLACE VIEW people AS SELECT id, NULL::text AS ssn FROM customers', 'refused')
  check('CREATE OR REPLACE VIEW public.people AS SELECT 1 AS id, NULL::text AS ssn', 'refused')
  check('CREATE OR REPLACE VIEW scratch.people AS SELECT 1 AS id', 'masked')

  test('EXECUTE stores what stands behind it', () => {
    const stores = 'PREPARE p AS INSERT INTO orders SELECT q.id FROM (SELECT id, ssn FROM customers) q'
    expect(judge('EXECUTE p', [stores]).kind).toBe('masked')
    expect(judge('EXECUTE p', [stores.replace('q.id', 'q.ssn')]).kind).toBe('refused')
    expect(judge('CREATE TABLE t AS EXECUTE p', ['PREPARE p AS SELECT upper(ssn) FROM customers']).kind).toBe(
      'refused',
    )
  })
})
