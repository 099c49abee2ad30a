import type { StatementLineage } from '../domain/lineage.js'
import type { MaskStrategy } from '../domain/masking-rule.js'
import type { RuleName } from '../domain/names.js'
import { cellMask } from './cell-mask.js'
import type { Net } from './net.js'
import type { ColumnRule } from './protected-columns.js'
import type { ColumnSource, RowPlan } from './statement-masking.js'
import { isHarmlessSystemType } from './system-relations.js'
import type { Protection } from './touched.js'
import { type OutputPlace, tracedOutput } from './traced-output.js'
import { valueTypeOf } from './value-type.js'

/** How much of a result can be believed. */
export interface Trust {
  /** Expressions can carry protected values. */
  readonly tainted: boolean
  /** The server may report another origin than the value has, or nobody knows what runs. */
  readonly distrusted: boolean
  /** Names of protected columns of what is touched. */
  readonly names: ReadonlySet<string>
  readonly systemValues: boolean
  /** The rule that is named for values whose own rule is not known. */
  readonly rule: ColumnRule | undefined
  /** What the outputs are computed from; undefined where nobody looked, because nothing is tainted or it cannot be said. */
  readonly lineage: StatementLineage | undefined
}

export interface PlanContext {
  readonly protection: Protection
  readonly trust: Trust
  readonly net: Net | undefined
  readonly netRule: RuleName | undefined
  readonly hashKey: Buffer
}

type Entry = RowPlan[number]

/** The plan for one result; undefined when every row passes as it is. */
export function planRows(columns: readonly ColumnSource[], context: PlanContext): RowPlan | undefined {
  let masked = false
  const plan = columns.map((column, index) => {
    const entry = planColumn(column, { index, count: columns.length }, context)
    if (entry !== undefined) masked = true
    return entry
  })
  return masked ? plan : undefined
}

function planColumn(column: ColumnSource, place: OutputPlace, context: PlanContext): Entry {
  const cause = protectionOf(column, place, context)
  return cause === undefined ? netEntry(column, context) : maskEntry(column, cause, context.hashKey)
}

/** Why a column is masked: the rule, and how. */
export interface Cause {
  readonly rule: RuleName
  readonly strategy: MaskStrategy
}

/** The plan of a column that a rule protects. */
export function maskEntry(
  column: Pick<ColumnSource, 'typeOid' | 'format'>,
  { rule, strategy }: Cause,
  hashKey: Buffer,
): Entry {
  return {
    rule,
    mask: cellMask({ strategy, type: valueTypeOf(column.typeOid), format: column.format, hashKey }),
  }
}

/** The plan of a column that no rule protects: the detectors look at it. */
export function netEntry(
  column: Pick<ColumnSource, 'typeOid' | 'format'>,
  { net, netRule }: Pick<PlanContext, 'net' | 'netRule'>,
): Entry {
  if (net === undefined || netRule === undefined) return undefined
  const mask = net.cellMask(valueTypeOf(column.typeOid), column.format)
  return mask === undefined ? undefined : { rule: netRule, mask }
}

/**
 * How a value of unknown origin is masked. Only whole: the last four characters of `reverse(ssn)` are the first four of
 * another expression.
 */
export function wholly(rule: ColumnRule): Cause {
  return { rule: rule.name, strategy: rule.strategy.kind === 'null' ? rule.strategy : { kind: 'redact' } }
}

/** The stricter of two: the origin that the server tells, and the lineage that was traced. */
function protectionOf(column: ColumnSource, place: OutputPlace, context: PlanContext): Cause | undefined {
  const { protection, trust } = context
  const rule = trust.rule ?? protection.columns.anyRule
  if (rule === undefined) return undefined
  const traced = tracedOutput(trust.lineage, place, protection)
  if (trust.distrusted && traced?.holds !== 'clear') return wholly(rule)
  if (column.tableOid === 0) {
    if (traced !== undefined) return traced.holds === 'clear' ? undefined : wholly(rule)
    // A merged column of NATURAL or USING is an expression and keeps its name, and nothing in the text names it.
    return trust.tainted || trust.names.has(column.name) ? wholly(rule) : undefined
  }
  const own = originCause(column, rule, context)
  if (own !== undefined) return own
  return traced?.exact === true && traced.holds === 'protected' ? wholly(rule) : undefined
}

function originCause(
  column: ColumnSource,
  rule: ColumnRule,
  { protection, trust }: PlanContext,
): Cause | undefined {
  const { catalog, columns } = protection
  const { tableOid, columnNumber } = column
  if (tableOid < catalog.firstUserOid) return systemCause(column, trust, rule)
  const relation = catalog.byOid.get(tableOid)
  // Fail closed: a relation or column that came after the snapshot.
  if (relation === undefined) return wholly(rule)
  const found = columns.byOid.get(tableOid)
  if (columnNumber === 0) return found === undefined ? undefined : wholly(rule)
  if (columnNumber < 0) return undefined
  const own = found?.get(columnNumber)
  if (own !== undefined) return { rule: own.name, strategy: own.strategy }
  return relation.columns.some(one => one.number === columnNumber) ? undefined : wholly(rule)
}

/** Catalogs hold definitions, which are not masked; some hold values or statements of others. */
function systemCause(column: ColumnSource, trust: Trust, rule: ColumnRule): Cause | undefined {
  if (!trust.systemValues) return undefined
  const hides = trust.names.has(column.name) || (trust.tainted && !isHarmlessSystemType(column.typeOid))
  return hides ? wholly(rule) : undefined
}
