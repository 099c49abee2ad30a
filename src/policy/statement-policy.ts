import type { ApprovalDemand } from '../domain/decision.js'
import type { CommandFacts } from '../domain/facts.js'
import { compileGlob, type Glob } from '../domain/glob.js'
import type { RuleName } from '../domain/names.js'
import type { Activation } from './activation.js'
import { DEFAULT_RULES, type DefaultRule } from './default-rules.js'
import { type Expression, ExpressionCompiler } from './expression.js'
import type { PolicyRule, RuleProblem } from './rule.js'

/** What a policy is made of beside its rules. */
export interface StatementPolicyOptions {
  /** Shipped rules that are turned off. Those that cannot be stay on, whatever is said here. */
  readonly defaultRulesOff: readonly RuleName[]
  /** What becomes of a command that no rule speaks of. `deny` lets only pass what a rule allows. */
  readonly statementDefault: 'allow' | 'deny'
}

/** One command as it is put to the rules; the activation is made when the first expression asks for it. */
export interface Situation {
  readonly command: CommandFacts
  activation(): Activation
}

/** A rule ready to be asked. */
export interface CompiledRule {
  readonly name: RuleName
  readonly hint: string | undefined
  readonly origin: 'configured' | 'shipped'
  /** Verbs that the rule speaks of by name; what it says of others is not known from this. */
  readonly verbs: readonly string[]
  readonly usesNow: boolean
  readonly usesText: boolean
  readonly appliesTo: (connection: string) => boolean
  /** The message when the rule matches, undefined when not. Throws when it cannot be evaluated. */
  readonly judge: (situation: Situation) => string | undefined
}

/** A rule that asks people, and what it asks of them: the same for every statement. */
export interface ReviewRule extends CompiledRule {
  readonly demand: ApprovalDemand
}

/** Rules of a configuration and shipped rules, compiled. Holds nothing of any client: one for all of them. */
export interface StatementPolicy {
  readonly statementDefault: 'allow' | 'deny'
  /** The configuration's rules in the order of the file, then the shipped ones. */
  readonly denials: readonly CompiledRule[]
  readonly reviews: readonly ReviewRule[]
  readonly allowances: readonly CompiledRule[]
}

export type CompiledStatementPolicy =
  | { readonly ok: true; readonly policy: StatementPolicy }
  | { readonly ok: false; readonly problems: readonly RuleProblem[] }

/**
 * Compiles the statement rules. Never throws: every rule that cannot be used is a problem with its name and place.
 *
 * @example
 * const compiled = compileStatementPolicy(config.statements, { defaultRulesOff: [], statementDefault: 'allow' })
 */
export function compileStatementPolicy(
  rules: readonly PolicyRule[],
  options: StatementPolicyOptions,
): CompiledStatementPolicy {
  const compiler = new ExpressionCompiler()
  const problems: RuleProblem[] = []
  const denials: CompiledRule[] = []
  const reviews: ReviewRule[] = []
  const allowances: CompiledRule[] = []
  for (const rule of rules) {
    const compiled = compiler.compile(rule.when)
    if (!compiled.ok) {
      const { message, offset } = compiled.problem
      problems.push({ rule: rule.name, message, ...placeOf(rule.when, offset) })
    } else {
      const written = writtenRule(rule, compiled.expression)
      if (rule.effect === 'review') reviews.push({ ...written, demand: demandOf(rule) })
      else (rule.effect === 'deny' ? denials : allowances).push(written)
    }
  }
  if (problems.length > 0) return { ok: false, problems }
  const off = new Set<string>(options.defaultRulesOff)
  const shipped = DEFAULT_RULES.filter(rule => !(rule.canBeOff && off.has(rule.name))).map(shippedRule)
  const { statementDefault } = options
  const policy = { statementDefault, denials: [...denials, ...shipped], reviews, allowances }
  return { ok: true, policy }
}

const DEFAULT_MESSAGES = {
  deny: 'this statement is not allowed here',
  review: 'people have to agree to it first',
  allow: 'it is allowed here',
} as const

function demandOf({ name, message, terms }: Extract<PolicyRule, { effect: 'review' }>): ApprovalDemand {
  return { rule: name, message, terms }
}

function writtenRule(rule: PolicyRule, expression: Expression): CompiledRule {
  const globs: readonly Glob[] = rule.connections.map(compileGlob)
  const message = rule.message ?? DEFAULT_MESSAGES[rule.effect]
  return {
    name: rule.name,
    hint: rule.hint,
    origin: 'configured',
    verbs: expression.words,
    usesNow: expression.usesNow,
    usesText: expression.usesText,
    appliesTo: connection => globs.some(glob => glob(connection)),
    judge: situation => (expression.test(situation.activation()) ? message : undefined),
  }
}

function shippedRule(rule: DefaultRule): CompiledRule {
  return {
    name: rule.name,
    hint: rule.hint,
    origin: 'shipped',
    verbs: rule.verbs,
    usesNow: false,
    usesText: false,
    appliesTo: () => true,
    judge: situation => rule.judge(situation.command),
  }
}

function placeOf(text: string, offset: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { line: before.split('\n').length, column: offset - lineStart + 1 }
}
