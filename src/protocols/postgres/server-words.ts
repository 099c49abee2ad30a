import type { GrammarError, TextFacts } from '../../domain/facts.js'
import { type KnownNames, noSuchName } from './name-denial.js'
import { OWN_RULES, type Refusal } from './refusal.js'

/**
 * What the server itself would say of a text that was not understood; undefined when nobody can tell, and the rule speaks
 * for itself. Only words: whatever they are, something that surely fails goes to the server (INVARIANT 2).
 */
export function serverWords(known: KnownNames, facts: TextFacts): Refusal | undefined {
  if (facts.understood) return undefined
  if (facts.syntaxError !== undefined) return syntaxRefusal(facts.syntaxError)
  return facts.unknownName === undefined ? undefined : noSuchName(known, facts.unknownName)
}

/** The server reads a text before it looks at the transaction, so its words are the same in each state. */
function syntaxRefusal({ code, message, detail, hint, position }: GrammarError): Refusal {
  return { rule: OWN_RULES.notUnderstood, code, message, detail, hint, position }
}
