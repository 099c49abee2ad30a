import type { EndReason } from '../../domain/session.js'
import { errorResponse } from './codec.js'

/** SQLSTATE by reason; undefined where nobody is left to read it. PostgreSQL, appendix A. */
const CODES: Readonly<Record<EndReason, string | undefined>> = {
  client_closed: undefined,
  target_closed: '08006',
  grant_expired: '57P01',
  grant_revoked: '57P01',
  refused_start: '28000',
  target_unavailable: '08001',
  limit_exceeded: '54000',
  idle: '57P05',
  recorder_failed: '58030',
  gateway_draining: '57P01',
  client_lost: '57P01',
  gateway_lost: '57P01',
  protocol_violation: '08P01',
  fault: 'XX000',
}

/** The last thing a client is told; undefined when it is gone. */
export function endError(reason: EndReason, message: string): Buffer | undefined {
  const code = CODES[reason]
  if (code === undefined) return undefined
  return errorResponse(
    new Map([
      ['S', 'FATAL'],
      ['V', 'FATAL'],
      ['C', code],
      ['M', `hoop ended this session: ${message}`],
    ]),
  )
}
