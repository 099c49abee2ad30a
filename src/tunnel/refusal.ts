import { type ErrorCode, HoopError } from '../lib/hoop-error.js'

const MESSAGE_LENGTH_MAX = 500
/** Control characters, and those that turn the direction of text around: a peer's words end up on terminals. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what is looked for.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/** Every code, so that one that came over the wire can be told from a made-up one. */
const CODES: Readonly<Record<ErrorCode, true>> = {
  usage: true,
  configuration: true,
  not_logged_in: true,
  login_expired: true,
  login_denied: true,
  provider_unavailable: true,
  gateway_unavailable: true,
  gateway_refused: true,
  unauthorized: true,
  forbidden: true,
  not_found: true,
  conflict: true,
  limit_exceeded: true,
  agent_unavailable: true,
  target_unavailable: true,
  target_refused: true,
  grant_ended: true,
  session_ended: true,
  policy_denied: true,
  approval_pending: true,
  recording_failed: true,
  recording_broken: true,
  store_unavailable: true,
  client_missing: true,
  internal: true,
}

/** The body of a refusal, `ErrorResponse` in `src/domain/api.ts`, as far as the tunnel looks into it. */
export interface RefusalBody {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

/** Writes an error as the body of a refusal. What is not a `HoopError` is not the other side's business. */
export function writeRefusal(error: unknown): RefusalBody {
  if (!(error instanceof HoopError)) {
    return { error: { code: 'internal', message: 'Cannot answer: something went wrong inside' } }
  }
  const { code, message, hint } = error
  return { error: hint === undefined ? { code, message } : { code, message, hint } }
}

/**
 * Reads a refusal as the error that the other side meant. Total: a body that is not ours (a proxy's page) gives an
 * error with `fallback` as its code and the HTTP status in its message.
 */
export function readRefusal(status: number, body: Buffer, fallback: ErrorCode): HoopError {
  const said = readObject(readObject(parse(body))?.error)
  const code = said?.code
  const message = said?.message
  if (typeof code !== 'string' || !isErrorCode(code) || typeof message !== 'string') {
    return new HoopError(
      fallback,
      `Cannot open the stream: the other side answered with HTTP status ${status}`,
    )
  }
  const hint = said?.hint
  return new HoopError(code, printable(message), typeof hint === 'string' ? { hint: printable(hint) } : {})
}

function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(CODES, text)
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function readObject(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null ? { ...value } : undefined
}

function printable(text: string): string {
  return text.slice(0, MESSAGE_LENGTH_MAX).replace(UNPRINTABLE, '\ufffd')
}
