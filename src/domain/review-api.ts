/** Bodies of the gateway's HTTP API about reviews, as JSON. Times are ISO 8601 in UTC, durations whole seconds. */

/** `GET /v1/reviews`, `GET /v1/reviews/{id}`: what the reader may answer, asked, or may read as an auditor. */
export interface ReviewView {
  readonly id: string
  readonly state: 'pending' | 'approved' | 'denied' | 'withdrawn' | 'expired' | 'used' | 'voided'
  readonly stateAt: string
  readonly why?: string
  readonly requester: string
  readonly address: string
  readonly reason?: string
  readonly askedAt: string
  /** The question ends here, an approval that is not used too. */
  readonly until: string
  /** What is approved, in one number: to be repeated by who answers. */
  readonly digest: string
  readonly subject: ReviewSubjectView
  readonly demands: readonly {
    readonly rule: string
    readonly message?: string
    readonly approvers: readonly string[]
    readonly manager: boolean
    readonly count: number
    /** Yeses that count towards it now. */
    readonly given: number
  }[]
  readonly answers: readonly {
    readonly by: string
    readonly verdict: 'approve' | 'deny'
    readonly comment?: string
    readonly at: string
  }[]
  /** True when the reader may answer now. */
  readonly answerable: boolean
  /** Where to read and answer it in a browser. */
  readonly url: string
  /** What the requester asked lately, newest first; with `GET /v1/reviews/{id}` only. */
  readonly history?: readonly {
    readonly id: string
    readonly state: string
    readonly askedAt: string
    readonly summary: string
  }[]
}

export type ReviewSubjectView =
  | {
      readonly kind: 'grant'
      readonly connection: string
      readonly role: string
      readonly durationSeconds: number
      /** Given already by breaking the glass. */
      readonly afterwards: boolean
    }
  | {
      readonly kind: 'operation'
      readonly session: string
      readonly connection: string
      readonly role: string
      readonly database: string
      /** Whole, as the client sent it. */
      readonly statement: string
      readonly statementCount: number
      readonly values: readonly (string | null)[]
      /** Texts behind the names that the statement uses, as EXECUTE and FETCH do: what would run is there. */
      readonly behind?: readonly string[]
      readonly verbs: readonly string[]
      readonly tables: readonly string[]
      readonly inTransaction: boolean
      readonly rowEstimate?: number
    }

/**
 * `GET /v1/reviews`, the newest first: `state=pending`, `mine`, `answerable` narrow it. `GET /v1/reviews?after=CURSOR&wait=20`
 * answers when something changed after the cursor, or when the wait is over: every change, whatever state it led to, so that
 * who lists open questions hears of their end; only `mine` narrows it.
 */
export interface ReviewList {
  readonly reviews: readonly ReviewView[]
  readonly cursor: string
}

/** `POST /v1/reviews/{id}/answers` */
export interface ReviewAnswerRequest {
  readonly verdict: 'approve' | 'deny'
  readonly comment?: string
  /** The digest of what the person saw. INVARIANT 6: an answer to anything else does not count. */
  readonly digest: string
}
