import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import type { MaskingRule } from '../../src/domain/masking-rule.js'
import { type Masker, makeMasker } from '../../src/masking/masker.js'
import type { ColumnSource, RowPlan, StatementMasking } from '../../src/masking/statement-masking.js'
import { isTraceable, takesRow } from '../../src/masking/traceable-functions.js'
import { isTraceableType } from '../../src/masking/traceable-types.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { columnRule, ruleName, sketchCatalog } from './hand-made-catalog.js'

const CATALOG = sketchCatalog(
  [
    { name: 'public.customers', columns: 'id:23 name ssn card salary:23' },
    { name: 'public.orders', columns: 'id:23 total:23 note' },
    { name: 'secret.customers', columns: 'ssn id:23' },
  ],
  ['get_person'],
)
const CUSTOMERS = 20_000
const ORDERS = 20_001
const PII = columnRule('pii', ['public.customers.ssn', 'public.customers.salary'], { kind: 'redact' })
const CARDS = columnRule('cards', ['public.customers.card'], { kind: 'keep-last', count: 4 })
const NET: MaskingRule = {
  kind: 'detector',
  name: ruleName('net'),
  detectors: ['email'],
  strategy: { kind: 'redact' },
}

function masker(...rules: readonly MaskingRule[]): Masker {
  return makeMasker({ rules, catalog: CATALOG, hashKey: Buffer.alloc(32, 1) })
}

beforeAll(loadPostgresGrammar)

function masking(text: string, made: Masker = masker(PII, CARDS)): StatementMasking {
  const facts = readPostgresText(text)
  const judged = made.judge(facts.understood ? facts.statements : [], facts)
  if (judged.kind === 'refused') throw new Error(judged.message)
  return judged.masking
}

function refusal(text: string, made: Masker = masker(PII, CARDS)): string {
  const facts = readPostgresText(text)
  const judged = made.judge(facts.understood ? facts.statements : [], facts)
  return judged.kind === 'refused' ? judged.rule : judged.kind
}

const column = (more: Partial<ColumnSource> = {}): ColumnSource => ({
  name: 'x',
  tableOid: 0,
  columnNumber: 0,
  typeOid: 25,
  format: 'text',
  ...more,
})

/** The plan in one word a column: the rule that masks it, or a dash. */
function shape(plan: RowPlan | undefined): string {
  return plan === undefined ? 'passes' : plan.map(entry => entry?.rule ?? '-').join(' ')
}

describe('rows', () => {
  const plain = (columnNumber: number, tableOid = CUSTOMERS): ColumnSource =>
    column({ tableOid, columnNumber })
  const check = (text: string, columns: readonly ColumnSource[], expected: string): void => {
    test(`${text} with ${columns.map(one => `${one.tableOid}.${one.columnNumber}`).join(' ')}: ${expected}`, () => {
      expect(shape(masking(text).planRows(columns))).toBe(expected)
    })
  }
  check('SELECT id, ssn, card FROM customers', [plain(1), plain(3), plain(4)], '- pii cards')
  check('SELECT id AS ssn FROM customers', [{ ...plain(1), name: 'ssn' }], 'passes')
  check('SELECT id, name FROM customers', [plain(1), plain(2)], 'passes')
  check('SELECT count(*) FROM customers', [column()], 'passes')
  check('SELECT upper(card) FROM customers', [column()], 'pii')
  check('SELECT c FROM customers c', [plain(0)], 'pii')
  check('SELECT ctid FROM customers', [plain(-1)], 'passes')
  check('SELECT later FROM orders', [plain(9, ORDERS)], 'pii')
  check('SELECT id FROM orders', [plain(1, 77_777)], 'pii')
  check('SELECT relname FROM pg_class', [plain(2, 1259)], 'passes')
  check('SELECT id FROM orders UNION SELECT id FROM customers', [plain(1, ORDERS)], 'pii')
  check('SELECT id FROM orders UNION SELECT total FROM orders', [plain(1, ORDERS)], 'passes')
  check('SELECT id FROM unknown_one', [column()], 'pii')
  check('SELECT id::wheel FROM customers', [column()], 'pii')
  check('SELECT id::bigint FROM customers', [column()], 'passes')
  check('SHOW server_version', [column()], 'passes')

  test('a rule of the strategy null gives NULL also where the origin is unknown', () => {
    const nulls = columnRule('nulls', ['public.customers.ssn'], { kind: 'null' })
    const plan = masking('SELECT ssn || ssn FROM customers', masker(nulls)).planRows([column()])
    expect(plan?.[0]?.mask(Buffer.from('x'))).toBeNull()
  })

  test('keep-last never keeps the end of an expression', () => {
    const plan = masking('SELECT reverse(card) FROM customers').planRows([column()])
    expect(plan?.[0]?.mask(Buffer.from('1111111111111114'))?.toString()).toBe('[masked]')
  })
})

