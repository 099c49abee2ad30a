import type { Catalog } from '../domain/catalog.js'
import type { OutputLineage, StatementLineage, TraceView } from '../domain/lineage.js'
import { unreachable } from '../lib/unreachable.js'
import type { Protection } from './touched.js'
import { type TracedOutput, tracedOutput } from './traced-output.js'

/** Outputs that are named in an explanation, columns of each, and columns looked at. */
export const OUTPUTS_EXPLAINED_MAX = 200
const COLUMNS_PER_OUTPUT_MAX = 20
const COLUMNS_LOOKED_AT_MAX = 2_000

/** What one output of a statement is computed from. */
export interface ExplainedOutput {
  /** Its statement in the text, and its place there, both from 1; 0 stands for every output of the statement. */
  readonly statement: number
  readonly output: number
  readonly holds: TracedOutput['holds']
  /** `schema.table.column`, tables' own, not views'. */
  readonly columns: readonly string[]
  /** The views between, `schema.view`. */
  readonly through: readonly string[]
  /** Why nobody can say what else it holds. */
  readonly reason?: string
}

/** What following an output down to its tables needs. */
export interface OutputContext {
  readonly protection: Protection
  readonly traceView: TraceView | undefined
}

/** Says for each output which columns of tables are behind it, and through which views, in the order of the text. */
export function explainOutputs(
  lineages: readonly (StatementLineage | undefined)[],
  context: OutputContext,
): readonly ExplainedOutput[] {
  return lineages
    .flatMap((lineage, index) => explainStatement(lineage, index + 1, context))
    .slice(0, OUTPUTS_EXPLAINED_MAX)
}

function explainStatement(
  lineage: StatementLineage | undefined,
  statement: number,
  context: OutputContext,
): readonly ExplainedOutput[] {
  if (lineage === undefined) return []
  switch (lineage.kind) {
    case 'none':
    case 'named':
      return []
    case 'any':
      return [explainOutput(lineage, { statement, output: 0, told: lineage.lineage }, context)]
    case 'outputs':
      return lineage.outputs
        .slice(0, OUTPUTS_EXPLAINED_MAX)
        .map((told, index) => explainOutput(lineage, { statement, output: index + 1, told }, context))
    default:
      return unreachable(lineage)
  }
}

interface Place {
  readonly statement: number
  readonly output: number
  readonly told: OutputLineage
}

function explainOutput(
  lineage: StatementLineage,
  { statement, output, told }: Place,
  { protection, traceView }: OutputContext,
): ExplainedOutput {
  const count = lineage.kind === 'outputs' ? lineage.outputs.length : 1
  const holds =
    tracedOutput(lineage, { index: Math.max(0, output - 1), count }, protection)?.holds ?? 'unknown'
  const { columns, through, reason } = descend(told, protection.catalog, traceView)
  return {
    ...{ statement, output, holds },
    columns: [...columns].slice(0, COLUMNS_PER_OUTPUT_MAX),
    through: [...through].slice(0, COLUMNS_PER_OUTPUT_MAX),
    ...(reason === undefined ? {} : { reason }),
  }
}

interface Descent {
  readonly columns: ReadonlySet<string>
  readonly through: ReadonlySet<string>
  readonly reason: string | undefined
}

/** Down through views to tables. A view whose definition tells nothing is where it ends. */
function descend(told: OutputLineage, catalog: Catalog, traceView: TraceView | undefined): Descent {
  const columns = new Set<string>()
  const through = new Set<string>()
  let reason = told.kind === 'unknown' ? told.reason : undefined
  const waiting = told.kind === 'columns' ? [...told.columns].reverse() : []
  const seen = new Set<string>()
  for (
    let next = waiting.pop();
    next !== undefined && seen.size < COLUMNS_LOOKED_AT_MAX;
    next = waiting.pop()
  ) {
    const { oid, number } = next
    if (seen.has(`${oid}.${number}`)) continue
    seen.add(`${oid}.${number}`)
    const relation = catalog.byOid.get(oid)
    if (relation === undefined) continue
    const name = `${relation.schema}.${relation.name}`
    const below = relation.kind === 'view' ? traceView?.(relation, catalog)?.[number - 1] : undefined
    if (relation.kind === 'view') through.add(name)
    if (below?.kind === 'columns') waiting.push(...[...below.columns].reverse())
    else columns.add(`${name}.${relation.columns.find(one => one.number === number)?.name ?? number}`)
    if (below?.kind === 'unknown') reason ??= below.reason
  }
  return { columns, through, reason }
}
