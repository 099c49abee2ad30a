import type { Duplex } from 'node:stream'
import type {
  ConnectionView,
  ErrorResponse,
  ExplainRequest,
  ExplainResponse,
  GatewayDiscovery,
  GrantRequest,
  GrantView,
  MeResponse,
  SessionOpened,
  SessionRequest,
  SessionView,
  TokenResponse,
} from '../domain/api.js'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'
import type { PeerRequest, TunnelPeer } from '../tunnel/stream-request.js'

/** The gateway's API over a tunnel that is open. Each call fails with the gateway's own code, message and hint. */
export class GatewayApi {
  constructor(
    readonly peer: TunnelPeer,
    readonly token: string | undefined,
  ) {}

  discovery(): Promise<GatewayDiscovery> {
    return this.#json({ method: 'GET', path: '/.well-known/hoop' })
  }

  /** RFC 8693: a provider's ID token for a token of the gateway. */
  exchange(idToken: string): Promise<TokenResponse> {
    const form = new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: idToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    return this.#json({ method: 'POST', path: '/v1/token', headers, body: form.toString() })
  }

  me(): Promise<MeResponse> {
    return this.#json({ method: 'GET', path: '/v1/me' })
  }

  connections(): Promise<readonly ConnectionView[]> {
    return this.#json({ method: 'GET', path: '/v1/connections' })
  }

  grants(): Promise<readonly GrantView[]> {
    return this.#json({ method: 'GET', path: '/v1/grants' })
  }

  requestGrant(request: GrantRequest): Promise<GrantView> {
    return this.#json({ method: 'POST', path: '/v1/grants', body: JSON.stringify(request) })
  }

  async revokeGrant(id: string): Promise<void> {
    await this.#send({ method: 'DELETE', path: `/v1/grants/${encodeURIComponent(id)}` })
  }

  /** What the gateway would do with a statement on a grant. Nothing runs. */
  explain(grant: string, request: ExplainRequest): Promise<ExplainResponse> {
    const path = `/v1/grants/${encodeURIComponent(grant)}/explain`
    return this.#json({ method: 'POST', path, body: JSON.stringify(request) })
  }

  openSession(request: SessionRequest): Promise<SessionOpened> {
    return this.#json({ method: 'POST', path: '/v1/sessions', body: JSON.stringify(request) })
  }

  async endSession(id: string): Promise<void> {
    await this.#send({ method: 'DELETE', path: `/v1/sessions/${encodeURIComponent(id)}` })
  }

  sessions(query: Readonly<Record<string, string>>): Promise<readonly SessionView[]> {
    return this.#json({ method: 'GET', path: `/v1/sessions?${new URLSearchParams(query)}` })
  }

  session(id: string): Promise<SessionView> {
    return this.#json({ method: 'GET', path: `/v1/sessions/${encodeURIComponent(id)}` })
  }

  /** The raw bytes of a recording, the evidence itself, as a stream: it may be of any size. */
  async recording(id: string): Promise<Duplex> {
    const authorization = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }
    const stream = await this.peer.open(`/v1/sessions/${encodeURIComponent(id)}/recording`, authorization)
    stream.end()
    return stream
  }

  async #json<Body>(request: PeerRequest): Promise<Body> {
    const body = await this.#send(request)
    const parsed: Body = JSON.parse(body.toString('utf8'))
    return parsed
  }

  async #send(request: PeerRequest): Promise<Buffer> {
    const authorization = this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }
    const contentType = request.body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { ...authorization, ...contentType, ...request.headers }
    const response = await this.peer.request({ ...request, headers })
    if (response.status >= 200 && response.status < 300) return response.body
    throw readFailure(response.status, response.body)
  }
}

/** The gateway's own words for a refusal, or a plain one when something else answered. */
export function readFailure(status: number, body: Buffer): HoopError {
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
