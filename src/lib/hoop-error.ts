/** Every expected failure has one of these codes. Codes are added, never renamed: scripts read them. */
export type ErrorCode =
  | 'usage'
  | 'configuration'
  | 'not_logged_in'
  | 'login_expired'
  | 'login_denied'
  | 'provider_unavailable'
  | 'gateway_unavailable'
  | 'gateway_refused'
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'conflict'
  | 'limit_exceeded'
  | 'agent_unavailable'
  | 'target_unavailable'
  | 'target_refused'
  | 'grant_ended'
  | 'session_ended'
  | 'policy_denied'
  | 'approval_pending'
  | 'recording_failed'
  | 'recording_broken'
  | 'store_unavailable'
  | 'client_missing'
  | 'internal'

/** What a `HoopError` carries beside its message. */
export interface HoopErrorOptions {
  /** A command to run, or the one thing to change. */
  readonly hint?: string
  /** For the log only: it may name hosts and inner states, never a secret or a row. */
  readonly cause?: unknown
}

/**
 * An expected failure, with a message someone can act on: what could not be done, colon, why.
 * Anything else that is thrown is a bug of ours.
 */
export class HoopError extends Error {
  override readonly name = 'HoopError'
  readonly hint: string | undefined

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: HoopErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hint = options.hint
  }
}

/** The failure as text for a log: the message and the chain of causes, one line. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let current: unknown = error, depth = 0; current !== undefined && depth < 5; depth += 1) {
    if (!(current instanceof Error)) {
      parts.push(String(current))
      break
    }
    parts.push(wordsOf(current))
    current = current.cause
  }
  return parts.join(': ')
}

/** Node leaves the message of some failures empty, several addresses refused at once for one, and puts all into the code. */
function wordsOf(error: Error): string {
  if (error.message !== '') return error.message
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name
}
