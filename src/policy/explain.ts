import type { PolicyDecision } from '../domain/decision.js'
import type { CommandFacts } from '../domain/facts.js'
import type { RuleName } from '../domain/names.js'
import { StatementView } from './activation.js'
import { NOT_UNDERSTOOD } from './default-rules.js'
import {
  type Asker,
  askRule,
  CommandSituation,
  joinStatements,
  type Question,
  viewAsker,
} from './situation.js'
import { makeStatementJudge } from './statement-judge.js'
import type { CompiledRule, Situation, StatementPolicy } from './statement-policy.js'

/** Commands of one text that are explained; the first ones. */
export const COMMANDS_EXPLAINED_MAX = 20
/** Rules listed for each command; the ones that say most come first. */
export const RULES_LISTED_MAX = 100

/** What one rule says of one command. */
export interface ExplainedRule {
  readonly rule: RuleName
  readonly effect: 'deny' | 'review' | 'allow'
  readonly origin: 'configured' | 'shipped'
  /** `failed`: it could not be evaluated, which denies. */
  readonly outcome: 'matched' | 'failed' | 'missed'
  /** Why it matched or failed. */
  readonly message: string | undefined
  /** It did not match, and speaks of this command's verb: a small change would bring it about. */
  readonly close: boolean
}

/** One command with what the rules see of it. */
export interface ExplainedCommand {
  readonly command: CommandFacts
  /** As rules see them, `schema.table`; undefined where there are too many for a rule to look at. */
  readonly tables: readonly string[] | undefined
  readonly writtenTables: readonly string[] | undefined
  /** What matched or failed first, then what came close, then the rest in the order in which they are asked. */
  readonly rules: readonly ExplainedRule[]
  /** Every rule that applies here, also those that are not listed. */
  readonly ruleCount: number
}

/** A decision with its reasons. */
export interface StatementExplanation {
  readonly decision: PolicyDecision
  /** Empty for a text that was not understood: no rule was asked. */
  readonly commands: readonly ExplainedCommand[]
  readonly commandCount: number
}

/**
 * Decides one text like the judge does, and says of each rule that applies whether it matched. Every rule is asked, also
 * behind the one that decided. Total: never throws.
 */
export function explainStatement(policy: StatementPolicy, input: Asker & Question): StatementExplanation {
  const decision = makeStatementJudge(policy, input).decide(input)
  const { facts } = input
  // A text that is refused before any rule is asked has no rules to speak of.
  const isRead = facts.understood && !(decision.kind === 'deny' && decision.rule === NOT_UNDERSTOOD)
  const statements = isRead ? joinStatements(facts.statements, input.statements) : []
  const commands = statements.flatMap(statement => statement.commands)
  const rules = rulesFor(policy, input.connection.name)
  const asker = viewAsker(input)
  const explained = commands.slice(0, COMMANDS_EXPLAINED_MAX).map((command): ExplainedCommand => {
    const situation = new CommandSituation(command, input, asker)
    const view = new StatementView(command, input.text, input.resolveTables)
    const answers = rules.map(one => explainRule(one, situation))
    return {
      command,
      tables: listOrUndefined(() => view.tables),
      writtenTables: listOrUndefined(() => view.written_tables),
      rules: [...answers].sort((one, other) => rank(one) - rank(other)).slice(0, RULES_LISTED_MAX),
      ruleCount: rules.length,
    }
  })
  return { decision, commands: explained, commandCount: commands.length }
}

interface EffectiveRule {
  readonly rule: CompiledRule
  readonly effect: 'deny' | 'review' | 'allow'
}

/** In the order in which the judge asks them. */
function rulesFor(policy: StatementPolicy, connection: string): readonly EffectiveRule[] {
  const { denials, reviews, allowances } = policy
  return [
    ...denials.map(rule => ({ rule, effect: 'deny' as const })),
    ...reviews.map(rule => ({ rule, effect: 'review' as const })),
    ...allowances.map(rule => ({ rule, effect: 'allow' as const })),
  ].filter(({ rule }) => rule.appliesTo(connection))
}

function explainRule({ rule, effect }: EffectiveRule, situation: Situation): ExplainedRule {
  const answer = askRule(rule, situation)
  return {
    rule: rule.name,
    effect,
    origin: rule.origin,
    outcome: answer.kind,
    message: answer.kind === 'missed' ? undefined : answer.message,
    close: answer.kind === 'missed' && rule.verbs.includes(situation.command.verb),
  }
}

function rank({ outcome, close }: ExplainedRule): number {
  if (outcome !== 'missed') return 0
  return close ? 1 : 2
}

/** A view refuses lists that are too long for a rule; the rules that look at them say so. */
function listOrUndefined(read: () => readonly string[]): readonly string[] | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
