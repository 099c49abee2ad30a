import { readSessionId, type SessionId } from '../../domain/ids.js'
import { readRoleName } from '../../domain/names.js'
import type { RoleTag } from '../role-procedure.js'

const PREFIX = 'hoop_'
const TAG =
  /^hoop: ephemeral role, owner=([0-9a-z]{1,64}) session=(s-[0-9a-z]{16}) role=([a-z0-9-]{1,63}) until=(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)$/

/** The role of a session at the target: `hoop_` and what is random in the session's identifier. */
export function roleNameFor(session: SessionId): string {
  return `${PREFIX}${session.slice('s-'.length)}`
}

/** The session that a role's name speaks of; undefined for a name that is not of our making. */
export function sessionOfRole(name: string): SessionId | undefined {
  return name.startsWith(PREFIX) ? readSessionId(`s-${name.slice(PREFIX.length)}`) : undefined
}

/** The comment on a role. Only who may make roles can change it, so the role itself cannot slip away from its end. */
export function spellTag({ owner, session, role, until }: RoleTag): string {
  return `hoop: ephemeral role, owner=${owner} session=${session} role=${role} until=${until.toISOString()}`
}

/** Reads the comment of the role of this name; undefined unless it is exactly what the gateway writes on that role. */
export function readTag(name: string, comment: string): RoleTag | undefined {
  const [, owner = '', sessionText = '', roleText = '', untilText = ''] = TAG.exec(comment) ?? []
  const session = readSessionId(sessionText)
  const role = readRoleName(roleText)
  const until = new Date(untilText)
  if (session === undefined || role === undefined || Number.isNaN(until.getTime())) return undefined
  return sessionOfRole(name) === session ? { owner, session, role, until } : undefined
}