describe('COPY', () => {
  const check = (text: string, columnCount: number, expected: string): void => {
    test(`${text} with ${columnCount} columns: ${expected}`, () => {
      expect(shape(masking(text).planCopy(columnCount))).toBe(expected)
    })
  }
  check('COPY public.customers TO STDOUT', 5, '- - pii cards pii')
  check('COPY public.customers (card, id) TO STDOUT', 2, 'cards -')
  check('COPY public.customers TO STDOUT', 4, 'pii pii pii pii')
  check('COPY public.customers (nowhere, id) TO STDOUT', 2, 'pii pii')
  check('COPY customers (id, ssn) TO STDOUT', 2, '- pii')
  check('COPY orders TO STDOUT WITH (FORMAT csv)', 3, 'passes')
  check('COPY unknown_one TO STDOUT', 2, 'pii pii')
  check('COPY (SELECT id, total FROM orders) TO STDOUT', 2, 'passes')
  check('COPY (SELECT id, name FROM customers) TO STDOUT', 2, 'passes')
  check('COPY customers FROM STDIN', 5, 'passes')

  for (const text of [
    'COPY (SELECT ssn FROM customers) TO STDOUT',
    'COPY (SELECT * FROM customers) TO STDOUT',
    'COPY (TABLE customers) TO STDOUT',
    'COPY (SELECT contact FROM get_person(1)) TO STDOUT',
    'COPY (SELECT c.to_json FROM customers c) TO STDOUT',
    "COPY (SELECT * FROM customers NATURAL FULL JOIN (SELECT 1 AS id, 'x' AS ssn) q) TO STDOUT",
    'COPY (DELETE FROM customers RETURNING *) TO STDOUT',
    'COPY customers TO STDOUT WITH (FORMAT binary)',
    "COPY customers TO '/tmp/x'",
    "COPY orders FROM PROGRAM 'cat base/1'",
    "COPY customers TO PROGRAM 'cat'",
  ]) {
    test(`${text} is refused`, () => expect(refusal(text)).toBe('masked-data-stays'))
  }

  test('binary COPY passes where nothing could be masked, and not where detectors look', () => {
    expect(refusal('COPY orders TO STDOUT WITH (FORMAT binary)')).toBe('masked')
    expect(refusal('COPY orders TO STDOUT WITH (FORMAT binary)', masker(PII, NET))).toBe('masked-data-stays')
  })

  test('detectors look at every column that no rule protects', () => {
    const plan = masking('COPY orders TO STDOUT', masker(PII, NET)).planCopy(3)
    // id and total are int4, which holds no address.
    expect(shape(plan)).toBe('- - net')
    expect(plan?.[2]?.mask(Buffer.from('to a@b.co'))?.toString()).toBe('to [masked]')
  })
})

describe('messages', () => {
  const check = (text: string, hides: boolean): void => {
    test(`${text} ${hides ? 'hides' : 'shows'} its messages`, () => {
      const made = masking(text)
      expect(made.hidesMessages).toBe(hides)
      expect(made.maskText('x')).toBe(hides ? 'details are masked by rule "pii"' : 'x')
    })
  }
  check('SELECT nam FROM customers', false)
  check('SELECT 1 FROM customers WHERE ssn::int = 1', true)
  check('SELECT id FROM customers ORDER BY ssn', true)
  check('UPDATE customers SET name = upper(name)', true)
  check('DELETE FROM customers WHERE id = 1', true)
  check('INSERT INTO customers (id) VALUES (1)', true)
  check('COPY customers FROM STDIN', true)
  check('CREATE UNIQUE INDEX ON customers (ssn)', true)
  check('COMMIT', true)
  check('SET CONSTRAINTS ALL IMMEDIATE', true)
  check('ROLLBACK', false)
  check('INSERT INTO orders (id) VALUES (1)', false)
  check('SELECT get_person(1)', true)
  check('EXPLAIN SELECT name FROM customers', false)

  test('the net works on messages that are shown', () => {
    expect(masking('SELECT 1', masker(NET)).maskText('value "a@b.co" is too long')).toBe(
      'value "[masked]" is too long',
    )
  })
})

