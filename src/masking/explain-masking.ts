import type { DetectorName, MaskStrategy } from '../domain/masking-rule.js'
import type { RuleName } from '../domain/names.js'
import { unreachable } from '../lib/unreachable.js'
import type { DetectorRule } from './detectors/found-spans.js'
import type { ExplainedOutput } from './explain-outputs.js'
import type { Followed, FollowedText, Taint } from './followed.js'
import type { Refusal } from './laundering.js'
import { wholly } from './row-plan.js'
import type { Protection } from './touched.js'
import { tracedOutput } from './traced-output.js'

/** Columns that are named in an explanation. */
export const COLUMNS_EXPLAINED_MAX = 200
/** Outputs that a reason names by their number. */
const OUTPUTS_NAMED_MAX = 10

/** A column whose values are masked wherever it is a plain column of a result. */
export interface ExplainedColumn {
  /** `schema.table.column` */
  readonly column: string
  readonly rule: RuleName
  readonly strategy: MaskStrategy
}

/** What becomes of output columns that are not plain columns of a table. */
export type ComputedValues =
  | { readonly kind: 'clear'; readonly reason: string }
  /** Expressions are masked whole; `everything`: plain columns as well. */
  | {
      readonly kind: 'expressions' | 'everything'
      readonly reason: string
      readonly rule: RuleName
      readonly strategy: MaskStrategy
    }

/** What masking makes of a text: a refusal, or how its answers are masked. */
export type MaskingExplanation =
  | Refusal
  | {
      readonly kind: 'masked'
      readonly computed: ComputedValues
      readonly columns: readonly ExplainedColumn[]
      readonly columnCount: number
      readonly detectors: readonly { readonly rule: RuleName; readonly detectors: readonly DetectorName[] }[]
      /** What the outputs are computed from; empty where that is not followed. */
      readonly outputs: readonly ExplainedOutput[]
      /** Errors and notices of the server are replaced whole. */
      readonly hidesMessages: boolean
    }

/** What explaining needs of a masker. */
export interface ExplainContext {
  readonly protection: Protection
  readonly detectorRules: readonly DetectorRule[]
  readonly outputs: readonly ExplainedOutput[]
}

/** Says what is masked in the answers to a text that was followed, and why. */
export function explainFollowed(text: FollowedText, context: ExplainContext): MaskingExplanation {
  const columns = listColumns(text.followed, context.protection)
  const { anyRule } = context.protection.columns
  return {
    kind: 'masked',
    computed: explainComputed(text, context.protection),
    columns: columns.slice(0, COLUMNS_EXPLAINED_MAX),
    columnCount: columns.length,
    detectors: context.detectorRules.map(({ name, detectors }) => ({ rule: name, detectors })),
    outputs: context.outputs,
    hidesMessages: text.hidesMessages && (text.trust.rule ?? anyRule) !== undefined,
  }
}

function explainComputed(
  { followed, unresolved, trust }: FollowedText,
  protection: Protection,
): ComputedValues {
  const rule = trust.rule ?? protection.columns.anyRule
  if (rule === undefined) return { kind: 'clear', reason: 'no rule masks columns here' }
  if (!trust.tainted) return { kind: 'clear', reason: whyClear(followed) }
  const traced = explainLineage(trust, protection)
  if (traced !== undefined)
    return traced.clear
      ? { kind: 'clear', reason: traced.reason }
      : { kind: 'expressions', reason: traced.reason, ...wholly(rule) }
  const tainted = followed.find(one => one.taint !== undefined)
  const reason =
    unresolved || tainted?.taint === undefined
      ? 'it runs a statement by a name that is not known'
      : spellTaint(tainted.taint, tainted)
  return { kind: trust.distrusted ? 'everything' : 'expressions', reason, ...wholly(rule) }
}

/** What lineage says output by output, in one sentence; undefined where the taint stands for all of them. */
function explainLineage(
  { lineage }: FollowedText['trust'],
  protection: Protection,
): { readonly clear: boolean; readonly reason: string } | undefined {
  if (lineage?.kind !== 'outputs') return undefined
  const count = lineage.outputs.length
  const holding = lineage.outputs.flatMap((_, index) =>
    tracedOutput(lineage, { index, count }, protection)?.holds === 'clear' ? [] : [index + 1],
  )
  if (holding.length === 0) return { clear: true, reason: 'no output comes from a masked column' }
  if (holding.length === count) return undefined
  const named = holding.slice(0, OUTPUTS_NAMED_MAX).join(', ')
  const more = holding.length > OUTPUTS_NAMED_MAX ? ', …' : ''
  return { clear: false, reason: `only these outputs can come from masked columns: ${named}${more}` }
}

function whyClear(followed: readonly Followed[]): string {
  return followed.some(one => one.flow.touched.rule !== undefined)
    ? 'masked columns do not reach an expression of the result'
    : 'it touches no relation with masked columns'
}

function spellTaint(taint: Taint, { flow }: Followed): string {
  switch (taint) {
    case 'carries':
      return spellCarrying(flow)
    case 'foreign':
      return flow.touched.unknownRead
        ? 'it reads a relation that the catalog does not know, or a temporary one'
        : 'it calls a function that could return masked values'
    case 'unknown-written':
      return 'it writes a relation that the catalog does not know'
    default:
      return unreachable(taint)
  }
}

/** The first thing that lets a masked value into an expression, in the order in which a person can change it. */
function spellCarrying({ facts, mentions, touched }: Followed['flow']): string {
  if (mentions) {
    const named = facts.columns.find(({ place, name }) => place === 'output' && touched.names.has(name))
    return `"${named?.name ?? ''}" is masked and is named where values travel`
  }
  if (facts.setOperation) return 'UNION, INTERSECT and EXCEPT hide where values come from'
  if (facts.innerStar) return 'a "*" inside of it takes masked columns along'
  if (facts.wholeRow) return 'it uses a whole row with masked columns as a value'
  if (facts.renamesColumns) return 'it gives columns other names by position'
  return 'it takes a row with masked columns through a cast or a call'
}

function listColumns(followed: readonly Followed[], { columns }: Protection): readonly ExplainedColumn[] {
  const relations = new Set(followed.flatMap(one => one.flow.touched.relations))
  return [...relations].flatMap(relation => {
    const found = columns.byOid.get(relation.oid)
    return relation.columns.flatMap(({ number, name }): readonly ExplainedColumn[] => {
      const rule = found?.get(number)
      if (rule === undefined) return []
      const column = `${relation.schema}.${relation.name}.${name}`
      return [{ column, rule: rule.name, strategy: rule.strategy }]
    })
  })
}
