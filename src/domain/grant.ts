import type { GrantId, ReviewId } from './ids.js'
import type { ConnectionName, RoleName, RuleName } from './names.js'
import type { Principal } from './principal.js'

/** Permission for a principal to use a connection in a role until an absolute end. */
export interface Grant {
  readonly id: GrantId
  readonly principal: Principal
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly reason: string | undefined
  /** The access rule that gave it. */
  readonly rule: RuleName
  readonly grantedAt: Date
  /** INVARIANT 5: absolute. Nothing makes a grant longer; a new one is asked for. */
  readonly until: Date
  readonly revokedAt: Date | undefined
  /** The review that approved it, or that looks at it afterwards. */
  readonly review?: ReviewId
  /** Given at once, by the right to break the glass. */
  readonly breakGlass?: boolean
}

/** Why a grant cannot be used now, or undefined when it can. */
export function whyGrantIsDead(grant: Grant, now: Date): 'grant_expired' | 'grant_revoked' | undefined {
  if (grant.revokedAt !== undefined && now >= grant.revokedAt) return 'grant_revoked'
  return now < grant.until ? undefined : 'grant_expired'
}
