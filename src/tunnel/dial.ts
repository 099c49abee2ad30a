import { type DialOptions, dialTls, readGatewayUrl } from './dial-tls.js'
import { Http2Peer } from './http2-peer.js'
import type { TunnelPeer } from './stream-request.js'

/** How the CLI reaches a gateway. */
export interface GatewayOptions extends DialOptions {
  /** `ws` speaks HTTP/1.1 and WebSocket from the start; `auto` does where HTTP/2 is not to be had. */
  readonly transport?: 'auto' | 'ws' | undefined
  readonly pingIntervalMs?: number | undefined
}

/**
 * Connects to a gateway: HTTP/2 where the other end speaks it, otherwise HTTP/1.1 with a WebSocket for each stream
 * (a proxy in between that ends TLS decides by its ALPN answer, RFC 7301). Fails with `gateway_unavailable`.
 *
 * @example
 * const gateway = await dialGateway({ url: 'https://gateway.example.com', env: process.env })
 * const stream = await gateway.open('/v1/sessions/s1/stream', { authorization: `Bearer ${token}` })
 */
export async function dialGateway(options: GatewayOptions): Promise<TunnelPeer> {
  const protocols = options.transport === 'ws' ? ['http/1.1'] : ['h2', 'http/1.1']
  const socket = await dialTls({ ...options, protocols })
  if (socket.alpnProtocol === 'h2') {
    return new Http2Peer({
      socket,
      authority: readGatewayUrl(options.url).host,
      unavailable: 'gateway_unavailable',
      pingIntervalMs: options.pingIntervalMs,
    })
  }
  // It was there to learn what the other side speaks, and that its certificate is good.
  socket.destroy()
  // Seldom needed, so it is loaded only then.
  const { WebSocketPeer } = await import('./websocket-peer.js')
  return new WebSocketPeer(options)
}
