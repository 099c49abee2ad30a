import type { ApprovalTerms } from './approval.js'
import type { ReviewId } from './ids.js'
import type { RuleName } from './names.js'

/** The last word on an operation: what a protocol machine acts on, and what is recorded. */
export type Decision =
  | {
      readonly kind: 'allow'
      readonly rule: RuleName | undefined
      /** The approval that was used up by it. */
      readonly review?: ReviewId
      /** Rules by which people would have had to agree: it runs all the same, because the glass was broken. */
      readonly lifted?: readonly RuleName[]
    }
  | {
      readonly kind: 'deny'
      readonly rule: RuleName
      /** Why, for the person who asked: half a sentence, no full stop. */
      readonly message: string
      readonly hint: string | undefined
      readonly review?: ReviewId
      /** `withdrawn`: the person who asked took it back, as with Ctrl-C. Absent: a rule or a reviewer refused. */
      readonly cause?: 'withdrawn'
    }

/** People have to agree before an operation may run. Every demand has to be met, each by people of its own. */
export interface ReviewDemand {
  readonly kind: 'review'
  readonly demands: readonly ApprovalDemand[]
}

export interface ApprovalDemand {
  readonly rule: RuleName
  /** Why, for the person who asked and the one who answers: half a sentence, no full stop. */
  readonly message: string | undefined
  readonly terms: ApprovalTerms
}

/** What policy says of an operation. Nothing but the session engine turns a demand into a decision. */
export type PolicyDecision = Decision | ReviewDemand
