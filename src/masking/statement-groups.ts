import type { StatementFacts } from '../domain/facts.js'
import type { OutputLineage, StatementLineage } from '../domain/lineage.js'
import { runsNamed } from './flow.js'

/** The lineage of a statement by its facts; undefined when it was not traced. */
export type TraceStatement = (statement: StatementFacts) => StatementLineage | undefined

/** One statement of a text, with what stands behind the name that it runs. They run as one. */
export interface StatementGroup {
  readonly own: StatementFacts
  readonly behind: readonly StatementFacts[]
  /** It runs a name of the session, and nobody said what stands behind it. */
  readonly unresolved: boolean
}

/**
 * Gives each statement of a text what stands behind it. `statements` are the text's own in their order, each followed by
 * what it runs by a name.
 */
export function groupStatements(
  statements: readonly StatementFacts[],
  own: readonly StatementFacts[],
): readonly StatementGroup[] {
  const behind: StatementFacts[][] = own.map(() => [])
  let at = -1
  for (const statement of statements) {
    if (statement === own[at + 1]) at += 1
    else behind[at]?.push(statement)
  }
  return own.map((one, index) => {
    const found = behind[index] ?? []
    return { own: one, behind: found, unresolved: runsNamed(one) && found.length === 0 }
  })
}

/**
 * What the rows of a group are computed from: those of EXECUTE and FETCH are the rows of what stands behind the name, where
 * the values given to parameters look like constants, so those must be harmless.
 */
export function groupLineage(
  { own, behind }: StatementGroup,
  trace: TraceStatement,
): StatementLineage | undefined {
  const lineage = trace(own)
  if (!runsNamed(own)) return lineage
  if (lineage?.kind !== 'named') return undefined
  const { parameters } = lineage
  if (parameters.kind === 'unknown' || parameters.columns.length > 0) return undefined
  const [first, ...others] = behind.map(trace)
  return others.reduce((one, other) => one && other && either(one, other), first)
}

/** A name that was used again can stand for each of these. */
function either(one: StatementLineage, other: StatementLineage): StatementLineage | undefined {
  if (one.kind !== 'outputs' || other.kind !== 'outputs') return undefined
  // The number of outputs is compared with what the target sends, so of several only one number can be kept.
  if (one.outputs.length !== other.outputs.length) return undefined
  const outputs = one.outputs.map((output, index) => both(output, other.outputs[index]))
  return { kind: 'outputs', outputs }
}

function both(one: OutputLineage, other: OutputLineage | undefined): OutputLineage {
  if (one.kind === 'unknown' || other === undefined) return one
  return other.kind === 'unknown' ? other : { kind: 'columns', columns: [...one.columns, ...other.columns] }
}
