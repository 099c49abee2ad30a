import type { Duplex } from 'node:stream'
import type {
  ConnectionView,
  ExplainRequest,
  ExplainResponse,
  GatewayDiscovery,
  GrantRequest,
  GrantView,
  MeResponse,
  NotificationView,
  ReviewView,
  SessionOpened,
  SessionRequest,
  SessionView,
  TokenResponse,
} from '../domain/api.js'
import type { PeerRequest, TunnelPeer } from '../tunnel/stream-request.js'
import { callApi } from './api-call.js'

/** A grant that was given, or the question to people that it takes. */
export type GrantAnswer =
  | { readonly kind: 'granted'; readonly grant: GrantView }
  | { readonly kind: 'asked'; readonly review: ReviewView }

/** The gateway's API over a tunnel that is open; `ReviewsApi` has what is asked of people. Each call fails with the gateway's own code, message and hint. */
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

  /** One's own grants; with `all` everyone's, which is for auditors. */
  grants({ all = false }: { readonly all?: boolean } = {}): Promise<readonly GrantView[]> {
    return this.#json({ method: 'GET', path: all ? '/v1/grants?all=true' : '/v1/grants' })
  }

  /** Asks for a grant, or claims one that was approved. */
  async requestGrant(request: GrantRequest): Promise<GrantAnswer> {
    const { status, body } = await callApi(this, {
      method: 'POST',
      path: '/v1/grants',
      body: JSON.stringify(request),
    })
    if (status === 202) {
      // Seldom needed, and what checks it takes long to load.
      const { readReview } = await import('./review-shape.js')
      return { kind: 'asked', review: readReview(body) }
    }
    const grant: GrantView = JSON.parse(body.toString('utf8'))
    return { kind: 'granted', grant }
  }

  async revokeGrant(id: string): Promise<void> {
    await callApi(this, { method: 'DELETE', path: `/v1/grants/${encodeURIComponent(id)}` })
  }

  /** The delivery log, for auditors. */
  notifications(): Promise<readonly NotificationView[]> {
    return this.#json({ method: 'GET', path: '/v1/notifications' })
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
    await callApi(this, { method: 'DELETE', path: `/v1/sessions/${encodeURIComponent(id)}` })
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
    const { body } = await callApi(this, request)
    const parsed: Body = JSON.parse(body.toString('utf8'))
    return parsed
  }
}
