import { beforeAll, expect, test } from 'vitest'
import type { MaskingExplanation } from '../../src/masking/explain-masking.js'
import { makeMasker } from '../../src/masking/masker.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { columnRule, ruleName, sketchCatalog } from './hand-made-catalog.js'

beforeAll(loadPostgresGrammar)

const TEXT_OID = 25
const catalog = sketchCatalog(
  [
    { name: 'public.customers', columns: 'id:23 name email ssn' },
    { name: 'public.orders', columns: 'id:23 customer:23 total:23' },
    { name: 'public.people', columns: 'id:23 email', kind: 'view', reads: { 'public.customers': [1, 3] } },
  ],
  ['own_function'],
)
const masker = makeMasker({
  rules: [
    columnRule('emails', ['public.*.email'], { kind: 'keep-last', count: 4 }),
    columnRule('ssn', ['public.customers.ssn'], { kind: 'redact' }),
    {
      kind: 'detector',
      name: ruleName('net'),
      detectors: ['card-number', 'iban'],
      strategy: { kind: 'redact' },
    },
  ],
  catalog,
  hashKey: Buffer.alloc(0),
})

/** The explanation of a text, which must say what the judgement does. */
function explain(text: string): MaskingExplanation {
  const facts = readPostgresText(text)
  const statements = facts.understood ? facts.statements : []
  const explanation = masker.explain(statements, facts)
  const judgement = masker.judge(statements, facts)
  if (judgement.kind === 'refused' || explanation.kind === 'refused') {
    expect(explanation).toEqual(judgement)
    return explanation
  }
  const { masking } = judgement
  const isMasked = (tableOid: number, columnNumber: number): boolean => {
    // The net looks at texts whatever the rules say, so a number is asked for: it looks at none of these.
    const column = { name: 'x', tableOid, columnNumber, typeOid: 23, format: 'text' } as const
    const rule = masking.planRows([column])?.[0]?.rule
    return rule !== undefined && rule !== 'net'
  }
  expect(explanation.computed.kind !== 'clear').toBe(isMasked(0, 0))
  expect(explanation.hidesMessages).toBe(masking.hidesMessages)
  const orders = catalog.byName.get('orders')?.[0]?.oid ?? expect.unreachable()
  expect(explanation.computed.kind === 'everything').toBe(isMasked(orders, 1))
  for (const { column, rule } of explanation.columns) {
    const [, table = '', name] = column.split('.')
    const relation = catalog.byName.get(table)?.[0] ?? expect.unreachable()
    const number = relation.columns.find(one => one.name === name)?.number ?? 0
    const source = {
      name: 'x',
      tableOid: relation.oid,
      columnNumber: number,
      typeOid: TEXT_OID,
      format: 'text',
    } as const
    const planned = masking.planRows([source])?.[0]?.rule
    if (explanation.computed.kind !== 'everything') expect([column, planned]).toEqual([column, rule])
  }
  return explanation
}

/** How expressions are treated and why, then the columns that are masked. */
function check(text: string, computed: string, ...columns: readonly string[]) {
  const explanation = explain(text)
  if (explanation.kind === 'refused') return expect(`refused: ${explanation.message}`).toBe(computed)
  expect(`${explanation.computed.kind}: ${explanation.computed.reason}`).toBe(computed)
  expect(explanation.columns.map(({ column, rule }) => `${column} ${rule}`)).toEqual(columns)
}

const CUSTOMERS = ['public.customers.email emails', 'public.customers.ssn ssn']
const UNTOUCHED = 'clear: it touches no relation with masked columns'
const UNREACHED = 'clear: masked columns do not reach an expression of the result'

test('a text that touches nothing masked is clear', () => {
  check('SELECT id + 1 FROM orders', UNTOUCHED)
  check('SELECT 1', UNTOUCHED)
})

test('the columns of what is touched are named with their rules', () => {
  check('SELECT id FROM customers', UNREACHED, ...CUSTOMERS)
  check('SELECT * FROM customers', UNREACHED, ...CUSTOMERS)
  // Which column of a view carries the value is not traced, so all of them count.
  check(
    'SELECT id FROM people',
    'expressions: "id" is masked and is named where values travel',
    'public.people.id emails',
    'public.people.email emails',
  )
})

test('an expression is masked for a reason that a person can change', () => {
  check(
    'SELECT upper(email) FROM customers',
    'expressions: "email" is masked and is named where values travel',
    ...CUSTOMERS,
  )
  check(
    'SELECT c FROM customers c',
    'expressions: it uses a whole row with masked columns as a value',
    ...CUSTOMERS,
  )
  check('SELECT own_function(1)', 'expressions: it calls a function that could return masked values')
  check(
    'SELECT id FROM tomorrow',
    'expressions: it reads a relation that the catalog does not know, or a temporary one',
  )
  check(
    'SELECT a FROM (SELECT * FROM customers) AS x(a)',
    'expressions: a "*" inside of it takes masked columns along',
    ...CUSTOMERS,
  )
  check(
    'INSERT INTO tomorrow VALUES (1) RETURNING 1',
    'expressions: it writes a relation that the catalog does not know',
  )
})

test('a set operation masks everything', () => {
  check(
    'SELECT email FROM customers UNION SELECT name FROM customers',
    'everything: "email" is masked and is named where values travel',
    ...CUSTOMERS,
  )
  check(
    'SELECT id FROM customers UNION SELECT 1',
    'everything: UNION, INTERSECT and EXCEPT hide where values come from',
    ...CUSTOMERS,
  )
})

test('a name of the session that nobody explains masks everything', () => {
  check('EXECUTE p', 'everything: it runs a statement by a name that is not known')
})

test('what masking refuses is refused in the same words', () => {
  const LAUNDERS = 'refused: masked values would be stored where they can be read again'
  check('CREATE TABLE x AS SELECT email FROM customers', LAUNDERS)
  check(
    'COPY (SELECT email FROM customers) TO STDOUT',
    'refused: its rows could hold masked values, and COPY does not say where they come from',
  )
  check('COPY customers TO STDOUT (FORMAT binary)', 'refused: rows of COPY in binary format cannot be masked')
  check('COPY customers TO STDOUT', UNREACHED, ...CUSTOMERS)
  check('SELEC', 'refused: it was not understood, so nobody can say what it would show')
})

test('the detectors are named, and whether messages are hidden', () => {
  const explanation = explain('UPDATE customers SET name = $1 WHERE id = 1')
  expect(explanation).toMatchObject({
    kind: 'masked',
    detectors: [{ rule: 'net', detectors: ['card-number', 'iban'] }],
    hidesMessages: true,
  })
  expect(explain('SELECT 1')).toMatchObject({ hidesMessages: false })
})
