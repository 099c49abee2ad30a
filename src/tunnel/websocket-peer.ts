import { request as httpRequest, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import { HoopError } from '../lib/hoop-error.js'
import { readBody } from './body.js'
import { type DialOptions, dialTls, readGatewayUrl } from './dial-tls.js'
import {
  HANDSHAKE_TIMEOUT_MS,
  MESSAGE_BYTES_MAX,
  OPEN_TIMEOUT_MS,
  REFUSAL_BODY_BYTES_MAX,
  RESPONSE_BODY_BYTES_MAX,
} from './limits.js'
import { readRefusal } from './refusal.js'
import type { PeerRequest, PeerResponse, TunnelPeer } from './stream-request.js'
import { watchWebSocket } from './watch-websocket.js'
import { WebSocketDuplex } from './websocket-duplex.js'

/**
 * A gateway behind something that speaks only HTTP/1.1: a connection for each request and for each stream. Nothing is
 * held between them, so `closed` settles with `close` only; a stream that breaks says so itself.
 */
export class WebSocketPeer implements TunnelPeer {
  readonly closed: Promise<void>
  readonly #options: DialOptions & { readonly pingIntervalMs?: number | undefined }
  #settle: () => void = () => undefined
  #isClosed = false

  constructor(options: DialOptions & { readonly pingIntervalMs?: number | undefined }) {
    this.#options = options
    this.closed = new Promise(resolve => {
      this.#settle = resolve
    })
  }

  async open(path: string, headers: Readonly<Record<string, string>>): Promise<Duplex> {
    return openWebSocket({ ...this.#options, socket: await this.#dial(), path, headers })
  }

  async request(request: PeerRequest): Promise<PeerResponse> {
    const socket = await this.#dial()
    try {
      const response = await exchange(socket, readGatewayUrl(this.#options.url), request)
      const body = await readBody(response, RESPONSE_BODY_BYTES_MAX)
      return { status: response.statusCode ?? 0, headers: response.headers, body }
    } catch (cause) {
      throw new HoopError('gateway_unavailable', 'Cannot reach the gateway: the answer was cut short', {
        cause,
      })
    } finally {
      socket.destroy()
    }
  }

  /** Takes no new requests; streams that are open go on to their end. */
  close(): void {
    this.#isClosed = true
    this.#settle()
  }

  #dial(): Promise<TLSSocket> {
    if (this.#isClosed) {
      throw new HoopError('gateway_unavailable', 'Cannot reach the gateway: the connection is closed')
    }
    return dialTls({ ...this.#options, protocols: ['http/1.1'] })
  }
}

/** Asks for a WebSocket on a connection that is there. Rejects with the refusal of the other side, or `gateway_unavailable`. */
export function openWebSocket(options: {
  readonly url: string
  readonly socket: TLSSocket
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly pingIntervalMs?: number | undefined
}): Promise<Duplex> {
  const url = readGatewayUrl(options.url)
  const { socket } = options
  return new Promise((resolve, reject) => {
    const webSocket = new WebSocket(`wss://${url.host}${options.path}`, {
      headers: { ...options.headers },
      createConnection: () => socket,
      handshakeTimeout: Math.max(OPEN_TIMEOUT_MS, HANDSHAKE_TIMEOUT_MS),
      maxPayload: MESSAGE_BYTES_MAX,
      perMessageDeflate: false,
      followRedirects: false,
    })
    webSocket.once('open', () => {
      watchWebSocket(webSocket, options.pingIntervalMs)
      // Here and now: the first message may be in the packet with the answer, and comes before a promise settles.
      resolve(new WebSocketDuplex(webSocket, 'gateway_unavailable'))
    })
    webSocket.once('unexpected-response', (request, response) => {
      const refused = (body: Buffer) => {
        reject(readRefusal(response.statusCode ?? 0, body, 'gateway_unavailable'))
        request.destroy()
      }
      readBody(response, REFUSAL_BODY_BYTES_MAX).then(refused, () => refused(Buffer.alloc(0)))
    })
    webSocket.on('error', cause => {
      reject(new HoopError('gateway_unavailable', `Cannot reach the gateway: ${cause.message}`, { cause }))
      socket.destroy()
    })
  })
}

function exchange(socket: TLSSocket, url: URL, request: PeerRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const body = request.body === undefined ? undefined : Buffer.from(request.body)
    const length = body === undefined ? {} : { 'content-length': String(body.length) }
    const sent = httpRequest({
      createConnection: () => socket,
      method: request.method,
      path: request.path,
      headers: { ...request.headers, ...length, host: url.host, connection: 'close' },
      timeout: OPEN_TIMEOUT_MS,
    })
    sent.once('response', resolve)
    sent.once('timeout', () => sent.destroy(new Error('no answer in time')))
    sent.on('error', reject)
    sent.end(body)
  })
}
