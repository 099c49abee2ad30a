import type { Decision } from '../../domain/decision.js'
import { type RuleName, readRuleName } from '../../domain/names.js'
import { errorResponse, parse, query } from './codec.js'

/** Why a message did not go to the target, in the words the client gets. */
export interface Refusal {
  readonly rule: RuleName
  /** SQLSTATE: 42501 for policy, 54000 for a limit, the server's own where the words are. */
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
  /** What the server adds where the words are its own; `position` in characters of the text, from 1. */
  readonly detail?: string | undefined
  readonly position?: number | undefined
}

/** Refusals that no rule of the configuration makes; invariant 2. */
export const OWN_RULES = {
  notUnderstood: ownRule('not-understood'),
  statementLimit: ownRule('statement-limit'),
  nameLimit: ownRule('name-limit'),
  ambiguousName: ownRule('ambiguous-name'),
  functionCall: ownRule('no-function-call'),
} as const

const INSUFFICIENT_PRIVILEGE = '42501'
const QUERY_CANCELED = '57014'
const PROGRAM_LIMIT_EXCEEDED = '54000'

/** The words of the server itself, when a statement ends by a cancel request. */
const CANCELED = 'canceling statement due to user request'

/** What policy refused. */
export function refusalFrom(decision: Decision & { readonly kind: 'deny' }): Refusal {
  const { review } = decision
  if (decision.cause === 'withdrawn')
    return { rule: decision.rule, code: QUERY_CANCELED, message: CANCELED, hint: undefined }
  if (review !== undefined) {
    const message = `refused in review ${review}: ${decision.message}`
    return { rule: decision.rule, code: INSUFFICIENT_PRIVILEGE, message, hint: decision.hint }
  }
  const limit = decision.rule === OWN_RULES.statementLimit || decision.rule === OWN_RULES.nameLimit
  return {
    rule: decision.rule,
    code: limit ? PROGRAM_LIMIT_EXCEEDED : INSUFFICIENT_PRIVILEGE,
    message: `refused by rule "${decision.rule}": ${decision.message}`,
    hint: decision.hint,
  }
}

/** What the machine itself refuses. */
export function ownDenial(
  rule: RuleName,
  message: string,
  hint?: string,
): Decision & { readonly kind: 'deny' } {
  return { kind: 'deny', rule, message, hint }
}

/** The ErrorResponse in place of the one that the substitute caused: nothing of that one is left but its order. */
export function refusalError(refusal: Refusal): Buffer {
  const fields = new Map([
    ['S', 'ERROR'],
    ['V', 'ERROR'],
    ['C', refusal.code],
    ['M', refusal.message],
  ])
  if (refusal.detail !== undefined) fields.set('D', refusal.detail)
  if (refusal.hint !== undefined) fields.set('H', refusal.hint)
  if (refusal.position !== undefined) fields.set('P', `${refusal.position}`)
  return errorResponse(fields)
}

/**
 * INVARIANT 10: what goes to the target in the place of a refused Query or FunctionCall, so that order, transaction
 * state and ReadyForQuery stay the server's own. No state of a session lets it be parsed: no statement begins with ")".
 * The rule's name is in it for the database's own log; by its form it holds nothing that could be read as SQL.
 */
export function substituteQuery(refusal: Refusal): Buffer {
  return query(unparsable(refusal))
}

/**
 * The same in the place of a refused Parse, Bind or Execute: each of them answers with one ErrorResponse and skips to
 * Sync. A portal that cannot exist would do for Execute, but a client could make any name with DECLARE.
 */
export function substituteParse(refusal: Refusal, name = 'hoop'): Buffer {
  return parse({ name, text: unparsable(refusal) })
}

function unparsable(refusal: Refusal): string {
  return `) refused by hoop, rule ${refusal.rule}`
}

function ownRule(text: string): RuleName {
  const name = readRuleName(text)
  if (name === undefined) throw new Error(`"${text}" is not the name of a rule`)
  return name
}
