import type { Decision, PolicyDecision, ReviewDemand } from '../../domain/decision.js'
import type { StatementFacts, TextFacts } from '../../domain/facts.js'
import type { ReviewId } from '../../domain/ids.js'
import type { RuleName } from '../../domain/names.js'
import type { Operation } from '../../domain/operation.js'
import { NOT_UNDERSTOOD } from '../../policy/default-rules.js'
import type { Verdict } from '../../protocols/protocol.js'

/** People have to agree first. Only `hold.ts` makes a verdict for the machine of it. */
export type HeldVerdict = Omit<Verdict, 'decision'> & { readonly decision: ReviewDemand }

/** What a judge says of an operation. */
export type Judged = Verdict | HeldVerdict

/** True for what people have to agree to first. */
export function isHeld(judged: Judged): judged is HeldVerdict {
  return judged.decision.kind === 'review'
}

export interface ReviewInput {
  readonly operation: Operation
  readonly facts: TextFacts
  /** What masking said; its refusals are not asked about. */
  readonly verdict: Verdict
  readonly demand: ReviewDemand
  /** Policy again, on these statements alone. */
  readonly decide: (statements: readonly StatementFacts[]) => PolicyDecision
}

/** Where policy demands people: they are asked, unless it does not run now, runs already, or could not run anyway. */
export function underReview({ operation, facts, verdict, demand, decide }: ReviewInput): Judged {
  const [first] = demand.demands
  if (first === undefined) return refuse(verdict, NOT_UNDERSTOOD, 'nobody can be asked')
  if (verdict.decision.kind === 'deny') return verdict
  // Parse runs nothing. It must not be refused either: the verdict that counts comes with Execute.
  if (operation.step === 'prepare')
    return { ...verdict, decision: { kind: 'allow', rule: undefined }, reviewedWhenRun: true }
  const review = operation.continues ?? openedBy(operation, facts, decide)
  if (review !== undefined) return { ...verdict, decision: { kind: 'allow', rule: first.rule, review } }
  // Not forwarded for the server to refuse: a ROLLBACK that is on its way could make it run after all.
  if (operation.transaction === 'failed')
    return refuse(verdict, first.rule, 'its transaction has failed, so nobody is asked', 'ROLLBACK')
  // Versions of objects are read over another connection, which sees what is committed.
  if (operation.definesUncommitted === true)
    return refuse(
      verdict,
      first.rule,
      'definitions were changed in its transaction, which nobody asked could see',
      'COMMIT',
    )
  if (usesBoundCursor(operation, facts))
    return refuse(verdict, first.rule, 'the values that its cursor was bound with could not be shown')
  if (operation.bound?.isWhole === false)
    return refuse(verdict, first.rule, 'its values are too large to be shown to whoever would be asked')
  return { ...verdict, decision: demand }
}

function refuse(verdict: Verdict, rule: RuleName, message: string, hint?: string): Verdict {
  const decision: Decision = { kind: 'deny', rule, message, hint }
  return { ...verdict, decision }
}

/**
 * The review that let the cursor be opened from which a text fetches; undefined when the text does anything else, goes back,
 * which runs what people agreed to again, or asks for people by itself.
 */
function openedBy(
  { names }: Operation,
  facts: TextFacts,
  decide: ReviewInput['decide'],
): ReviewId | undefined {
  if (!facts.understood) return undefined
  const [only, ...more] = facts.statements
  const use = only?.flow.sessionName
  if (only === undefined || more.length > 0 || use?.kind !== 'fetch' || use.name === undefined)
    return undefined
  if (use.goesBack === true) return undefined
  const review = names.openedBy?.(use.name)
  return review !== undefined && decide([only]).kind === 'allow' ? review : undefined
}

/** True where a text takes rows of, or changes the row of, a portal that Bind gave values: they stand in no text, and are not this operation's. */
function usesBoundCursor({ names }: Operation, facts: TextFacts): boolean {
  if (!facts.understood || names.isBound === undefined) return false
  const { isBound } = names
  return facts.statements.some(({ flow: { sessionName: use, positions = [] } }) => {
    return positions.some(isBound) || (use?.kind === 'fetch' && use.name !== undefined && isBound(use.name))
  })
}
