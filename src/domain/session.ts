import type { ProtocolName } from './connection.js'
import type { GrantId, SessionId } from './ids.js'
import type { ConnectionName, RoleName } from './names.js'
import type { Principal } from './principal.js'

/**
 * How the loopback's secret is checked by the gateway, which never learns the secret itself: the CLI makes the secret
 * and sends only this. Form of RFC 5802, section 3; the keys are base64.
 */
export interface LoopbackVerifier {
  readonly kind: 'scram-sha-256'
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

/** One use of a grant. */
export interface Session {
  readonly id: SessionId
  readonly grant: GrantId
  readonly principal: Principal
  readonly connection: ConnectionName
  readonly role: RoleName
  readonly protocol: ProtocolName
  readonly startedAt: Date
  readonly endedAt: Date | undefined
  readonly endReason: EndReason | undefined
  /** Where the session was opened from, as the gateway saw it. */
  readonly address: string
}

/** Why a session or one of its client connections ended. Closed: the client, the record and the log show the same word. */
export type EndReason =
  | 'client_closed'
  | 'target_closed'
  | 'grant_expired'
  | 'grant_revoked'
  | 'access_removed'
  | 'refused_start'
  | 'target_unavailable'
  | 'limit_exceeded'
  | 'idle'
  | 'recorder_failed'
  | 'gateway_draining'
  | 'gateway_lost'
  | 'client_lost'
  | 'protocol_violation'
  | 'fault'

const SENTENCES: Readonly<Record<EndReason, string>> = {
  client_closed: 'the client closed the connection',
  target_closed: 'the target closed the connection',
  grant_expired: 'the grant has expired',
  grant_revoked: 'the grant was revoked',
  access_removed: 'no access rule gives it to you any more',
  refused_start: 'the start was refused',
  target_unavailable: 'the target cannot be reached',
  limit_exceeded: 'a limit was exceeded',
  idle: 'nothing happened for too long',
  recorder_failed: 'the recording could not be written, and nothing runs unrecorded',
  gateway_draining: 'the gateway is shutting down',
  gateway_lost: 'the gateway stopped before the end of the session was recorded',
  client_lost: 'the hoop command that held the session is gone',
  protocol_violation: 'a message was not understood',
  fault: 'an internal error occurred',
}

/** The reason as half a sentence, to follow a colon. */
export function describeEnd(reason: EndReason): string {
  return SENTENCES[reason]
}

/** Reads a reason from outside, a recording or the store. The only place a string becomes an `EndReason`. */
export function readEndReason(text: string): EndReason | undefined {
  return Object.hasOwn(SENTENCES, text) ? (text as EndReason) : undefined
}