describe('names of the session', () => {
  const behind = 'SELECT ssn || name AS z FROM customers'

  test('EXECUTE is judged with the statement behind the name', () => {
    const facts = readPostgresText('EXECUTE p')
    const other = readPostgresText(behind)
    if (!facts.understood || !other.understood) throw new Error('not understood')
    const made = masker(PII)
    const judged = made.judge([...facts.statements, ...other.statements], facts)
    expect(judged.kind === 'masked' && shape(judged.masking.planRows([column()]))).toBe('pii')
    const harmless = readPostgresText('SELECT 1')
    if (!harmless.understood) throw new Error('not understood')
    const again = made.judge([...facts.statements, ...harmless.statements], facts)
    expect(again.kind === 'masked' && shape(again.masking.planRows([column()]))).toBe('passes')
  })

  test('a name without a statement behind it is masked whole', () => {
    expect(shape(masking('EXECUTE p').planRows([column({ tableOid: ORDERS, columnNumber: 1 })]))).toBe('pii')
    expect(shape(masking('FETCH ALL FROM c').planRows([column()]))).toBe('pii')
    expect(masking('EXECUTE p').hidesMessages).toBe(true)
  })

  test('a plan that is shown first does not clear what follows in the same text', () => {
    const facts = readPostgresText('EXPLAIN EXECUTE p; SELECT reverse(ssn) FROM customers')
    const other = readPostgresText('SELECT 1')
    if (!facts.understood || !other.understood) throw new Error('not understood')
    const judged = masker(PII).judge([...facts.statements, ...other.statements], facts)
    expect(judged.kind === 'masked' && shape(judged.masking.planRows([column()]))).toBe('pii')
  })

  test('what a prepared statement stores counts with what it is given', () => {
    const facts = readPostgresText('EXECUTE p(get_person(1))')
    const other = readPostgresText('INSERT INTO orders (note) VALUES ($1)')
    if (!facts.understood || !other.understood) throw new Error('not understood')
    expect(masker(PII).judge([...facts.statements, ...other.statements], facts).kind).toBe('refused')
  })
})

test('a verdict is remembered by the identity of the facts', () => {
  const facts = readPostgresText('SELECT ssn FROM customers')
  if (!facts.understood) throw new Error('not understood')
  const made = masker(PII)
  expect(made.judge(facts.statements, facts)).toBe(made.judge(facts.statements, facts))
})

test('what is not understood is refused', () => {
  expect(masker(PII).judge([], { understood: false, reason: 'x' }).kind).toBe('refused')
})

test('rows that answer nothing are masked whole', () => {
  expect(shape(masker(PII).background.planRows([column({ tableOid: ORDERS, columnNumber: 1 })]))).toBe('pii')
})

test('notifications are replaced when a column is protected; settings are not', () => {
  const { background } = masker(PII, NET)
  expect(background.maskPayload?.('{"ssn":"123"}')).toBe('details are masked by rule "pii"')
  expect(background.maskText('UTF8')).toBe('UTF8')
  expect(background.maskText('a@b.co')).toBe('[masked]')
  expect(masker(NET).background.maskPayload?.('hello a@b.co')).toBe('hello [masked]')
})

describe('detectors alone', () => {
  test('statements that would be refused for columns pass', () => {
    for (const text of [
      'DO $$ BEGIN END $$',
      'CREATE TABLE t AS SELECT * FROM customers',
      'SELECT get_person(1)',
    ]) {
      expect(refusal(text, masker(NET))).toBe('masked')
    }
  })

  test('rows go through the net, and types that hold nothing pass', () => {
    const plan = masking('SELECT 1', masker(NET)).planRows([column(), column({ typeOid: 23 })])
    expect(shape(plan)).toBe('net -')
    const value = Buffer.from('nothing here')
    expect(plan?.[0]?.mask(value)).toBe(value)
  })
})

