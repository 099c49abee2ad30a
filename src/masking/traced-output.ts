import type { OutputLineage, StatementLineage } from '../domain/lineage.js'
import { unreachable } from '../lib/unreachable.js'
import type { Protection } from './touched.js'

/** What lineage says of one output. */
export interface TracedOutput {
  /** `clear`: no protected column is behind it. `unknown`: nobody could follow it. */
  readonly holds: 'clear' | 'protected' | 'unknown'
  /** False when this is what any output of the statement can hold. */
  readonly exact: boolean
}

/** Which output is meant, and how many the target sends. */
export interface OutputPlace {
  readonly index: number
  readonly count: number
}

/**
 * What lineage says of one output; undefined when it says nothing: there is none, or the target sends another number of
 * outputs than was traced, and then no position can be believed.
 */
export function tracedOutput(
  lineage: StatementLineage | undefined,
  { index, count }: OutputPlace,
  protection: Protection,
): TracedOutput | undefined {
  if (lineage === undefined) return undefined
  switch (lineage.kind) {
    case 'none':
    case 'named':
      return undefined
    case 'any':
      return { holds: holdsOf(lineage.lineage, protection), exact: false }
    case 'outputs': {
      const output = lineage.outputs.length === count ? lineage.outputs[index] : undefined
      return output === undefined ? undefined : { holds: holdsOf(output, protection), exact: true }
    }
    default:
      return unreachable(lineage)
  }
}

/** True when each output was followed: its columns are known one by one. */
export function isFullyTraced(lineage: StatementLineage | undefined): boolean {
  return lineage?.kind === 'outputs' && lineage.outputs.every(output => output.kind === 'columns')
}

/** True when all that a statement stores was followed, and nothing of it comes from a protected column. */
export function storesNothingProtected(
  lineage: StatementLineage | undefined,
  protection: Protection,
): boolean {
  return lineage?.stored !== undefined && holdsOf(lineage.stored, protection) === 'clear'
}

function holdsOf(output: OutputLineage, { columns }: Protection): TracedOutput['holds'] {
  switch (output.kind) {
    case 'unknown':
      return 'unknown'
    case 'columns': {
      const isProtected = output.columns.some(
        ({ oid, number }) => columns.byOid.get(oid)?.has(number) === true,
      )
      return isProtected ? 'protected' : 'clear'
    }
    default:
      return unreachable(output)
  }
}
