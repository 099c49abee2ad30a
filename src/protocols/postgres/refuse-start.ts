import type { EndReason } from '../../domain/session.js'
import { errorResponse } from './codec.js'

/** PostgreSQL, appendix A. Drivers decide by these whether to try again. */
const SQL_STATES: Readonly<Record<EndReason, string>> = {
  client_closed: '08006',
  target_closed: '08006',
  grant_expired: '57P01',
  grant_revoked: '57P01',
  refused_start: '28000',
  target_unavailable: '08001',
  limit_exceeded: '53300',
  idle: '57P05',
  recorder_failed: '58000',
  gateway_draining: '57P01',
  gateway_lost: '57P01',
  client_lost: '57P01',
  protocol_violation: '08P01',
  fault: 'XX000',
}

/** The last thing that a client hears before it is joined to a target. */
export function refuseStart(reason: EndReason, message: string, hint?: string): Buffer {
  return fatalError({ code: SQL_STATES[reason], message, hint })
}

/** An ErrorResponse after which the connection ends. `code` is an SQLSTATE. */
export function fatalError(error: {
  readonly code: string
  readonly message: string
  readonly hint: string | undefined
}): Buffer {
  const { code, message, hint } = error
  const fields = new Map([
    ['S', 'FATAL'],
    ['V', 'FATAL'],
    ['C', code],
    ['M', message],
  ])
  if (hint !== undefined) fields.set('H', hint)
  return errorResponse(fields)
}
