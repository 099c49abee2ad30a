import type { Catalog } from '../domain/catalog.js'
import type { CopyUse, StatementFacts, TextFacts } from '../domain/facts.js'
import type { TraceView } from '../domain/lineage.js'
import type { MaskingMode, MaskingRule } from '../domain/masking-rule.js'
import { planCopy } from './copy-plan.js'
import type { DetectorRule } from './detectors/found-spans.js'
import { explainFollowed, type MaskingExplanation } from './explain-masking.js'
import { explainOutputs } from './explain-outputs.js'
import { readFlow, runsNamed, unite } from './flow.js'
import { type Followed, type FollowedText, findTaint } from './followed.js'
import { MASKED_DATA_STAYS, type Refusal, refuseLaundering } from './laundering.js'
import { messagesTell } from './messages.js'
import { makeNet, type Net } from './net.js'
import { type ColumnRule, resolveProtectedColumns } from './protected-columns.js'
import { type PlanContext, planRows, type Trust } from './row-plan.js'
import {
  groupLineage,
  groupStatements,
  type StatementGroup,
  type TraceStatement,
} from './statement-groups.js'
import type { StatementMasking } from './statement-masking.js'
import { refuseStrict } from './strict.js'
import { isFullyTraced, storesNothingProtected } from './traced-output.js'

/** What masking makes of one text: how its answers are masked, or why it cannot be allowed. */
export type Judgement = { readonly kind: 'masked'; readonly masking: StatementMasking } | Refusal

/** Masking for one session and one catalog snapshot. */
export interface Masker {
  /**
   * Judges a text. `statements` are its own and those behind the names that it executes or fetches from. The result is
   * remembered by the identity of `facts`, unless session names are involved. `trace` is asked for the lineage of one
   * of them, on the masker's own catalog, only where that can show more; without it, one taint stands for all expressions.
   */
  judge(statements: readonly StatementFacts[], facts: TextFacts, trace?: TraceStatement): Judgement
  /** Says what `judge` would make of a text, and why. Remembers nothing. */
  explain(statements: readonly StatementFacts[], facts: TextFacts, trace?: TraceStatement): MaskingExplanation
  /** For what answers no statement: notifications, settings. Rows, should any come, are masked whole. */
  readonly background: StatementMasking
  readonly mode: MaskingMode
}

export interface MaskerOptions {
  /** The rules that apply to the principal on this connection. */
  readonly rules: readonly MaskingRule[]
  readonly catalog: Catalog
  /** How far masking goes; `lineage` unless said. */
  readonly mode?: MaskingMode
  /** The tenant's key of the strategy `hash`. */
  readonly hashKey: Buffer
  /** What the columns of a view are computed from. Without it, one that reads a protected column is masked whole. */
  readonly traceView?: TraceView | undefined
}

/**
 * Makes the masker of a session for one snapshot of the catalog.
 *
 * @example makeMasker({ rules, catalog, hashKey }).judge(facts.statements, facts)
 */
export function makeMasker(options: MaskerOptions): Masker {
  const { rules, catalog, hashKey, mode = 'lineage', traceView } = options
  const isColumnRule = (rule: MaskingRule): rule is ColumnRule => rule.kind === 'column'
  const columnRules = mode === 'net' ? [] : rules.filter(isColumnRule)
  const detectorRules = rules.filter((rule): rule is DetectorRule => rule.kind === 'detector')
  const context: MaskerContext = {
    protection: { catalog, columns: resolveProtectedColumns(columnRules, { catalog, traceView }) },
    net: makeNet(detectorRules, hashKey),
    netRule: detectorRules[0]?.name,
    hashKey,
    mode,
  }
  const known = new WeakMap<TextFacts, Judgement>()
  return {
    judge(statements, facts, trace) {
      const remembered = known.get(facts)
      if (remembered !== undefined) return remembered
      if (!facts.understood) return NOT_UNDERSTOOD
      const judgement = judgeText({ statements, own: facts.statements, trace }, context)
      // What a name of the session stands for changes while the text stays the same.
      if (!statements.some(runsNamed) && statements.length === facts.statements.length)
        known.set(facts, judgement)
      return judgement
    },
    explain(statements, facts, trace) {
      if (!facts.understood) return NOT_UNDERSTOOD
      const followed = follow({ statements, own: facts.statements, trace }, context)
      if (followed.kind === 'refused') return followed
      // Traced here also where nothing is tainted: people ask what their outputs are.
      const groups = trace === undefined ? [] : groupStatements(statements, facts.statements)
      const lineages = groups.map(group => trace && groupLineage(group, trace))
      const outputs = explainOutputs(lineages, { ...context, traceView })
      return explainFollowed(followed, { ...context, detectorRules, outputs })
    },
    background: makeBackground(context),
    mode,
  }
}

const NOT_UNDERSTOOD: Refusal = {
  kind: 'refused',
  rule: MASKED_DATA_STAYS,
  message: 'it was not understood, so nobody can say what it would show',
  hint: undefined,
}

type MaskerContext = Omit<PlanContext, 'trust'> & { readonly mode: MaskingMode }

interface Text {
  readonly statements: readonly StatementFacts[]
  /** Those of the text itself. */
  readonly own: readonly StatementFacts[]
  readonly trace: TraceStatement | undefined
}

