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
}

/** The columns by which a row names a principal. */
export interface PrincipalColumns {
  readonly issuer: string
  readonly subject: string
  readonly name: string
  readonly groups: string
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
