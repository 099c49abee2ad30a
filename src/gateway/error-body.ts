import { randomBytes } from 'node:crypto'
import type { ErrorResponse } from '../domain/api.js'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'

/** The HTTP status of each expected failure; what is not listed is 500. */
const STATUS: Readonly<Partial<Record<ErrorCode, number>>> = {
  usage: 400,
  unauthorized: 401,
  not_logged_in: 401,
  login_expired: 401,
  forbidden: 403,
  policy_denied: 403,
  grant_ended: 403,
  not_found: 404,
  session_ended: 404,
  conflict: 409,
  limit_exceeded: 429,
  target_refused: 502,
  target_unavailable: 502,
  agent_unavailable: 503,
  provider_unavailable: 503,
  gateway_unavailable: 503,
  store_unavailable: 503,
  recording_failed: 503,
}

/** The HTTP status for a failure. */
export function errorStatus(error: unknown): number {
  return error instanceof HoopError ? (STATUS[error.code] ?? 500) : 500
}

/** The body of an error answer: the message of an expected failure, and nothing of any other one. */
export function errorBody(error: unknown): ErrorResponse {
  const request = randomBytes(6).toString('hex')
  if (!(error instanceof HoopError)) {
    return { error: { code: 'internal', message: 'Cannot answer: an internal error occurred', request } }
  }
  const { code, message, hint } = error
  return { error: { code, message, ...(hint === undefined ? {} : { hint }), request } }
}
