import { randomBytes } from 'node:crypto'
import type { Grant } from '../../domain/grant.js'
import { makeGrantId, type ReviewId } from '../../domain/ids.js'
import type { ConnectionName, RoleName, RuleName } from '../../domain/names.js'
import { actorOf } from '../../store/actor.js'
import type { Asking, GrantsDeps } from './grants.js'

/** A grant as the rules and, where they ask people, those have decided it. */
export interface GivenGrant {
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly rule: RuleName
  readonly reason: string | undefined
  readonly until: Date
  /** The review that approved it, or that looks at it afterwards. */
  readonly review?: ReviewId
  readonly breakGlass?: boolean
}

/** Writes a grant down, which makes it one. */
export async function giveGrant(
  { store, now }: Pick<GrantsDeps, 'store' | 'now'>,
  { principal, address }: Asking,
  given: GivenGrant,
): Promise<Grant> {
  const at = now()
  const { connection, role, rule, until, review, breakGlass = false } = given
  const grant: Grant = {
    id: makeGrantId(randomBytes),
    principal,
    connection,
    role,
    reason: given.reason,
    rule,
    grantedAt: at,
    until,
    revokedAt: undefined,
    ...(review === undefined ? {} : { review }),
    ...(breakGlass ? { breakGlass } : {}),
  }
  const detail = {
    ...{ connection, role, until: until.toISOString() },
    ...(review === undefined ? {} : { review }),
    ...(breakGlass ? { breakGlass, reason: given.reason } : {}),
  }
  // INVARIANT 12: written before it counts. A grant that nobody can see in the log is none.
  const entry = {
    at,
    actor: actorOf(principal),
    action: 'grant.given',
    subject: grant.id,
    rule,
    address,
    detail,
  }
  await store.audit.append(entry)
  await store.grants.insert(grant)
  return grant
}