describe("psql's own queries", () => {
  const queries: readonly string[] = JSON.parse(
    readFileSync(new URL('corpus/psql-catalog.json', import.meta.url), 'utf8'),
  )
  for (const text of queries) {
    test(text.replace(/\s+/g, ' ').slice(0, 90), () => {
      expect(shape(masking(text).planRows([column(), column({ tableOid: 1259, columnNumber: 2 })]))).toBe(
        'passes',
      )
    })
  }
})

describe('with lineage', () => {
  const OPTIONS = { isTraceable, isBuiltInType: isTraceableType, takesRow }
  const judged = (text: string) => {
    const facts = readPostgresText(text)
    const statements = facts.understood ? facts.statements : []
    return masker(PII, CARDS).judge(
      statements,
      facts,
      statement => traceLineage(text, CATALOG, OPTIONS)[statements.indexOf(statement)],
    )
  }
  const traced = (text: string): StatementMasking => {
    const judgement = judged(text)
    if (judgement.kind === 'refused') throw new Error(judgement.message)
    return judgement.masking
  }
  const check = (text: string, columns: readonly ColumnSource[], expected: string): void => {
    test(`${text}: ${expected}`, () => expect(shape(traced(text).planRows(columns))).toBe(expected))
  }
  const plain = (columnNumber: number): ColumnSource => column({ tableOid: CUSTOMERS, columnNumber })
  check('SELECT upper(name), upper(ssn) FROM public.customers', [column(), column()], '- pii')
  check('SELECT upper(name), upper(ssn) FROM public.customers', [column()], 'pii')
  check('SELECT name, ssn, upper(ssn) FROM public.customers', [plain(2), plain(3), column()], '- pii pii')
  // The origin says one thing and the lineage another: the stricter of the two counts.
  check('SELECT ssn, upper(ssn) FROM public.customers', [plain(2), column()], 'pii pii')
  check('SELECT name, upper(ssn) FROM public.customers', [plain(3), column()], 'pii pii')
  check('SELECT name FROM public.customers UNION SELECT ssn FROM public.customers', [plain(2)], 'pii')
  check('SELECT name FROM public.customers UNION SELECT note FROM orders', [plain(2)], 'passes')
  check('SELECT *, upper(ssn) FROM public.customers', [plain(1), plain(2), plain(3), column()], '- - pii pii')
  check(
    'SELECT upper(name) FROM public.customers; SELECT upper(ssn) FROM public.customers',
    [column()],
    'pii',
  )
  check('SELECT get_person(id), upper(name) FROM public.customers', [column(), column()], 'pii -')
  check('EXPLAIN SELECT get_person(id) FROM public.customers', [column()], 'pii')

  test('messages of a statement that carries a protected value stay hidden', () => {
    expect(traced('SELECT upper(name), upper(ssn) FROM public.customers').hidesMessages).toBe(true)
  })

  test('COPY of a query that was followed is masked column by column', () => {
    const copied = traced('COPY (SELECT name, ssn, upper(card) FROM public.customers) TO STDOUT (FORMAT csv)')
    expect(shape(copied.planCopy(3))).toBe('- pii pii')
    expect(shape(copied.planCopy(2))).toBe('pii pii')
  })

  for (const text of [
    'COPY (SELECT * FROM public.customers) TO STDOUT',
    'COPY (SELECT contact, 1 FROM get_person(1)) TO STDOUT',
    'COPY (SELECT name, ssn FROM public.customers) TO STDOUT (FORMAT binary)',
    "COPY (SELECT name, ssn FROM public.customers) TO '/tmp/x'",
    'UPDATE orders SET note = upper(ssn) FROM public.customers',
  ]) {
    test(`${text} is refused all the same`, () => expect(judged(text).kind).toBe('refused'))
  }

  test('nothing is traced where nothing is tainted, and only once where something is', () => {
    let times = 0
    const made = masker(PII)
    for (const text of ['SELECT name FROM public.customers', 'SELECT upper(ssn) FROM public.customers']) {
      const facts = readPostgresText(text)
      const statements = facts.understood ? facts.statements : []
      const trace = () => {
        times += 1
        return undefined
      }
      made.judge(statements, facts, trace)
      made.judge(statements, facts, trace)
    }
    expect(times).toBe(1)
  })
})
