import { randomBytes } from 'node:crypto'
import { makeSessionId } from '../../domain/ids.js'
import type { Session } from '../../domain/session.js'
import type { Admission } from '../access/admission.js'

/** A session that begins now, on what was admitted. */
export function makeSession(
  { grant, connection, role }: Admission,
  { now, address }: { now: Date; address: string },
): Session {
  return {
    id: makeSessionId(randomBytes),
    grant: grant.id,
    principal: grant.principal,
    connection: connection.name,
    role: role.name,
    protocol: connection.protocol,
    startedAt: now,
    endedAt: undefined,
    endReason: undefined,
    address,
  }
}
