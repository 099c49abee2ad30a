import type { ApprovalDemand } from './decision.js'
import type { RecordedValue } from './event.js'
import type { ReviewId, SessionId } from './ids.js'
import type { ConnectionName, RoleName } from './names.js'
import type { Principal } from './principal.js'
import type { ReviewState } from './review-state.js'

/** What is asked for. */
export type ReviewSubject =
  /** A grant. Approved, it is given when the person who asked claims it. */
  | {
      readonly kind: 'grant'
      readonly connection: ConnectionName
      readonly role: RoleName
      readonly durationMs: number
      /** Given already, by the right to break the glass: people look at it afterwards. */
      readonly afterwards: boolean
    }
  /** An operation that waits inside a session. */
  | HeldOperation

/** An operation that waits, as the people who answer see it. Nothing of it is left out or cut. */
export interface HeldOperation {
  readonly kind: 'operation'
  readonly session: SessionId
  readonly client: number
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly database: string
  readonly statement: string
  readonly values: readonly RecordedValue[]
  /** Texts behind the names that the statement uses, as EXECUTE and FETCH do: what would run is there. */
  readonly behind?: readonly string[]
  /** Statements in the text. */
  readonly statementCount: number
  readonly verbs: readonly string[]
  readonly tables: readonly string[]
  readonly inTransaction: boolean
  /** Rows, estimated by the target, that the tables hold which it writes: as many as it can touch. Absent where nobody knows. */
  readonly rowEstimate?: number
}

/** One person's answer. */
export interface ReviewAnswer {
  readonly by: Principal
  readonly verdict: 'approve' | 'deny'
  readonly comment: string | undefined
  readonly at: Date
  /** Where it was answered from, as the gateway saw it. */
  readonly address: string
}

/** A question to people about a grant or an operation, and its answers. */
export interface Review {
  readonly id: ReviewId
  readonly subject: ReviewSubject
  readonly requester: Principal
  /** Where the question came from, as the gateway saw it. */
  readonly address: string
  readonly reason: string | undefined
  readonly demands: readonly ApprovalDemand[]
  /** INVARIANT 6: SHA-256, hexadecimal, of everything that is approved. Who answers repeats it. */
  readonly digest: string
  readonly askedAt: Date
  /** A pending question ends here, an approved one too unless it is used before. Set anew by the approval. */
  readonly until: Date
  readonly state: ReviewState
  /** When it got into this state. */
  readonly stateAt: Date
  /** Why it is denied, withdrawn or voided: half a sentence. */
  readonly why: string | undefined
  readonly answers: readonly ReviewAnswer[]
}
