import { expect, test } from 'vitest'
import { resolveProtectedColumns } from '../../src/masking/protected-columns.js'
import { columnRule, type RelationSketch, sketchCatalog } from './hand-made-catalog.js'

const SHOP: readonly RelationSketch[] = [
  { name: 'public.customers', columns: 'id name ssn' },
  { name: 'public.orders', columns: 'id total' },
  { name: 'secret.customers', columns: 'id ssn' },
]

/** The protected columns as `table.column`, sorted. */
function check(
  name: string,
  globs: readonly string[],
  more: readonly RelationSketch[],
  expected: string,
): void {
  test(name, () => {
    const catalog = sketchCatalog([...SHOP, ...more])
    const { byOid } = resolveProtectedColumns([columnRule('pii', globs, { kind: 'redact' })], {
      catalog,
      traceView: undefined,
    })
    const found = [...catalog.byOid.values()].flatMap(({ oid, schema, name: relation, columns }) =>
      [...(byOid.get(oid) ?? new Map()).keys()].map(number => {
        const column = columns.find(one => one.number === number)
        return `${schema}.${relation}.${column?.name}`
      }),
    )
    expect(found.sort().join(' ')).toBe(expected)
  })
}

const SSN = ['public.customers.ssn']
const view = (
  name: string,
  columns: string,
  reads: Readonly<Record<string, readonly number[]>>,
): RelationSketch => ({
  name,
  columns,
  kind: 'view',
  reads,
})

check('a name without globs is one column', SSN, [], 'public.customers.ssn')
check('a glob goes over schemas', ['*.customers.ssn'], [], 'public.customers.ssn secret.customers.ssn')
check('a glob goes over columns', ['public.orders.*'], [], 'public.orders.id public.orders.total')
check('a rule that fits nothing protects nothing', ['public.clients.ssn'], [], '')
check(
  'a dot in a quoted name does not hide a column',
  ['public.*.ssn'],
  [{ name: 'public.my.table', columns: 'ssn' }],
  'public.customers.ssn public.my.table.ssn',
)
check(
  'a partition inherits protection by name, and so does its sibling through the parent',
  ['public.part1.ssn'],
  [
    { name: 'public.parent', columns: 'id ssn' },
    { name: 'public.part1', columns: 'ssn id', parents: ['public.parent'] },
    { name: 'public.part2', columns: 'x id ssn', parents: ['public.parent'] },
  ],
  'public.parent.ssn public.part1.ssn public.part2.ssn',
)
check(
  'a view that reads a protected column is protected in all of its columns',
  SSN,
  [view('public.v', 'a b', { 'public.customers': [1, 3] })],
  'public.customers.ssn public.v.a public.v.b',
)
check(
  'a view that reads other columns is not',
  SSN,
  [view('public.v', 'a b', { 'public.customers': [1, 2] })],
  'public.customers.ssn',
)
check(
  'a view that reads a whole row is',
  SSN,
  [view('public.v', 'a', { 'public.customers': [0] })],
  'public.customers.ssn public.v.a',
)
check(
  'views on views are, in whatever order they come',
  SSN,
  [view('public.w', 'a', { 'public.v': [1] }), view('public.v', 'z', { 'public.customers': [3] })],
  'public.customers.ssn public.v.z public.w.a',
)
check(
  'a view that calls a function of its own is, although it reads nothing',
  SSN,
  [{ ...view('public.v', 'a', {}), callsFunctions: true }],
  'public.customers.ssn public.v.a',
)
check(
  'a view over statistics or over a view of the system is',
  SSN,
  [
    view('public.v', 'a', { 2619: [0] }),
    view('public.w', 'a', { 12100: [1] }),
    view('public.x', 'a', { 1259: [1] }),
  ],
  'public.customers.ssn public.v.a public.w.a',
)
check(
  'a view over what the snapshot does not know is',
  SSN,
  [view('public.v', 'a', { 99999: [1] })],
  'public.customers.ssn public.v.a',
)
check(
  'a column of a view is protected by its own name',
  ['public.v.b'],
  [view('public.v', 'a b', { 'public.orders': [1] })],
  'public.v.b',
)
check(
  'views that read each other are',
  SSN,
  [view('public.v', 'a', { 'public.w': [1] }), view('public.w', 'a', { 'public.v': [1] })],
  'public.customers.ssn public.v.a public.w.a',
)
check(
  'what the server generates from a column is protected with it, and what is generated from that',
  ['public.people.ssn'],
  [
    {
      name: 'public.people',
      columns: 'id ssn digits words other',
      generated: { digits: [2], words: [3], other: [1] },
    },
  ],
  'public.people.digits public.people.ssn public.people.words',
)
check(
  'a generated column of which nobody says where it is from is protected beside a protected one',
  SSN,
  [
    { name: 'public.a', columns: 'id made', generated: { made: [0] } },
    { name: 'public.b', columns: 'ssn made', parents: ['public.customers'], generated: { made: [0] } },
  ],
  'public.b.made public.b.ssn public.customers.ssn',
)
check(
  'a foreign key has the values of what it refers to, column by column, and not the other way round',
  ['public.people.ssn'],
  [
    { name: 'public.people', columns: 'id ssn' },
    {
      name: 'public.payments',
      columns: 'id person payer',
      constraints: [{ kind: 'foreign', columns: [2, 3], references: { oid: 20_003, columns: [1, 2] } }],
    },
    {
      name: 'public.refunds',
      columns: 'payer',
      constraints: [{ kind: 'foreign', columns: [1], references: { oid: 20_004, columns: [3] } }],
    },
  ],
  'public.payments.payer public.people.ssn public.refunds.payer',
)
