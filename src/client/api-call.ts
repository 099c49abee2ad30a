import type { ErrorResponse } from '../domain/api.js'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'
import type { PeerRequest, PeerResponse, TunnelPeer } from '../tunnel/stream-request.js'

/** Where a request goes, and who asks. */
export interface ApiCaller {
  readonly peer: TunnelPeer
  readonly token: string | undefined
}

/** Sends one request to the gateway's API. Fails with the gateway's own code, message and hint. */
export async function callApi({ peer, token }: ApiCaller, request: PeerRequest): Promise<PeerResponse> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` }
  const contentType = request.body === undefined ? {} : { 'content-type': 'application/json' }
  const headers = { ...authorization, ...contentType, ...request.headers }
  const response = await peer.request({ ...request, headers })
  if (response.status >= 200 && response.status < 300) return response
  throw readFailure(response.status, response.body)
}

/** The gateway's own words for a refusal, or a plain one when something else answered. */
function readFailure(status: number, body: Buffer): HoopError {
  const fallback = new HoopError(
    'gateway_refused',
    `Cannot use the gateway: it answered with status ${status}`,
  )
  try {
    const parsed: Partial<ErrorResponse> & { error_description?: string } = JSON.parse(body.toString('utf8'))
    if (parsed.error_description !== undefined) {
      return new HoopError('login_denied', `Cannot sign in at the gateway: ${parsed.error_description}`, {
        hint: 'hoop login',
      })
    }
    const { error } = parsed
    if (error === undefined || typeof error.message !== 'string') return fallback
    const quoted = status >= 500 ? `${error.message} (request ${error.request})` : error.message
    return new HoopError(readCode(error.code), quoted, error.hint === undefined ? {} : { hint: error.hint })
  } catch {
    return fallback
  }
}

/** Codes the CLI acts on; a newer gateway's code is a refusal all the same. */
const KNOWN: readonly ErrorCode[] = [
  'usage',
  'unauthorized',
  'login_expired',
  'forbidden',
  'not_found',
  'conflict',
  'limit_exceeded',
  'agent_unavailable',
  'target_unavailable',
  'target_refused',
  'grant_ended',
  'session_ended',
  'policy_denied',
  'approval_pending',
  'recording_failed',
  'store_unavailable',
  'provider_unavailable',
  'gateway_unavailable',
  'internal',
]

function readCode(text: string): ErrorCode {
  return KNOWN.find(code => code === text) ?? 'gateway_refused'
}

/** True for failures that a moment may mend: the gateway restarts, the provider is away. */
export function isPassing(error: unknown): boolean {
  return (
    error instanceof HoopError &&
    ['gateway_unavailable', 'provider_unavailable', 'store_unavailable'].includes(error.code)
  )
}
