import type {
  CommandView,
  DecisionView,
  ExplainResponse,
  MaskingView,
  OutputView,
  RuleView,
} from '../domain/api.js'
import { unreachable } from '../lib/unreachable.js'
import { toPrintable } from '../recording/printable.js'

type ReviewDemandView = Extract<DecisionView, { kind: 'review' }>['demands'][number]

/**
 * An explanation for people. Names of tables come from the statement and the target: what a terminal would act on is
 * shown and does nothing.
 */
export function renderExplanation(explanation: ExplainResponse): string {
  const { connection, role, database, decision, commands, commandCount, masking } = explanation
  const left = commandCount - commands.length
  const lines = [
    `"${connection}" as "${role}", database "${database}": the statement would be ${VERDICTS[decision.kind]}`,
    ...renderDecision(decision),
    ...commands.flatMap((command, index) => ['', ...renderCommand(command, index + 1)]),
    ...(left > 0 ? ['', `and ${left} more commands`] : []),
    '',
    ...renderMasking(masking),
  ]
  return lines.map(toPrintable).join('\n')
}

const VERDICTS = { allow: 'allowed', deny: 'refused', review: 'held until people agree' } as const

function renderDecision(decision: DecisionView): readonly string[] {
  if (decision.kind === 'review') return decision.demands.map(renderDemand)
  if (decision.kind === 'allow') return decision.rule === undefined ? [] : [`  by rule "${decision.rule}"`]
  const hint = decision.hint === undefined ? [] : [`  try: ${decision.hint}`]
  return [`  by rule "${decision.rule}": ${decision.message}`, ...hint]
}

function renderDemand({ rule, message, ...demand }: ReviewDemandView): string {
  const who = [...demand.approvers, ...(demand.manager ? ['their manager'] : [])].join(', ')
  const why = message === undefined ? '' : `: ${message}`
  return `  by rule "${rule}", ${demand.count} of [${who}]${why}`
}

function renderCommand(command: CommandView, number: number): readonly string[] {
  const { rules, ruleCount } = command
  const telling = rules.filter(rule => rule.outcome !== 'missed' || rule.close)
  const others = ruleCount - telling.length
  const rest =
    telling.length === 0 ? `none of ${others} rules matched` : `${others} other rules did not match`
  return [
    `${number}. ${spellVerb(command)}`,
    `   tables   ${renderTables(command)}`,
    `   facts    ${factsOf(command).join(', ') || 'only reads'}`,
    ...telling.map(renderRule),
    `   ${rest}`,
  ]
}

function spellVerb({ verb, object, nested }: CommandView): string {
  return `${object === '' ? verb : `${verb} ${object}`}${nested ? ', inside of another command' : ''}`
}

function renderTables({ tables, writtenTables = [] }: CommandView): string {
  if (tables === undefined) return 'too many for a rule to look at'
  if (tables.length === 0) return 'none'
  return tables.map(table => (writtenTables.includes(table) ? `${table} (written)` : table)).join(', ')
}

function factsOf(command: CommandView): readonly string[] {
  return [
    ...(command.writes ? ['writes'] : []),
    ...(command.filtered ? [] : ['no condition that reads a column']),
    ...(command.drops ? ['takes an object away'] : []),
    ...(command.defines ? ['changes definitions'] : []),
    ...(command.opaque ? ['carries code that cannot be read'] : []),
    ...(command.serverAccess ? ['reaches the server itself'] : []),
  ]
}

function renderRule({ rule, effect, outcome, message }: RuleView): string {
  const said = outcome === 'missed' ? 'close' : outcome
  const why = outcome === 'missed' ? 'speaks of this verb, and did not match' : (message ?? '')
  // An allowance has no message of its own: the one of every rule is about refusals.
  return `   ${said.padEnd(8)} ${rule} (${effect})${effect === 'allow' && outcome === 'matched' ? '' : `: ${why}`}`
}

function renderMasking(masking: MaskingView): readonly string[] {
  switch (masking.kind) {
    case 'none':
      return ['masking: no rule applies to you here']
    case 'refused':
      return [`masking, mode ${masking.mode}: refused by "${masking.rule}": ${masking.message}`]
    case 'masked': {
      const { computed, columns, columnCount, detectors, outputs = [], hidesMessages } = masking
      const left = columnCount - columns.length
      return [
        `masking, mode ${masking.mode}`,
        `   ${renderComputed(computed)}`,
        ...columns.map(({ column, rule, strategy }) => `   column ${column}: ${strategy} by rule "${rule}"`),
        ...(left > 0 ? [`   and ${left} more columns`] : []),
        ...detectors.map(
          ({ rule, detectors: found }) => `   values that look like ${found.join(', ')}: rule "${rule}"`,
        ),
        ...outputs.map(renderOutput),
        ...(hidesMessages ? ['   errors and notices of the server are replaced'] : []),
      ]
    }
    default:
      return unreachable(masking)
  }
}

const HOLDS: Readonly<Record<OutputView['holds'], string>> = {
  clear: 'shown',
  protected: 'can hold masked values',
  unknown: 'can hold anything',
}

/** `output 2: shown, from public.customers.name through public.half`. */
function renderOutput({ statement, output, holds, columns, through, reason }: OutputView): string {
  const which = output === 0 ? 'every output' : `output ${output}`
  const where = statement === 1 ? which : `${which} of statement ${statement}`
  const from = columns.length === 0 ? 'from no column' : `from ${columns.join(', ')}`
  const between = through.length === 0 ? '' : ` through ${through.join(', ')}`
  return `   ${where}: ${HOLDS[holds]}, ${reason === undefined ? `${from}${between}` : reason}`
}

function renderComputed({
  kind,
  reason,
  rule,
  strategy,
}: Extract<MaskingView, { kind: 'masked' }>['computed']): string {
  switch (kind) {
    case 'clear':
      return `expressions are shown: ${reason}`
    case 'expressions':
      return `expressions: ${strategy} by rule "${rule}": ${reason}`
    case 'everything':
      return `every column: ${strategy} by rule "${rule}": ${reason}`
    default:
      return unreachable(kind)
  }
}
