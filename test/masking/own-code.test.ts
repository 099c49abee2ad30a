import { beforeAll, describe, expect, test } from 'vitest'
import type { DatabaseCode } from '../../src/domain/catalog.js'
import { makeMasker } from '../../src/masking/masker.js'
import { isTraceable, takesRow } from '../../src/masking/traceable-functions.js'
import { isTraceableType } from '../../src/masking/traceable-types.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { columnRule, sketchCatalog } from './hand-made-catalog.js'

beforeAll(loadPostgresGrammar)

const OWN_TYPE = 30_000
const ENUM = 30_001
const PLAIN: DatabaseCode = {
  operators: new Set(['===', '%']),
  ownTypeOperators: new Set(['@>', '-']),
  castTargets: new Set(),
  casts: { builtIn: false, toOwn: false, fromOwn: false },
  plainTypes: new Set(['mood', 'public.mood']),
  plainTypeOids: new Set([ENUM]),
}
const RELATIONS = [
  { name: 'public.customers', columns: 'id:23 name ssn' },
  { name: 'public.orders', columns: `id:23 total:23 tags:1009 mood:${ENUM}` },
  { name: 'public.places', columns: `id:23 shape:${OWN_TYPE}` },
]

/** What becomes of the first output, an expression: its rule, `refused`, or `shown`. */
function verdict(
  text: string,
  { code = PLAIN, mode = 'lineage' }: { code?: DatabaseCode; mode?: 'lineage' | 'strict' } = {},
): string {
  const catalog = { ...sketchCatalog(RELATIONS), code }
  const rules = [columnRule('pii', ['public.customers.ssn'], { kind: 'redact' })]
  const masker = makeMasker({ rules, catalog, mode, hashKey: Buffer.alloc(32) })
  const facts = readPostgresText(text)
  const statements = facts.understood ? facts.statements : []
  const lineages = traceLineage(text, catalog, { isTraceable, isBuiltInType: isTraceableType, takesRow })
  const judged = masker.judge(statements, facts, one => lineages[statements.indexOf(one)])
  if (judged.kind === 'refused') return `refused: ${judged.message}`
  const column = { name: 'x', tableOid: 0, columnNumber: 0, typeOid: 25, format: 'text' } as const
  return judged.masking.planRows([column], 0)?.[0]?.rule ?? 'shown'
}

describe('an operator of the database is what a function of it is', () => {
  test.each([
    'SELECT id === total FROM orders',
    'SELECT id OPERATOR(public.===) total FROM orders',
    'SELECT id OPERATOR(public.+) total FROM orders',
    'SELECT === 1',
    // PostgreSQL has one of the name too, and which of the two is meant depends on types.
    'SELECT id % total FROM orders',
    'SELECT shape @> shape FROM places',
    'SELECT o @> o FROM orders o',
  ])('%s', text => {
    expect(verdict(text)).toBe('pii')
    expect(verdict(text, { mode: 'strict' })).toMatch(/^refused: in strict mode its operator ".*" could read/)
  })

  test.each([
    'INSERT INTO orders (id) SELECT id === 1 FROM places',
    'UPDATE orders SET total = id % 2',
    "SELECT pg_notify('c', (id === 1)::text) FROM orders",
  ])('and keeps nothing: %s', text => expect(verdict(text)).toMatch(/^refused/))

  test('also where it only decides or orders, in strict mode', () => {
    const texts = [
      'SELECT id FROM orders WHERE id === 1',
      'SELECT id FROM orders ORDER BY id USING ===',
      'DELETE FROM orders WHERE id % 2 = 0',
    ]
    for (const text of texts) expect(verdict(text, { mode: 'strict' })).toMatch(/^refused/)
  })
})

test.each([
  'SELECT id + total FROM orders',
  "SELECT tags @> ARRAY['a'] FROM orders",
  'SELECT id - 1 FROM orders',
  'SELECT count(*) FROM orders WHERE id = 1 AND total BETWEEN 1 AND 3',
  "SELECT count(*) FROM orders WHERE mood = 'glad'::mood",
  "SELECT 'sad'::public.mood::text",
  "SELECT name || 'x' FROM customers WHERE id = 1",
])('what is built in is shown beside code of the database: %s', text => {
  expect(verdict(text)).toBe('shown')
  expect(verdict(text, { mode: 'strict' })).toBe('shown')
})

test.each(['id === 1', 'id % 2', 'tags @> tags'])('without such an operator nothing is: %s', expression => {
  const code = { ...PLAIN, operators: new Set<string>(), ownTypeOperators: new Set<string>() }
  expect(verdict(`SELECT ${expression} FROM orders`, { code })).toBe(
    expression.includes('===') ? 'pii' : 'shown',
  )
})

describe('a cast of the database', () => {
  const cast = (casts: Partial<DatabaseCode['casts']>, targets: readonly string[] = []): DatabaseCode => ({
    ...PLAIN,
    castTargets: new Set(targets),
    casts: { ...PLAIN.casts, ...casts },
  })
  test.each<readonly [what: string, text: string, code: DatabaseCode, expected: string]>([
    ['to a type of its own', 'SELECT id::pair FROM orders', PLAIN, 'pii'],
    ['to a built-in type', 'SELECT id::text FROM orders', cast({}, ['text']), 'pii'],
    ['to another built-in type', 'SELECT id::text FROM orders', cast({}, ['date']), 'shown'],
    ['that is made unasked', 'SELECT upper(name) FROM customers', cast({ builtIn: true }), 'pii'],
    ['that makes an operator fit', 'SELECT id - 1 FROM orders', cast({ toOwn: true }), 'pii'],
    ['from a type of its own', 'SELECT shape::text FROM places', cast({ fromOwn: true }), 'pii'],
    ['from a type of its own elsewhere', 'SELECT id::text FROM orders', cast({ fromOwn: true }), 'shown'],
  ])('%s: %s', (_, text, code, expected) => {
    expect(verdict(text, { code })).toBe(expected)
    expect(verdict(text, { code, mode: 'strict' })).toMatch(expected === 'pii' ? /^refused/ : /^shown$/)
  })
})

test('equality of the database counts where nobody writes it', () => {
  const code = { ...PLAIN, operators: new Set(['=']) }
  for (const text of [
    'SELECT CASE id WHEN 1 THEN 2 END FROM orders',
    'SELECT count(*) FROM orders JOIN places USING (id)',
    'SELECT id IN (SELECT 1) FROM orders',
    'SELECT id IN (1, 2) FROM orders',
  ])
    expect(verdict(text, { code })).toBe('pii')
  expect(verdict('SELECT id > 1 FROM orders', { code })).toBe('shown')
})
