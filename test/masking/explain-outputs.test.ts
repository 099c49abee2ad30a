import { beforeAll, expect, test } from 'vitest'
import { makeMasker } from '../../src/masking/masker.js'
import { traceLineage } from '../../src/sql/lineage/trace-lineage.js'
import { traceView } from '../../src/sql/lineage/trace-view.js'
import { loadPostgresGrammar } from '../../src/sql/postgres/grammar.js'
import { readPostgresText } from '../../src/sql/postgres/read-text.js'
import { OPTIONS } from '../sql/lineage/check-lineage.js'
import { columnRule, sketchCatalog } from './hand-made-catalog.js'

beforeAll(() => loadPostgresGrammar())

const CATALOG = sketchCatalog(
  [
    { name: 'public.customers', columns: 'id name ssn' },
    {
      name: 'public.half',
      columns: 'id number',
      kind: 'view',
      reads: { 'public.customers': [1, 2, 3] },
      definition: 'SELECT customers.id, customers.ssn AS number FROM public.customers',
    },
    {
      name: 'public.quarter',
      columns: 'word other',
      kind: 'view',
      reads: { 'public.half': [1, 2], 'public.dark': [1] },
      definition: 'SELECT upper(half.number) AS word, dark.a AS other FROM public.half, public.dark',
    },
    { name: 'public.dark', columns: 'a', kind: 'view', reads: { 'public.customers': [3] } },
  ],
  ['leak'],
)

/** Each output: place, what it holds, from where, through which views. */
function check(text: string, ...expected: readonly string[]): void {
  test(text, () => {
    const masker = makeMasker({
      rules: [columnRule('pii', ['public.customers.ssn'], { kind: 'redact' })],
      catalog: CATALOG,
      hashKey: Buffer.alloc(32),
      traceView: (view, catalog) => {
        const lineage = traceView(view, catalog, OPTIONS)
        return lineage.kind === 'outputs' ? lineage.outputs : undefined
      },
    })
    const facts = readPostgresText(text)
    const statements = facts.understood ? facts.statements : []
    const explained = masker.explain(
      statements,
      facts,
      one => traceLineage(text, CATALOG, OPTIONS)[statements.indexOf(one)],
    )
    if (explained.kind === 'refused') throw new Error(explained.message)
    const told = explained.outputs.map(({ statement, output, holds, columns, through, reason }) =>
      [`${statement}.${output}`, holds, ...columns, ...(through.length > 0 ? ['<', ...through] : []), reason]
        .filter(part => part !== undefined)
        .join(' '),
    )
    expect(told).toEqual(expected)
  })
}

check(
  'SELECT id, upper(ssn) FROM customers',
  '1.1 clear public.customers.id',
  '1.2 protected public.customers.ssn',
)
check('SELECT 1, leak(name) FROM customers', '1.1 clear', '1.2 unknown a function is not followed')
check(
  'SELECT id, number FROM half',
  '1.1 clear public.customers.id < public.half',
  '1.2 protected public.customers.ssn < public.half',
)
check('SELECT word FROM quarter', '1.1 protected public.customers.ssn < public.quarter public.half')
check('SELECT other FROM quarter', '1.1 protected public.dark.a < public.quarter public.dark')
check(
  'SELECT * FROM customers; SELECT 2',
  '1.0 protected public.customers.id public.customers.name public.customers.ssn',
  '2.1 clear',
)
check('SET search_path = public')
