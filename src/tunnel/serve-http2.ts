import {
  constants,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import type { ErrorCode } from '../lib/hoop-error.js'
import type { HttpExchange } from './http-exchange.js'
import { Http2Duplex } from './http2-duplex.js'
import { prepareSession, SESSION_OPTIONS } from './http2-session.js'
import { STREAM_CONTENT_TYPE, type StreamRequest } from './stream-request.js'

/** What an HTTP/2 server does with what it is asked. */
export interface Http2Service {
  /** The peer's address. */
  readonly address: string
  onStream(request: StreamRequest): void
  onExchange(exchange: HttpExchange): void
  /** The code of the error with which streams fail when they are cut. */
  readonly cut: ErrorCode
  readonly pingIntervalMs?: number | undefined
}

/**
 * Serves HTTP/2 on a connection that is already there, whoever dialled it. A POST with the content type of a stream is
 * a `StreamRequest`; anything else is an exchange.
 */
export function serveHttp2(socket: Duplex, service: Http2Service): ServerHttp2Session {
  const session = performServerHandshake(socket, SESSION_OPTIONS)
  prepareSession(session, { socket, pingIntervalMs: service.pingIntervalMs })
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined)
    if (isStreamRequest(headers)) service.onStream(readStreamRequest(stream, headers, service))
    else service.onExchange(readExchange(stream, headers, service.address))
  })
  return session
}

function isStreamRequest(headers: IncomingHttpHeaders): boolean {
  return headers[':method'] === 'POST' && headers['content-type'] === STREAM_CONTENT_TYPE
}

function readStreamRequest(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  service: Http2Service,
): StreamRequest {
  let answered = false
  const answer = () => {
    if (answered) throw new Error('a stream is accepted or refused once')
    answered = true
  }
  return {
    path: headers[':path'] ?? '/',
    headers,
    address: service.address,
    accept: () => {
      answer()
      if (!stream.destroyed && !stream.closed) {
        stream.respond({ ':status': 200, 'content-type': STREAM_CONTENT_TYPE })
      }
      return new Http2Duplex(stream, service.cut)
    },
    refuse: (status, body) => {
      answer()
      if (stream.destroyed || stream.closed) return
      stream.respond({ ':status': status, 'content-type': 'application/json' })
      stream.end(JSON.stringify(body))
      // What the client has already sent is dropped, and it is told that no more is read (RFC 9113, section 8.1).
      stream.resume()
      stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR))
    },
  }
}

function readExchange(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  address: string,
): HttpExchange {
  return {
    method: headers[':method'] ?? '',
    path: headers[':path'] ?? '',
    host: headers[':authority'] ?? headers.host ?? '',
    headers,
    address,
    body: stream,
    onGone: listener => void stream.once('close', listener),
    respond: (status, answer) => {
      if (stream.destroyed || stream.closed) throw new Error('the client has gone')
      stream.respond({ ...answer, ':status': status })
      return stream
    },
    // Not `close`, which would send END_STREAM first and make half an answer look whole.
    cut: () => stream.destroy(new Error('the answer was cut')),
  }
}
