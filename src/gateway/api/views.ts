import type { ConnectionView, GrantView, SessionView } from '../../domain/api.js'
import type { Connection } from '../../domain/connection.js'
import type { Grant } from '../../domain/grant.js'
import type { RoleName } from '../../domain/names.js'
import type { StoredSession } from '../../store/sessions.js'
import type { AgentHub } from '../agents/hub.js'

/** A connection as people see it: no address, no account. */
export function viewConnection(
  connection: Connection,
  roles: readonly RoleName[],
  agents: AgentHub,
): ConnectionView {
  const { name, description, protocol, agent } = connection
  return {
    name,
    ...(description === undefined ? {} : { description }),
    protocol,
    roles,
    ...(agent === undefined ? {} : { agent: { name: agent, online: agents.isOnline(agent) } }),
  }
}

/** A grant as its owner sees it. */
export function viewGrant(grant: Grant, known: Connection | undefined): GrantView {
  const { id, connection, role, rule, reason, grantedAt, until, revokedAt, review, breakGlass } = grant
  return {
    id,
    connection,
    ...(known === undefined ? {} : { protocol: known.protocol }),
    role,
    rule,
    ...(reason === undefined ? {} : { reason }),
    grantedAt: grantedAt.toISOString(),
    until: until.toISOString(),
    ...(revokedAt === undefined ? {} : { revokedAt: revokedAt.toISOString() }),
    ...(review === undefined ? {} : { review }),
    ...(breakGlass === true ? { breakGlass } : {}),
  }
}

/** A session as its owner and auditors see it. */
export function viewSession(session: StoredSession): SessionView {
  const {
    id,
    principal,
    connection,
    role,
    protocol,
    startedAt,
    endedAt,
    endReason,
    operations,
    refused,
    head,
  } = session
  return {
    id,
    principal: principal.name,
    connection,
    role,
    protocol,
    startedAt: startedAt.toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: endedAt.toISOString() }),
    ...(endReason === undefined ? {} : { endReason }),
    operations,
    refused,
    ...(head === undefined ? {} : { head }),
  }
}
