import type { Http2Session } from 'node:http2'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer, type Server, TLSSocket } from 'node:tls'
import { HoopError } from '../lib/hoop-error.js'
import {
  AGENT_CONNECT_PATH,
  AGENT_PROTOCOL,
  type AgentConnection,
  exportKeyingMaterial,
} from './agent-connection.js'
import { addressOf, ConnectionGate, type ConnectionLimits } from './connection-gate.js'
import { HttpExchanges, type RequestListener } from './http-exchange.js'
import { HANDSHAKE_TIMEOUT_MS } from './limits.js'
import type { Log } from './log.js'
import { writeRefusal } from './refusal.js'
import { createHttp1Server } from './serve-http1.js'
import { serveHttp2 } from './serve-http2.js'
import type { StreamRequest } from './stream-request.js'

/** What the one port of a gateway is made of. */
export interface TunnelServerOptions {
  /** PEM texts. */
  readonly cert: string
  readonly key: string
  /** Answers everything that is not a stream. */
  readonly onRequest: RequestListener
  /** Accepts or refuses a stream, now or later. */
  onStream(request: StreamRequest): void
  /** Takes an agent's connection; nothing is known of it yet but its address. */
  onAgent(connection: AgentConnection): void
  readonly log: Log
  readonly limits?: Partial<ConnectionLimits>
  readonly handshakeTimeoutMs?: number
  readonly pingIntervalMs?: number
}

/** The port while it is open. */
export interface TunnelServer {
  listen(host: string, port: number): Promise<void>
  /** The port that was given, once it listens. */
  readonly port: number
  /** New handshakes get this certificate; connections that are there keep theirs. */
  renewCertificate(cert: string, key: string): void
  /** Takes nothing new, lets streams go on for this long, then cuts them. */
  close(graceMs: number): Promise<void>
}

/**
 * Opens one TLS port for people, agents and browsers: ALPN `h2` for the API and for streams, `http/1.1` for the API and
 * for streams over WebSocket, `hoop-agent/1` for agents, who serve once they have connected (RFC 7301).
 *
 * @example
 * const server = createTunnelServer({ cert, key, onRequest, onStream, onAgent, log })
 * await server.listen('0.0.0.0', 8443)
 */
export function createTunnelServer(options: TunnelServerOptions): TunnelServer {
  return new TlsTunnelServer(options)
}

class TlsTunnelServer implements TunnelServer {
  readonly #options: TunnelServerOptions
  readonly #tls: Server
  readonly #gate: ConnectionGate
  readonly #exchanges: HttpExchanges
  readonly #http1
  readonly #sockets = new Set<TLSSocket>()
  readonly #sessions = new Set<Http2Session>()

  constructor(options: TunnelServerOptions) {
    this.#options = options
    this.#gate = new ConnectionGate(options.limits)
    this.#exchanges = new HttpExchanges(options.onRequest, options.log)
    this.#http1 = createHttp1Server({
      onStream: (request, socket) => this.#upgrade(request, socket),
      onExchange: exchange => void this.#exchanges.answer(exchange),
      cut: 'session_ended',
      pingIntervalMs: options.pingIntervalMs,
    })
    this.#tls = createServer({
      cert: options.cert,
      key: options.key,
      minVersion: 'TLSv1.2',
      ALPNProtocols: [AGENT_PROTOCOL, 'h2', 'http/1.1'],
      handshakeTimeout: options.handshakeTimeoutMs ?? HANDSHAKE_TIMEOUT_MS,
      noDelay: true,
      keepAlive: true,
    })
    this.#tls.on('connection', socket => this.#gate.arrived(socket))
    this.#tls.on('secureConnection', socket => this.#secured(socket))
    this.#tls.on('tlsClientError', (error, socket) => {
      options.log.debug({ address: addressOf(socket), reason: error.message }, 'a TLS handshake failed')
      socket.destroy()
    })
  }

  get port(): number {
    const address: AddressInfo | string | null = this.#tls.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  listen(host: string, port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const failed = (cause: Error) =>
        reject(
          new HoopError('configuration', `Cannot listen on ${host} port ${port}: ${cause.message}`, {
            cause,
          }),
        )
      this.#tls.once('error', failed)
      this.#tls.listen({ host, port, backlog: 1024 }, () => {
        this.#tls.off('error', failed)
        this.#tls.on('error', error => this.#options.log.error({ err: error }, 'the listener failed'))
        resolve()
      })
    })
  }

  renewCertificate(cert: string, key: string): void {
    this.#tls.setSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  }

  async close(graceMs: number): Promise<void> {
    const stopped = new Promise<void>(resolve => {
      this.#tls.close(() => resolve())
    })
    this.#http1.close()
    this.#http1.closeIdleConnections()
    for (const session of this.#sessions) session.close()
    const timer = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, graceMs)
    await stopped
    clearTimeout(timer)
  }

  #secured(socket: TLSSocket): void {
    socket.on('error', () => undefined)
    if (!this.#gate.established(socket)) return void socket.destroy()
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (socket.alpnProtocol === 'h2') this.#serveHttp2(socket)
    else if (socket.alpnProtocol === AGENT_PROTOCOL) {
      this.#options.onAgent(agentConnection(socket, socket, addressOf(socket)))
    } else this.#http1.emit('connection', socket)
  }

  #serveHttp2(socket: TLSSocket): void {
    const session = serveHttp2(socket, {
      address: addressOf(socket),
      onStream: request => this.#stream(request),
      onExchange: exchange => void this.#exchanges.answer(exchange),
      cut: 'session_ended',
      pingIntervalMs: this.#options.pingIntervalMs,
    })
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    socket.once('close', () => this.#sessions.delete(session))
  }

  #upgrade(request: StreamRequest, socket: Duplex): void {
    // A page in a browser can open a WebSocket to anywhere, and says so with an Origin. Our programs have none.
    if (request.headers.origin !== undefined || request.headers.upgrade?.toLowerCase() !== 'websocket') {
      const error = new HoopError(
        'forbidden',
        'Cannot open the stream: WebSockets are for Hoop programs only',
      )
      request.refuse(403, writeRefusal(error))
    } else if (request.path !== AGENT_CONNECT_PATH) this.#stream(request)
    else if (socket instanceof TLSSocket) this.#upgradeAgent(request, socket)
    else socket.destroy()
  }

  #upgradeAgent(request: StreamRequest, socket: TLSSocket): void {
    try {
      this.#options.onAgent(agentConnection(request.accept(), socket, request.address))
    } catch {
      socket.destroy()
    }
  }

  #stream(request: StreamRequest): void {
    try {
      this.#options.onStream(request)
    } catch (error) {
      this.#options.log.error({ err: error }, 'a stream failed')
      request.refuse(500, writeRefusal(error))
    }
  }
}

function agentConnection(stream: Duplex, socket: TLSSocket, address: string): AgentConnection {
  return { socket: stream, address, exportKeyingMaterial: () => exportKeyingMaterial(socket) }
}
