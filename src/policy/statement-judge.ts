import type { Decision, PolicyDecision } from '../domain/decision.js'
import type { CommandFacts, StatementFacts } from '../domain/facts.js'
import { unreachable } from '../lib/unreachable.js'
import type { ResolveTables } from './activation.js'
import { NOT_UNDERSTOOD, STATEMENT_DEFAULT } from './default-rules.js'
import {
  type Asker,
  type AskerView,
  askRule,
  CommandSituation,
  joinStatements,
  type Question,
  viewAsker,
} from './situation.js'
import type { CompiledRule, ReviewRule, Situation, StatementPolicy } from './statement-policy.js'

export type { Asker, Question } from './situation.js'

/** Commands in one text, all statements together: each costs every rule. */
export const COMMANDS_MAX = 5000
/** Commands times UTF-16 code units of the text, where a rule reads the text for each command. */
const TEXT_WORK_MAX = 256 * 1024 * 1024

/** Judges the statements of one client connection. */
export interface StatementJudge {
  /** Total: never throws. A repeated text costs a look-up, unless a rule depends on the time. */
  decide(question: Question): PolicyDecision
}

/**
 * Decides one text, with everything spelled out. For a client connection make a judge once: it remembers.
 */
export function decideStatement(policy: StatementPolicy, input: Asker & Question): PolicyDecision {
  return makeStatementJudge(policy, input).decide(input)
}

/**
 * Makes the judge of a client connection. Every command of every statement is put to every rule that applies to the
 * connection. The strictest answer counts for the whole text: one denial denies it, and so does one rule that cannot be
 * evaluated (INVARIANT 11); otherwise every review rule that matches any command adds its demand, once.
 */
export function makeStatementJudge(policy: StatementPolicy, asker: Asker): StatementJudge {
  return new CachingJudge(policy, asker)
}

type Allowance = Extract<Decision, { kind: 'allow' }>
type Denial = Extract<Decision, { kind: 'deny' }>

/** What becomes of a part of a text when nothing denies it: who has to agree, in no order, or what allows it. */
type Finding = Denial | Allowance | { readonly kind: 'review'; readonly rules: readonly ReviewRule[] }

class CachingJudge implements StatementJudge {
  readonly #denials: readonly CompiledRule[]
  readonly #reviews: readonly ReviewRule[]
  readonly #allowances: readonly CompiledRule[]
  readonly #defaultDecision: Denial | Allowance
  readonly #fixed: AskerView
  readonly #usesText: boolean
  readonly #remembers: boolean
  /** Findings by the identity of the facts. A rule may read the text, so it is part of the key. */
  #findings = new WeakMap<StatementFacts, { readonly text: string; readonly finding: Finding }>()
  #resolveTables: ResolveTables | undefined

  constructor(policy: StatementPolicy, asker: Asker) {
    const { connection } = asker
    this.#denials = policy.denials.filter(rule => rule.appliesTo(connection.name))
    this.#reviews = policy.reviews.filter(rule => rule.appliesTo(connection.name))
    this.#allowances = policy.allowances.filter(rule => rule.appliesTo(connection.name))
    this.#defaultDecision = policy.statementDefault === 'allow' ? ALLOWED : DENIED_BY_DEFAULT
    this.#fixed = viewAsker(asker)
    const rules = [...this.#denials, ...this.#reviews, ...this.#allowances]
    this.#usesText = rules.some(rule => rule.usesText)
    this.#remembers = !rules.some(rule => rule.usesNow)
  }

  decide(question: Question): PolicyDecision {
    const { facts } = question
    // INVARIANT 2. Checked before any rule, so that no rule can let it pass.
    if (!facts.understood) return refuseUnread(facts.reason)
    const statements = joinStatements(facts.statements, question.statements)
    const refusal = this.#refuseSize(question.text, statements)
    if (refusal !== undefined) return refusal
    if (this.#resolveTables !== question.resolveTables) {
      this.#resolveTables = question.resolveTables
      this.#findings = new WeakMap()
    }
    const finding = strictest(statements, statement => this.#judgeStatement(statement, question))
    return finding.kind === 'review' ? this.#demand(finding.rules) : finding
  }

  /** In the order of the file, whatever the order in which the text met the rules. */
  #demand(rules: readonly ReviewRule[]): PolicyDecision {
    const demands = this.#reviews.filter(rule => rules.includes(rule)).map(rule => rule.demand)
    return { kind: 'review', demands }
  }

  #judgeStatement(statement: StatementFacts, question: Question): Finding {
    const known = this.#findings.get(statement)
    if (known !== undefined && known.text === question.text) return known.finding
    const finding = this.#judgeCommands(statement.commands, question)
    if (this.#remembers) this.#findings.set(statement, { text: question.text, finding })
    return finding
  }

  #judgeCommands(commands: readonly CommandFacts[], question: Question): Finding {
    // Facts without a command say nothing that could be judged: fail closed.
    if (commands.length === 0) return refuseUnread('the statement has no command')
    return strictest(commands, command =>
      this.#judgeCommand(new CommandSituation(command, question, this.#fixed)),
    )
  }

