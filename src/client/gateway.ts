import { dialGateway } from '../tunnel/dial.js'
import type { TunnelPeer } from '../tunnel/stream-request.js'
import { AccessTokens } from './access-tokens.js'
import { GatewayApi } from './gateway-api.js'
import type { Environment, Settings } from './settings.js'

export interface GatewayOptions {
  readonly env: Environment
  readonly settings: Settings
  /** One line for the person, on stderr. */
  readonly tell: (message: string) => void
}

/** The gateway, reached and signed in to: what most commands need. */
export interface Gateway {
  readonly settings: Settings
  readonly peer: TunnelPeer
  readonly api: GatewayApi
  /** Another tunnel to the same gateway. */
  readonly dial: () => Promise<TunnelPeer>
  /** An access token that is still good, renewed over this tunnel where needed. */
  readonly accessToken: (peer: TunnelPeer) => Promise<string>
  close(): void
}

/** Dials the gateway. Fails with `gateway_unavailable`. */
export function dial({ env, settings }: GatewayOptions): Promise<TunnelPeer> {
  const { gateway: url, caFile } = settings
  return dialGateway({ url, env, ...(caFile === undefined ? {} : { caFile }) })
}

/** Dials the gateway and signs in with what `hoop login` left. Fails with `not_logged_in` or `login_expired`. */
export async function openGateway(options: GatewayOptions): Promise<Gateway> {
  const tokens = new AccessTokens(options)
  const peer = await dial(options)
  try {
    const accessToken = (over: TunnelPeer) => tokens.read(over)
    const api = new GatewayApi(peer, await accessToken(peer))
    return {
      settings: options.settings,
      peer,
      api,
      dial: () => dial(options),
      accessToken,
      close: () => peer.close(),
    }
  } catch (error) {
    peer.close()
    throw error
  }
}
