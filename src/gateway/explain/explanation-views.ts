import type { CommandView, DecisionView, MaskingView, RuleView } from '../../domain/api.js'
import type { PolicyDecision } from '../../domain/decision.js'
import type { MaskingMode, MaskStrategy } from '../../domain/masking-rule.js'
import { unreachable } from '../../lib/unreachable.js'
import type { ComputedValues, MaskingExplanation } from '../../masking/explain-masking.js'
import type { ExplainedCommand, ExplainedRule } from '../../policy/explain.js'

/** A decision as JSON. */
export function viewDecision(decision: PolicyDecision): DecisionView {
  if (decision.kind === 'review') {
    const demands = decision.demands.map(({ rule, message, terms: { groups, manager, count } }) => {
      const why = message === undefined ? {} : { message }
      return { rule, ...why, approvers: groups, manager, count }
    })
    return { kind: 'review', demands }
  }
  if (decision.kind === 'allow')
    return { kind: 'allow', ...(decision.rule === undefined ? {} : { rule: decision.rule }) }
  const { kind, rule, message, hint } = decision
  return { kind, rule, message, ...(hint === undefined ? {} : { hint }) }
}

/** A command with its facts and rules as JSON. A rule's expression stays in the configuration: it may name other groups. */
export function viewCommand({
  command,
  tables,
  writtenTables,
  rules,
  ruleCount,
}: ExplainedCommand): CommandView {
  const { verb, object, nested, writes, filtered, drops, defines, opaque, serverAccess } = command
  return {
    ...{ verb, object, nested, writes, filtered, drops, defines, opaque, serverAccess },
    ...(tables === undefined ? {} : { tables }),
    ...(writtenTables === undefined ? {} : { writtenTables }),
    rules: rules.map(viewRule),
    ruleCount,
  }
}

function viewRule({ rule, effect, origin, outcome, message, close }: ExplainedRule): RuleView {
  return { rule, effect, origin, outcome, close, ...(message === undefined ? {} : { message }) }
}

/** What masking does as JSON; undefined stands for no masking at all. */
export function viewMasking(
  explained: { readonly mode: MaskingMode; readonly explanation: MaskingExplanation } | undefined,
): MaskingView {
  if (explained === undefined) return { kind: 'none' }
  const { mode, explanation } = explained
  switch (explanation.kind) {
    case 'refused': {
      const { kind, rule, message, hint } = explanation
      return { kind, mode, rule, message, ...(hint === undefined ? {} : { hint }) }
    }
    case 'masked': {
      const { kind, columnCount, detectors, outputs, hidesMessages } = explanation
      const columns = explanation.columns.map(one => ({ ...one, strategy: spellStrategy(one.strategy) }))
      return {
        kind,
        mode,
        computed: viewComputed(explanation.computed),
        columns,
        columnCount,
        detectors,
        outputs,
        hidesMessages,
      }
    }
    default:
      return unreachable(explanation)
  }
}

function viewComputed(computed: ComputedValues) {
  return computed.kind === 'clear' ? computed : { ...computed, strategy: spellStrategy(computed.strategy) }
}

/** A strategy as it is written in `hoop.yaml`. */
function spellStrategy(strategy: MaskStrategy): string {
  return strategy.kind === 'keep-last' ? `keep-last ${strategy.count}` : strategy.kind
}
