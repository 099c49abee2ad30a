import type { Generated } from 'kysely'

/** The tables as both databases have them. Times are ISO 8601 text in UTC; `groups`, `actor` and `detail` are JSON text. */
export interface StoreSchema {
  readonly grants: GrantRow
  readonly sessions: SessionRow
  readonly agents: AgentRow
  readonly used_enrollment_tokens: UsedTokenRow
  readonly principals: PrincipalRow
  readonly audit: AuditRow
  readonly deliveries: DeliveryRow
  readonly reviews: ReviewRow
  readonly review_answers: ReviewAnswerRow
  readonly review_groups: ReviewGroupRow
  readonly review_clock: ReviewClockRow
}

/** The columns by which a row names a principal. */
export interface PrincipalColumns {
  readonly issuer: string
  readonly subject: string
  readonly name: string
  readonly groups: string
  readonly person: string | null
  readonly manager: string | null
}

export interface GrantRow extends PrincipalColumns {
  readonly id: string
  readonly connection: string
  readonly role: string
  readonly reason: string | null
  readonly rule: string
  readonly granted_at: string
  readonly until: string
  readonly revoked_at: string | null
  readonly revoked_by: string | null
  readonly review: string | null
  /** 1 where the glass was broken for it; NULL from before that could be. */
  readonly break_glass: number | null
}

export interface SessionRow extends PrincipalColumns {
  readonly id: string
  readonly grant_id: string
  readonly connection: string
  readonly role: string
  readonly protocol: string
  readonly address: string
  readonly started_at: string
  readonly ended_at: string | null
  readonly end_reason: string | null
  readonly operations: number
  readonly refused: number
  readonly head: string | null
  /** The gateway that opened it; NULL on the embedded store, which has one. */
  readonly gateway: string | null
}

export interface AgentRow {
  readonly name: string
  readonly public_key: string
  readonly enrolled_at: string
  readonly last_seen_at: string | null
}

export interface UsedTokenRow {
  readonly digest: string
  readonly agent: string
  readonly used_at: string
}

export interface PrincipalRow extends PrincipalColumns {
  readonly last_seen_at: string
}

export interface AuditRow {
  readonly sequence: Generated<number>
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string | null
  readonly rule: string | null
  readonly address: string | null
  readonly detail: string | null
}

export interface DeliveryRow {
  readonly id: string
  readonly channel: string
  readonly event: string
  readonly review: string
  readonly requester: string
  readonly created_at: string
  readonly due_at: string
  readonly attempts: number
  readonly state: string
  readonly error: string | null
  readonly done_at: string | null
}

/** `asked` and `demands` are JSON text. */
export interface ReviewRow extends PrincipalColumns {
  readonly id: string
  /** Grows with every change of this review: what compare-and-set compares. */
  readonly version: number
  /** The reading of `review_clock` at its last change: later changes have higher ones, in all reviews. */
  readonly changed: number
  readonly kind: string
  /** The session that waits for it; NULL for a grant. */
  readonly session: string | null
  readonly connection: string
  readonly asked: string
  readonly demands: string
  /** 1 where the requester's manager may answer. */
  readonly manager_may: number
  readonly address: string
  readonly reason: string | null
  readonly digest: string
  readonly asked_at: string
  readonly until: string
  readonly state: string
  readonly state_at: string
  readonly why: string | null
}

export interface ReviewAnswerRow extends PrincipalColumns {
  readonly review: string
  /** From 0, in the order in which they came. */
  readonly place: number
  readonly verdict: string
  readonly comment: string | null
  readonly at: string
  readonly address: string
}

/** A group whose members may answer a review. */
export interface ReviewGroupRow {
  readonly review: string
  readonly member: string
}

/** One row. Who changes a review moves it first, and by that goes one after the other. */
export interface ReviewClockRow {
  readonly id: number
  readonly reading: number
}
