import type { CommandFacts, StatementFacts, TextFacts } from '../domain/facts.js'
import type { Principal } from '../domain/principal.js'
import {
  type Activation,
  ConnectionView,
  NowView,
  PrincipalView,
  type ResolveTables,
  StatementView,
} from './activation.js'
import { describeExpressionError } from './expression.js'
import type { CompiledRule, Situation } from './statement-policy.js'

/** Longest part of an evaluation error that is shown. */
const ERROR_LENGTH_MAX = 200

/** Whose statements are judged, and where they go: fixed for a client connection. */
export interface Asker {
  readonly principal: Principal
  readonly connection: { readonly name: string; readonly protocol: string }
  readonly role: string
  readonly database: string
}

/** One text to be judged. */
export interface Question {
  readonly text: string
  readonly facts: TextFacts
  /** Every statement that runs with the text: its own, and those behind the names it uses. */
  readonly statements: readonly StatementFacts[]
  readonly now: Date
  readonly resolveTables: ResolveTables
}

/** The part of what an expression reads that is the same for every statement of an asker. */
export type AskerView = Pick<Activation, 'principal' | 'connection' | 'role'>

/** What expressions see of an asker. */
export function viewAsker({ principal, connection, role, database }: Asker): AskerView {
  return {
    principal: new PrincipalView(principal.name, principal.groups, principal.issuer, principal.subject),
    connection: new ConnectionView(connection.name, connection.protocol, database),
    role,
  }
}

/** One command under judgement; what expressions read is made for the first of them. */
export class CommandSituation implements Situation {
  #activation: Activation | undefined

  constructor(
    readonly command: CommandFacts,
    readonly question: Question,
    readonly fixed: AskerView,
  ) {}

  activation(): Activation {
    const { text, now, resolveTables } = this.question
    this.#activation ??= {
      ...this.fixed,
      statement: new StatementView(this.command, text, resolveTables),
      now: new NowView(now),
    }
    return this.#activation
  }
}

/** What a rule says of a command. */
export type RuleAnswer =
  | { readonly kind: 'missed' }
  | { readonly kind: 'matched'; readonly message: string }
  /** It could not be evaluated; INVARIANT 11 makes that a denial. */
  | { readonly kind: 'failed'; readonly message: string }

const MISSED: RuleAnswer = { kind: 'missed' }

/** Puts a command to a rule. Never throws. */
export function askRule(rule: CompiledRule, situation: Situation): RuleAnswer {
  try {
    const message = rule.judge(situation)
    return message === undefined ? MISSED : { kind: 'matched', message }
  } catch (error) {
    const why = describeExpressionError(error).summary
    return { kind: 'failed', message: `the rule cannot be evaluated: ${why}`.slice(0, ERROR_LENGTH_MAX) }
  }
}

/** All statements once. Whoever asks may leave the text's own ones out of the list; they are judged all the same. */
export function joinStatements(
  own: readonly StatementFacts[],
  all: readonly StatementFacts[],
): readonly StatementFacts[] {
  const isSame = all.length <= own.length && all.every((statement, index) => statement === own[index])
  return isSame ? own : [...new Set([...own, ...all])]
}
