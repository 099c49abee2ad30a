import { expect, test } from 'vitest'
import type { OutputLineage, StatementLineage } from '../../../src/domain/lineage.js'
import { isTraceable, takesRow } from '../../../src/masking/traceable-functions.js'
import { isTraceableType } from '../../../src/masking/traceable-types.js'
import { traceLineage } from '../../../src/sql/lineage/trace-lineage.js'
import type { LineageOptions } from '../../../src/sql/lineage/tracer.js'
import { sketchCatalog } from '../../masking/hand-made-catalog.js'

export const OPTIONS: LineageOptions = { isTraceable, isBuiltInType: isTraceableType, takesRow }

/** Relations by the letter that stands for them in what a test expects. */
const SKETCHES = [
  { letter: 'c', name: 'public.customers', columns: 'id:23 name city ssn salary:23 notes:3802' },
  { letter: 'o', name: 'public.orders', columns: 'id:23 customer_id:23 total:23' },
  { letter: 's', name: 'secret.customers', columns: 'ssn id:23 code' },
  { letter: 'p', name: 'public.people', columns: 'id:23 name ssn', kind: 'view' as const },
  { letter: 'n', name: 'public.names', columns: 'name max' },
]
export const CATALOG = sketchCatalog(SKETCHES, ['leak', 'get_person'])

/** `c.name c.ssn | - | ?`: the columns of each output; `any: …` where positions are not known; `none`. */
export function compactLineage(lineage: StatementLineage): string {
  switch (lineage.kind) {
    case 'named':
      return `named: ${compactOutput(lineage.parameters)}`
    case 'none':
      return 'none'
    case 'any':
      return `any: ${compactOutput(lineage.lineage)}`
    case 'outputs':
      return lineage.outputs.map(compactOutput).join(' | ')
  }
}

function compactOutput(output: OutputLineage): string {
  if (output.kind === 'unknown') return '?'
  if (output.columns.length === 0) return '-'
  return output.columns
    .map(({ oid, number }) => {
      const relation = CATALOG.byOid.get(oid)
      const column = relation?.columns.find(one => one.number === number)
      return `${SKETCHES[oid - 20_000]?.letter}.${column?.name}`
    })
    .join(' ')
}

/** One statement and where its outputs come from. */
export function check(text: string, expected: string): void {
  test(`${text} ⇐ ${expected}`, () => {
    expect(traceLineage(text, CATALOG, OPTIONS).map(compactLineage).join(' ; ')).toBe(expected)
  })
}
