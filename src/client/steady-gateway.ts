import { setTimeout as pause } from 'node:timers/promises'
import type { TunnelPeer } from '../tunnel/stream-request.js'
import { isPassing } from './api-call.js'
import type { Gateway } from './gateway.js'
import { GatewayApi } from './gateway-api.js'
import { ReviewsApi } from './reviews-api.js'

/** The waits between tries to reach the gateway again: doubled each time, and the last one repeated. */
const RETRY_FIRST_MS = 250
const RETRY_LAST_MS = 5_000

/** The parts of the API that outlive a tunnel. */
export interface Apis {
  readonly grants: GatewayApi
  readonly reviews: ReviewsApi
}

/** Whether the gateway answers now. */
export type LinkState = 'live' | 'away'

export interface SteadyCall {
  /** Ends the tries; rejects with its reason. */
  readonly signal: AbortSignal
  /** Told when the gateway is lost, and when it is back. */
  readonly onLink?: (state: LinkState) => void
}

/**
 * The gateway for commands that wait: its tunnel may break and its access token may end meanwhile. Each call takes a
 * tunnel that is open and a token that is good.
 */
export class SteadyGateway {
  readonly #gateway: Pick<Gateway, 'peer' | 'dial' | 'accessToken'>
  readonly #gone = new WeakSet<TunnelPeer>()
  #peer: TunnelPeer

  constructor(gateway: Pick<Gateway, 'peer' | 'dial' | 'accessToken'>) {
    this.#gateway = gateway
    this.#peer = this.#watched(gateway.peer)
  }

  /** A tunnel that was open when it was last looked at. Fails with `gateway_unavailable`. */
  async peer(): Promise<TunnelPeer> {
    if (this.#gone.has(this.#peer)) this.#peer = this.#watched(await this.#gateway.dial())
    return this.#peer
  }

  /** Asks once. Fails as the gateway says. */
  async once<Answer>(ask: (apis: Apis) => Promise<Answer>): Promise<Answer> {
    const peer = await this.peer()
    const token = await this.#gateway.accessToken(peer)
    return ask({ grants: new GatewayApi(peer, token), reviews: new ReviewsApi(peer, token) })
  }

  /** Asks until the gateway answers: only for questions that may be asked twice. What a moment cannot mend is thrown. */
  async untilAnswered<Answer>(
    ask: (apis: Apis) => Promise<Answer>,
    { signal, onLink = () => {} }: SteadyCall,
  ): Promise<Answer> {
    for (let wait = RETRY_FIRST_MS; ; wait = Math.min(wait * 2, RETRY_LAST_MS)) {
      try {
        const answer = await aborting(this.once(ask), signal)
        onLink('live')
        return answer
      } catch (error) {
        if (signal.aborted || !isPassing(error)) throw error
        onLink('away')
        await aborting(pause(wait * (0.5 + Math.random() / 2), undefined, { signal }), signal)
      }
    }
  }

  close(): void {
    this.#peer.close()
  }

  #watched(peer: TunnelPeer): TunnelPeer {
    void peer.closed.then(() => this.#gone.add(peer))
    return peer
  }
}

/** Settles as the promise does, or rejects with the signal's reason when that comes first. */
export function aborting<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