  #judgeCommand(situation: Situation): Finding {
    for (const rule of this.#denials) {
      const answer = askRule(rule, situation)
      // INVARIANT 11: a rule that cannot be evaluated denies, whatever it was meant to say.
      if (answer.kind !== 'missed') return denyBy(rule, answer.message)
    }
    const demanding: ReviewRule[] = []
    for (const rule of this.#reviews) {
      const answer = askRule(rule, situation)
      if (answer.kind === 'failed') return denyBy(rule, answer.message)
      if (answer.kind === 'matched') demanding.push(rule)
    }
    // People who agree to it allow it: nothing else has to.
    if (demanding.length > 0) return { kind: 'review', rules: demanding }
    for (const rule of this.#allowances) {
      const answer = askRule(rule, situation)
      if (answer.kind === 'matched') return { kind: 'allow', rule: rule.name }
      if (answer.kind === 'failed') return denyBy(rule, answer.message)
    }
    return this.#defaultDecision
  }

  #refuseSize(text: string, statements: readonly StatementFacts[]): Denial | undefined {
    let commands = 0
    for (const statement of statements) commands += statement.commands.length
    if (commands > COMMANDS_MAX) return refuseUnread(`the text holds more than ${COMMANDS_MAX} commands`)
    return this.#usesText && commands * text.length > TEXT_WORK_MAX
      ? refuseUnread(`the text is too long to be read for each of its ${commands} commands`)
      : undefined
  }
}

const ALLOWED: Allowance = { kind: 'allow', rule: undefined }
const DENIED_BY_DEFAULT: Denial = {
  kind: 'deny',
  rule: STATEMENT_DEFAULT,
  message: 'no rule allows it here',
  hint: undefined,
}

/**
 * The strictest finding of all parts. The first denial ends the search; what all parts are allowed by is named, and
 * nothing where they differ. Parts that are allowed add nothing to those that people have to agree to.
 */
function strictest<Part>(parts: readonly Part[], judge: (part: Part) => Finding): Finding {
  let allowance: Allowance | undefined
  let demanding: ReadonlySet<ReviewRule> | undefined
  for (const part of parts) {
    const finding = judge(part)
    switch (finding.kind) {
      case 'deny':
        return finding
      case 'review':
        demanding = new Set([...(demanding ?? []), ...finding.rules])
        break
      case 'allow':
        allowance = allowance === undefined || allowance.rule === finding.rule ? finding : ALLOWED
        break
      default:
        return unreachable(finding)
    }
  }
  return demanding === undefined ? (allowance ?? ALLOWED) : { kind: 'review', rules: [...demanding] }
}

function denyBy(rule: CompiledRule, message: string): Denial {
  return { kind: 'deny', rule: rule.name, message, hint: rule.hint }
}

function refuseUnread(reason: string): Denial {
  return {
    kind: 'deny',
    rule: NOT_UNDERSTOOD,
    message: `the statement was not understood: ${reason}`,
    hint: undefined,
  }
}
