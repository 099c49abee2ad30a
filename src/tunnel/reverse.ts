import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { AGENT_CONNECT_PATH, AGENT_PROTOCOL, exportKeyingMaterial } from './agent-connection.js'
import { type DialOptions, dialTls } from './dial-tls.js'
import type { HttpExchange } from './http-exchange.js'
import { serveHttp2 } from './serve-http2.js'
import type { StreamRequest } from './stream-request.js'
import { openWebSocket } from './websocket-peer.js'

/** What an agent does with what the gateway asks of it. */
export interface ReverseService {
  onStream(request: StreamRequest): void
  /** `keyingMaterial` belongs to this connection: see `AgentConnection`. */
  onExchange(exchange: HttpExchange, keyingMaterial: Buffer): void
}

/** How an agent reaches a gateway. */
export interface ReverseOptions extends DialOptions {
  readonly service: ReverseService
  /** `ws` asks for a WebSocket from the start; `auto` does where the other side does not know agents by ALPN. */
  readonly transport?: 'auto' | 'ws' | undefined
  readonly pingIntervalMs?: number | undefined
}

/** A connection that the agent dialled and now serves. */
export interface ReverseConnection {
  /** Settles when the connection is gone, whoever ended it. Never rejects. */
  readonly closed: Promise<void>
  /** Says GOAWAY; streams that are open go on to their end, for this long at most. */
  drain(graceMs: number): Promise<void>
}

/**
 * Dials a gateway and serves on the connection: the gateway opens the streams. TLS 1.3 only, because the agent proves
 * itself for exactly this connection and older versions bind that proof less well (RFC 7627). Where the other side
 * does not know agents by ALPN, a WebSocket is asked for. Fails with `gateway_unavailable`.
 */
export async function dialReverse(options: ReverseOptions): Promise<ReverseConnection> {
  const protocols = options.transport === 'ws' ? ['http/1.1'] : [AGENT_PROTOCOL, 'http/1.1']
  const tls = await dialTls({ ...options, protocols, minVersion: 'TLSv1.3' })
  const keyingMaterial = exportKeyingMaterial(tls)
  const socket: Duplex = tls.alpnProtocol === AGENT_PROTOCOL ? tls : await overWebSocket(options, tls)
  const session = serveHttp2(socket, {
    address: tls.remoteAddress ?? 'unknown',
    onStream: options.service.onStream,
    onExchange: exchange => options.service.onExchange(exchange, keyingMaterial),
    cut: 'gateway_unavailable',
    pingIntervalMs: options.pingIntervalMs,
  })
  const closed = new Promise<void>(resolve => {
    session.once('close', resolve)
    socket.once('close', () => resolve())
  })
  return {
    closed,
    drain: async graceMs => {
      session.close()
      const timer = setTimeout(() => socket.destroy(), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}

function overWebSocket({ url, pingIntervalMs }: ReverseOptions, socket: TLSSocket): Promise<Duplex> {
  return openWebSocket({ url, socket, path: AGENT_CONNECT_PATH, headers: {}, pingIntervalMs })
}
