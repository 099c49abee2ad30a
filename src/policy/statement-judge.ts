import type { Decision } from '../domain/decision.js'
import type { CommandFacts, StatementFacts } from '../domain/facts.js'
import type { RuleName } from '../domain/names.js'
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
import type { CompiledRule, Situation, StatementPolicy } from './statement-policy.js'

export type { Asker, Question } from './situation.js'

/** Commands in one text, all statements together: each costs every rule. */
export const COMMANDS_MAX = 5000
/** Commands times UTF-16 code units of the text, where a rule reads the text for each command. */
const TEXT_WORK_MAX = 256 * 1024 * 1024

/** Judges the statements of one client connection. */
export interface StatementJudge {
  /** Total: never throws. A repeated text costs a look-up, unless a rule depends on the time. */
  decide(question: Question): Decision
}

/**
 * Decides one text, with everything spelled out. For a client connection make a judge once: it remembers.
 */
export function decideStatement(policy: StatementPolicy, input: Asker & Question): Decision {
  return makeStatementJudge(policy, input).decide(input)
}

/**
 * Makes the judge of a client connection. Every command of every statement is put to every rule that applies to the
 * connection; one denial denies the whole text, and so does one rule that cannot be evaluated (INVARIANT 11).
 */
export function makeStatementJudge(policy: StatementPolicy, asker: Asker): StatementJudge {
  return new CachingJudge(policy, asker)
}

type Allowance = Extract<Decision, { kind: 'allow' }>

class CachingJudge implements StatementJudge {
  readonly #denials: readonly CompiledRule[]
  readonly #allowances: readonly CompiledRule[]
  readonly #defaultDecision: Decision
  readonly #fixed: AskerView
  readonly #usesText: boolean
  readonly #remembers: boolean
  /** Decisions by the identity of the facts. A rule may read the text, so it is part of the key. */
  #decisions = new WeakMap<StatementFacts, { readonly text: string; readonly decision: Decision }>()
  #resolveTables: ResolveTables | undefined

  constructor(policy: StatementPolicy, asker: Asker) {
    const { connection } = asker
    this.#denials = policy.denials.filter(rule => rule.appliesTo(connection.name))
    this.#allowances = policy.allowances.filter(rule => rule.appliesTo(connection.name))
    this.#defaultDecision = policy.statementDefault === 'allow' ? ALLOWED : DENIED_BY_DEFAULT
    this.#fixed = viewAsker(asker)
    const rules = [...this.#denials, ...this.#allowances]
    this.#usesText = rules.some(rule => rule.usesText)
    this.#remembers = !rules.some(rule => rule.usesNow)
  }

  decide(question: Question): Decision {
    const { facts } = question
    // INVARIANT 2. Checked before any rule, so that no rule can let it pass.
    if (!facts.understood) return refuseUnread(facts.reason)
    const statements = joinStatements(facts.statements, question.statements)
    const refusal = this.#refuseSize(question.text, statements)
    if (refusal !== undefined) return refusal
    if (this.#resolveTables !== question.resolveTables) {
      this.#resolveTables = question.resolveTables
      this.#decisions = new WeakMap()
    }
    let rule: RuleName | undefined
    for (const [index, statement] of statements.entries()) {
      const decision = this.#decideStatement(statement, question)
      if (decision.kind === 'deny') return decision
      rule = index === 0 || rule === decision.rule ? decision.rule : undefined
    }
    return rule === undefined ? ALLOWED : { kind: 'allow', rule }
  }

  #decideStatement(statement: StatementFacts, question: Question): Decision {
    const known = this.#decisions.get(statement)
    if (known !== undefined && known.text === question.text) return known.decision
    const decision = this.#decideCommands(statement.commands, question)
    if (this.#remembers) this.#decisions.set(statement, { text: question.text, decision })
    return decision
  }

  #decideCommands(commands: readonly CommandFacts[], question: Question): Decision {
    // Facts without a command say nothing that could be judged: fail closed.
    if (commands.length === 0) return refuseUnread('the statement has no command')
    let allowance: Allowance = ALLOWED
    for (const [index, command] of commands.entries()) {
      const decision = this.#decideCommand(new CommandSituation(command, question, this.#fixed))
      if (decision.kind === 'deny') return decision
      allowance = index === 0 || allowance.rule === decision.rule ? decision : ALLOWED
    }
    return allowance
  }

  #decideCommand(situation: Situation): Decision {
    for (const rule of this.#denials) {
      const answer = askRule(rule, situation)
      // INVARIANT 11: a rule that cannot be evaluated denies, whatever it was meant to say.
      if (answer.kind !== 'missed') {
        return { kind: 'deny', rule: rule.name, message: answer.message, hint: rule.hint }
      }
    }
    for (const rule of this.#allowances) {
      const answer = askRule(rule, situation)
      if (answer.kind === 'matched') return { kind: 'allow', rule: rule.name }
      if (answer.kind === 'failed') {
        return { kind: 'deny', rule: rule.name, message: answer.message, hint: undefined }
      }
    }
    return this.#defaultDecision
  }

  #refuseSize(text: string, statements: readonly StatementFacts[]): Decision | undefined {
    let commands = 0
    for (const statement of statements) commands += statement.commands.length
    if (commands > COMMANDS_MAX) return refuseUnread(`the text holds more than ${COMMANDS_MAX} commands`)
    return this.#usesText && commands * text.length > TEXT_WORK_MAX
      ? refuseUnread(`the text is too long to be read for each of its ${commands} commands`)
      : undefined
  }
}

const ALLOWED: Allowance = { kind: 'allow', rule: undefined }
const DENIED_BY_DEFAULT: Decision = {
  kind: 'deny',
  rule: STATEMENT_DEFAULT,
  message: 'no rule allows it here',
  hint: undefined,
}

function refuseUnread(reason: string): Decision {
  return {
    kind: 'deny',
    rule: NOT_UNDERSTOOD,
    message: `the statement was not understood: ${reason}`,
    hint: undefined,
  }
}