function judgeText(text: Text, context: MaskerContext): Judgement {
  const followed = follow(text, context)
  if (followed.kind === 'refused') return followed
  const parts = followed.followed.map(({ trust, copies }) => ({ ...context, trust, copies }))
  const copies = parts.flatMap(part => part.copies)
  const all = { ...context, trust: followed.trust, copies }
  const { hidesMessages } = followed
  return { kind: 'masked', masking: makeStatementMasking(all, { hidesMessages, parts }) }
}

function follow({ statements, own, trace }: Text, context: MaskerContext): FollowedText | Refusal {
  const groups = groupStatements(statements, own)
  const followed: Followed[] = []
  for (const group of groups) {
    const one = followGroup(group, trace, context)
    if (one.kind === 'refused') return one
    followed.push(one)
  }
  const unresolved = groups.some(group => group.unresolved)
  const [only, ...others] = followed
  const trust = only !== undefined && others.length === 0 ? only.trust : uniteTrust(followed)
  return {
    kind: 'followed',
    followed,
    unresolved,
    trust,
    hidesMessages: followed.some(one => one.hidesMessages),
  }
}

function followGroup(
  group: StatementGroup,
  trace: TraceStatement | undefined,
  { protection, net, mode }: MaskerContext,
): Followed | Refusal {
  const { own, behind, unresolved } = group
  const all = [own, ...behind]
  const flow = readFlow(unite(all.map(one => one.flow)), protection)
  const commands = all.flatMap(one => one.commands)
  const protects = protection.columns.byOid.size > 0
  const taint = findTaint(flow, own.commands[0]?.verb === 'EXPLAIN')
  const traces = trace !== undefined && taint !== undefined && protects && !flow.ownCode.isHidden
  const lineage = traces ? groupLineage(group, trace) : undefined
  const traced = isFullyTraced(lineage)
  const storesClear = storesNothingProtected(lineage, protection)
  const detects = net !== undefined
  const refusal =
    refuseLaundering({ flow, protection, commands, protects, detects, traced, storesClear }) ??
    (mode === 'strict' ? refuseStrict({ flow, group: all, own: [own], unresolved, protection }) : undefined)
  if (refusal !== undefined) return refusal
  return {
    kind: 'followed',
    ...{ flow, commands, taint, unresolved },
    trust: { ...readTrust({ flow, taint, unresolved }), lineage },
    copies: all.flatMap(one => (one.flow.copy === undefined ? [] : [one.flow.copy])),
    hidesMessages: unresolved || messagesTell(flow, commands, protection),
  }
}

function readTrust({
  flow,
  taint,
  unresolved,
}: Pick<Followed, 'flow' | 'taint' | 'unresolved'>): Omit<Trust, 'lineage'> {
  const { touched, facts } = flow
  const tainted = unresolved || taint !== undefined
  return {
    tainted,
    distrusted: unresolved || (tainted && facts.setOperation),
    ...{ names: touched.names, systemValues: touched.systemValues, rule: touched.rule },
  }
}

/** For what answers a text of several statements and cannot be told to be of one of them. */
function uniteTrust(followed: readonly Followed[]): Trust {
  const trusts = followed.map(one => one.trust)
  return {
    tainted: trusts.some(one => one.tainted),
    distrusted: trusts.some(one => one.distrusted),
    names: new Set(trusts.flatMap(one => [...one.names])),
    systemValues: trusts.some(one => one.systemValues),
    rule: trusts.find(one => one.rule !== undefined)?.rule,
    lineage: undefined,
  }
}

/** Plans of one statement of a text, or of all of them together. */
type Part = PlanContext & { readonly copies: readonly CopyUse[] }

function makeStatementMasking(
  all: Part,
  { hidesMessages, parts }: { readonly hidesMessages: boolean; readonly parts: readonly Part[] },
): StatementMasking {
  const rule = all.trust.rule ?? all.protection.columns.anyRule
  const partOf = (statement: number | undefined): Part =>
    (statement === undefined ? undefined : parts[statement]) ?? all
  return {
    planRows: (columns, statement) => planRows(columns, partOf(statement)),
    planCopy: (columnCount, statement) => {
      const part = partOf(statement)
      return planCopy(part.copies, columnCount, part)
    },
    maskText: text => (hidesMessages && rule !== undefined ? hidden(rule) : maskText(text, all.net)),
    hidesMessages: hidesMessages && rule !== undefined,
  }
}

/**
 * Nothing is known of what comes unasked: rows and COPY data are distrusted, notifications are replaced when a column is
 * protected. Other texts are settings and notices of the server itself: the net is enough, and whole would break clients.
 */
function makeBackground(context: MaskerContext): StatementMasking {
  const trust: Trust = {
    tainted: true,
    distrusted: true,
    names: new Set(),
    systemValues: true,
    rule: undefined,
    lineage: undefined,
  }
  const masking = makeStatementMasking({ ...context, trust, copies: [] }, { hidesMessages: false, parts: [] })
  const { byOid, anyRule } = context.protection.columns
  return {
    ...masking,
    maskPayload: text =>
      byOid.size > 0 && anyRule !== undefined ? hidden(anyRule) : maskText(text, context.net),
  }
}

function hidden(rule: ColumnRule): string {
  return `details are masked by rule "${rule.name}"`
}

function maskText(text: string, net: Net | undefined): string {
  return net === undefined ? text : net.maskText(text)
}
