import type { EndReason } from '../../domain/session.js'
import type { ClientNotice } from '../protocol.js'
import { errorResponse, noticeResponse } from './codec.js'

/** SQLSTATE by reason; undefined where nobody is left to read it. PostgreSQL, appendix A. Drivers decide by these whether to try again. */
const SQL_STATES: Readonly<Record<EndReason, string | undefined>> = {
  client_closed: undefined,
  target_closed: '08006',
  grant_expired: '57P01',
  grant_revoked: '57P01',
  access_removed: '57P01',
  refused_start: '28000',
  target_unavailable: '08001',
  limit_exceeded: '53400',
  idle: '57P05',
  recorder_failed: '58030',
  gateway_draining: '57P01',
  client_lost: '57P01',
  gateway_lost: '57P01',
  protocol_violation: '08P01',
  fault: 'XX000',
}
/** For a reason that has no state of its own: the connection failed. */
const CONNECTION_FAILURE = '08006'

/** The last thing a client is told once it was joined; undefined when it is gone. */
export function endError(reason: EndReason, message: string, hint?: string): Buffer | undefined {
  const code = SQL_STATES[reason]
  return code === undefined
    ? undefined
    : fatalError({ code, message: `hoop ended this session: ${message}`, hint })
}

/** The last thing that a client hears before it is joined to a target. */
export function refuseStart(reason: EndReason, message: string, hint?: string): Buffer {
  return fatalError({ code: SQL_STATES[reason] ?? CONNECTION_FAILURE, message, hint })
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

/**
 * A NoticeResponse of the gateway's own. What people wrote may be in it: what a terminal would not show as text is shown
 * as a mark (a comment must not paint over the line before it).
 */
export function clientNotice({ message, detail, hint }: ClientNotice): Buffer {
  const fields = new Map([
    ['S', 'NOTICE'],
    ['V', 'NOTICE'],
    ['C', '00000'],
    ['M', asText(message)],
  ])
  if (detail !== undefined) fields.set('D', asText(detail))
  if (hint !== undefined) fields.set('H', asText(hint))
  return noticeResponse(fields)
}

function asText(text: string): string {
  return text.replace(/\p{C}/gu, '\u{fffd}')
}
