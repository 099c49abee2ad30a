import type { ApprovalTerms } from '../domain/approval.js'
import type { RuleName } from '../domain/names.js'

/** What may be said to a target, as it is written down. The strictest counts: a denial, then a review, then an allowance. */
export type PolicyRule = WrittenRule & RuleEffect

/** What a match means. `then` in the file: an object with a `then` would pass for a promise. */
export type RuleEffect =
  | { readonly effect: 'deny' | 'allow' }
  /** People have to agree first, on these terms. */
  | { readonly effect: 'review'; readonly terms: ApprovalTerms }

/** What every statement rule has. */
export interface WrittenRule {
  readonly name: RuleName
  /** Globs of connection names. */
  readonly connections: readonly string[]
  /** A CEL expression over the variables in `docs/policy.md`. */
  readonly when: string
  /** For the person who asked; half a sentence, no full stop. */
  readonly message: string | undefined
  /** A command to run, or the one thing to change. */
  readonly hint: string | undefined
}

/** Why a rule cannot be used. Lines and columns count from 1 within the rule's `when`. */
export interface RuleProblem {
  readonly rule: RuleName
  readonly message: string
  readonly line: number
  readonly column: number
}
