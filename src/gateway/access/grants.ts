import { randomBytes } from 'node:crypto'
import type { GrantRequest } from '../../domain/api.js'
import type { Grant } from '../../domain/grant.js'
import { makeGrantId, readGrantId } from '../../domain/ids.js'
import { readRoleName } from '../../domain/names.js'
import { isSamePrincipal, type Principal } from '../../domain/principal.js'
import { HoopError } from '../../lib/hoop-error.js'
import { nearestName } from '../../lib/nearest-name.js'
import { decideAccess } from '../../policy/access.js'
import { actorOf } from '../../store/actor.js'
import type { AuditEntry } from '../../store/audit.js'
import type { Store } from '../../store/store.js'
import type { ReviewDesk } from '../reviews/desk.js'
import type { Policies } from './policies.js'

/** The longest reason that is kept, in characters. */
const REASON_LENGTH_MAX = 1_000

export interface GrantsDeps {
  readonly store: Store
  readonly policies: () => Policies
  readonly now: () => Date
  /** Where people are asked about a grant. */
  readonly reviews: ReviewDesk
  /** Ends what a revoked grant had opened. */
  readonly endSessions: (grant: Grant) => void
}

/** Who asks, and from where. */
export interface Asking {
  readonly principal: Principal
  readonly address: string
}

/** Asks the access rules for a grant. Fails with `not_found`, `forbidden` or `usage`; every answer is in the audit log. */
export async function requestGrant(deps: GrantsDeps, asking: Asking, request: GrantRequest): Promise<Grant> {
  const { principal, address } = asking
  const policies = deps.policies()
  const visible = policies.visibleConnections(principal)
  const connection = visible.find(one => one.name === request.connection)
  const at = deps.now()
  const audit = (action: string, more: Pick<AuditEntry, 'subject' | 'rule' | 'detail'>) =>
    deps.store.audit.append({ at, actor: actorOf(principal), action, address, ...more })
  if (connection === undefined) {
    await audit('grant.refused', {
      subject: request.connection,
      detail: { why: 'no such connection for this principal' },
    })
    throw unknownConnection(
      request.connection,
      visible.map(one => one.name),
    )
  }
  const role = readRole(request.role)
  const reason = request.reason?.trim().slice(0, REASON_LENGTH_MAX) || undefined
  const durationMs = request.durationSeconds === undefined ? undefined : request.durationSeconds * 1000
  const answer = decideAccess(policies.accessRules, { principal, connection, role, reason, durationMs }, at)
  if (answer.kind === 'refused') {
    await audit('grant.refused', {
      subject: connection.name,
      rule: answer.rule,
      detail: { why: answer.message },
    })
    throw new HoopError(answer.code, answer.message, answer.hint === undefined ? {} : { hint: answer.hint })
  }
  const grant: Grant = {
    id: makeGrantId(randomBytes),
    principal,
    connection: connection.name,
    role: answer.role,
    reason,
    rule: answer.rule,
    grantedAt: at,
    until: answer.until,
    revokedAt: undefined,
  }
  const detail = { connection: grant.connection, role: grant.role, until: grant.until.toISOString() }
  // INVARIANT 12: written before it counts. A grant that nobody can see in the log is none.
  await audit('grant.given', { subject: grant.id, rule: grant.rule, detail })
  await deps.store.grants.insert(grant)
  return grant
}

/** Takes a grant of this principal back and ends what it had opened. */
export async function revokeGrant(
  deps: GrantsDeps,
  { principal, address }: Asking,
  id: string,
): Promise<void> {
  const known = readGrantId(id)
  const grant = known === undefined ? undefined : await deps.store.grants.find(known)
  if (grant === undefined || !isSamePrincipal(grant.principal, principal)) {
    throw new HoopError('not_found', `Cannot revoke grant "${id}": there is none of that name among yours`, {
      hint: 'hoop grants list',
    })
  }
  // Who gives back what is gone already is not told off, and not written down twice.
  if (grant.revokedAt !== undefined) return
  const at = deps.now()
  const actor = actorOf(principal)
  const isRevokedNow = await deps.store.grants.revoke(grant.id, actor, at)
  // INVARIANT 5: whatever becomes of the audit log, nothing lives on.
  deps.endSessions(grant)
  if (!isRevokedNow) return
  await deps.store.audit.append({ at, actor, action: 'grant.revoked', subject: grant.id, address })
}

function readRole(text: string | undefined): ReturnType<typeof readRoleName> {
  if (text === undefined) return undefined
  const role = readRoleName(text)
  if (role === undefined)
    throw new HoopError('usage', `Cannot ask for role "${text}": that is not the form of a role's name`)
  return role
}

/** Names only what this principal may see: the answer is the same for a connection that is hidden and for none. */
function unknownConnection(name: string, known: readonly string[]): HoopError {
  const nearest = nearestName(name, known)
  return new HoopError('not_found', `Cannot open "${name}": you have no connection of that name`, {
    hint: nearest === undefined ? 'hoop connections' : `hoop connect ${nearest}`,
  })
}
