import { createServer, type IncomingMessage, type Server, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { ErrorCode } from '../lib/hoop-error.js'
import { addressOf } from './connection-gate.js'
import type { HttpExchange } from './http-exchange.js'
import {
  BODY_TIMEOUT_MS,
  HEADER_LIST_BYTES_MAX,
  HEADER_PAIRS_MAX,
  HEADERS_TIMEOUT_MS,
  MESSAGE_BYTES_MAX,
} from './limits.js'
import type { StreamRequest } from './stream-request.js'
import { watchWebSocket } from './watch-websocket.js'
import { WebSocketDuplex } from './websocket-duplex.js'

/** What an HTTP/1.1 server does with what it is asked. */
export interface Http1Service {
  /** A WebSocket was asked for: the fallback of those whose way leads through a proxy that speaks only HTTP/1.1. */
  onStream(request: StreamRequest, socket: Duplex): void
  onExchange(exchange: HttpExchange): void
  readonly cut: ErrorCode
  readonly pingIntervalMs?: number | undefined
}

const CHECK_INTERVAL_MS = 1_000

/** A server for HTTP/1.1 connections that something else accepted: `server.emit('connection', socket)`. */
export function createHttp1Server(service: Http1Service): Server {
  const server = createServer({
    maxHeaderSize: HEADER_LIST_BYTES_MAX,
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: BODY_TIMEOUT_MS,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    keepAliveTimeout: BODY_TIMEOUT_MS,
  })
  server.maxHeadersCount = HEADER_PAIRS_MAX
  const sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    maxPayload: MESSAGE_BYTES_MAX,
    // An unfinished frame must not become a big one before it is looked at.
    skipUTF8Validation: false,
  })
  server.on('request', (request, response) => {
    service.onExchange({
      method: request.method ?? '',
      path: request.url ?? '',
      host: request.headers.host ?? '',
      headers: request.headers,
      address: addressOf(request.socket),
      body: request,
      onGone: listener => void response.once('close', listener),
      respond: (status, headers) => {
        response.writeHead(status, outgoing(headers))
        // Otherwise Node keeps the head until there is a body, and an answer in lines may wait long for its first.
        response.flushHeaders()
        return response
      },
      cut: () => request.socket.destroy(),
    })
  })
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => undefined)
    service.onStream(readUpgrade({ request, socket, head, sockets, service }), socket)
  })
  // The deadlines are kept by a timer that starts with listening, and this server never listens itself.
  server.emit('listening')
  return server
}

interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly sockets: WebSocketServer
  readonly service: Http1Service
}

function readUpgrade({ request, socket, head, sockets, service }: Upgrade): StreamRequest {
  let answered = false
  const answer = () => {
    if (answered) throw new Error('a stream is accepted or refused once')
    answered = true
  }
  return {
    path: request.url ?? '/',
    headers: request.headers,
    address: addressOf(request.socket),
    accept: () => {
      answer()
      return upgrade({ request, socket, head, sockets, service })
    },
    refuse: (status, body) => {
      answer()
      writeRefusal(socket, status, JSON.stringify(body))
    },
  }
}

/** Upgrades, which the library does before it returns. A request that is no WebSocket is answered by it with 400. */
function upgrade({ request, socket, head, sockets, service }: Upgrade): Duplex {
  let opened: WebSocket | undefined
  sockets.handleUpgrade(request, socket, head, webSocket => {
    opened = webSocket
  })
  if (opened === undefined) throw new Error('the request asks for an upgrade that is no WebSocket')
  watchWebSocket(opened, service.pingIntervalMs)
  return new WebSocketDuplex(opened, service.cut)
}

function writeRefusal(socket: Duplex, status: number, body: string): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function outgoing(
  headers: Readonly<Record<string, string | readonly string[]>>,
): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  )
}
