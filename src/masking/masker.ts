import type { Catalog } from '../domain/catalog.js'
import type { CopyUse, StatementFacts, TextFacts } from '../domain/facts.js'
import type { StatementLineage, TraceView } from '../domain/lineage.js'
import type { MaskingMode, MaskingRule } from '../domain/masking-rule.js'
import { planCopy } from './copy-plan.js'
import type { DetectorRule } from './detectors/found-spans.js'
import { explainFollowed, type MaskingExplanation } from './explain-masking.js'
import { readFlow, runsNamed, unite } from './flow.js'
import { type Followed, type FollowedText, findTaint } from './followed.js'
import { MASKED_DATA_STAYS, type Refusal, refuseLaundering } from './laundering.js'
import { messagesTell } from './messages.js'
import { makeNet, type Net } from './net.js'
import { type ColumnRule, resolveProtectedColumns } from './protected-columns.js'
import { type PlanContext, planRows, type Trust } from './row-plan.js'
import type { StatementMasking } from './statement-masking.js'
import { refuseStrict } from './strict.js'
import { isFullyTraced } from './traced-output.js'

/** What masking makes of one text: how its answers are masked, or why it cannot be allowed. */
export type Judgement = { readonly kind: 'masked'; readonly masking: StatementMasking } | Refusal

/** The lineage of each statement of a text; an empty list when it was not traced. */
export type TraceText = () => readonly StatementLineage[]

/** Masking for one session and one catalog snapshot. */
export interface Masker {
  /**
   * Judges a text. `statements` are its own and those behind the names that it executes or fetches from. The result is
   * remembered by the identity of `facts`, unless session names are involved. `trace` is asked for the lineage of the
   * text, on the masker's own catalog, only where that can show more; without it, one taint stands for all expressions.
   */
  judge(statements: readonly StatementFacts[], facts: TextFacts, trace?: TraceText): Judgement
  /** Says what `judge` would make of a text, and why. Remembers nothing. */
  explain(statements: readonly StatementFacts[], facts: TextFacts, trace?: TraceText): MaskingExplanation
  /** For what answers no statement: notifications, settings. Rows, should any come, are masked whole. */
  readonly background: StatementMasking
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
      return followed.kind === 'refused' ? followed : explainFollowed(followed, { ...context, detectorRules })
    },
    background: makeBackground(context),
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
  readonly trace: TraceText | undefined
}

function judgeText(text: Text, context: MaskerContext): Judgement {
  const followed = follow(text, context)
  if (followed.kind === 'refused') return followed
  const copies = text.statements.flatMap(({ flow }) => (flow.copy === undefined ? [] : [flow.copy]))
  const { trust, hidesMessages } = followed
  return { kind: 'masked', masking: makeStatementMasking({ ...context, trust }, { hidesMessages, copies }) }
}

function follow({ statements, own, trace }: Text, context: MaskerContext): FollowedText | Refusal {
  const { protection, net, mode } = context
  // Each name that is executed must have brought the statement behind it: without it, nothing is known.
  const named = own.filter(runsNamed).length
  const unresolved = statements.length - own.length < named
  const groups = named === 0 ? own.map(one => [one]) : [statements]
  // Rows of several statements cannot be told apart here, and what stands behind a name was not traced.
  const canTrace = own.length === 1 && statements.length === 1 && named === 0
  const followed: Followed[] = []
  let lineage: StatementLineage | undefined
  for (const group of groups) {
    const flow = readFlow(unite(group.map(one => one.flow)), protection)
    const commands = group.flatMap(one => one.commands)
    const protects = protection.columns.byOid.size > 0
    const explains = (named === 0 ? group : own).every(one => one.commands[0]?.verb === 'EXPLAIN')
    const taint = findTaint(flow, explains)
    if (canTrace && taint !== undefined && protects) lineage = trace?.()[0]
    const traced = isFullyTraced(lineage)
    const refusal = refuseLaundering({ flow, commands, protects, detects: net !== undefined, traced })
    if (refusal !== undefined) return refusal
    const strictly =
      mode === 'strict' ? refuseStrict({ flow, group, own, unresolved, protection }) : undefined
    if (strictly !== undefined) return strictly
    followed.push({ flow, commands, taint })
  }
  const trust = { ...readTrust(followed, unresolved), lineage }
  const hidesMessages = unresolved || followed.some(one => messagesTell(one.flow, one.commands, protection))
  return { kind: 'followed', followed, unresolved, trust, hidesMessages }
}

function readTrust(followed: readonly Followed[], unresolved: boolean): Omit<Trust, 'lineage'> {
  return {
    tainted: unresolved || followed.some(one => one.taint !== undefined),
    distrusted: unresolved || followed.some(one => one.taint !== undefined && one.flow.facts.setOperation),
    names: new Set(followed.flatMap(one => [...one.flow.touched.names])),
    systemValues: followed.some(one => one.flow.touched.systemValues),
    rule: followed.find(one => one.flow.touched.rule !== undefined)?.flow.touched.rule,
  }
}

function makeStatementMasking(
  context: PlanContext,
  { hidesMessages, copies }: { readonly hidesMessages: boolean; readonly copies: readonly CopyUse[] },
): StatementMasking {
  const rule = context.trust.rule ?? context.protection.columns.anyRule
  return {
    planRows: columns => planRows(columns, context),
    planCopy: columnCount => planCopy(copies, columnCount, context),
    maskText: text => (hidesMessages && rule !== undefined ? hidden(rule) : maskText(text, context.net)),
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
  const masking = makeStatementMasking({ ...context, trust }, { hidesMessages: false, copies: [] })
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
