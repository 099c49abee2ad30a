import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2'
import type { Duplex } from 'node:stream'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'
import { readBody } from './body.js'
import { Http2Duplex } from './http2-duplex.js'
import { cutSession, prepareSession, SESSION_OPTIONS } from './http2-session.js'
import { OPEN_TIMEOUT_MS, REFUSAL_BODY_BYTES_MAX, RESPONSE_BODY_BYTES_MAX } from './limits.js'
import { readRefusal } from './refusal.js'
import {
  type PeerRequest,
  type PeerResponse,
  STREAM_CONTENT_TYPE,
  type TunnelPeer,
} from './stream-request.js'

/** How to speak HTTP/2 to the other end of a connection that is already there. */
export interface Http2PeerOptions {
  readonly socket: Duplex
  /** `:authority` of the requests: `gateway.example.com`. */
  readonly authority: string
  /** The code of errors that are the connection's and not the peer's own. */
  readonly unavailable: ErrorCode
  readonly pingIntervalMs?: number | undefined
  readonly openTimeoutMs?: number | undefined
}

/** A peer reached by HTTP/2; one connection carries all the streams. */
export class Http2Peer implements TunnelPeer {
  readonly closed: Promise<void>
  readonly #session: ClientHttp2Session
  readonly #options: Http2PeerOptions
  #streams = 0

  constructor(options: Http2PeerOptions) {
    this.#options = options
    const { socket } = options
    this.#session = connect(`https://${options.authority}`, {
      ...SESSION_OPTIONS,
      createConnection: () => socket,
    })
    prepareSession(this.#session, options)
    // A server has nothing to push: it was told so, and a frame against it ends the session.
    this.closed = new Promise(resolve => {
      this.#session.once('close', resolve)
      socket.once('close', () => resolve())
    })
  }

  /** Streams that are open, to choose the least loaded of several peers. */
  get streams(): number {
    return this.#streams
  }

  /** False once the peer takes no new streams. */
  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed
  }

  /** As `TunnelPeer` says; the signal ends the wait for an answer, not the stream that came of it. */
  async open(path: string, headers: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<Duplex> {
    const stream = this.#start('POST', path, { ...headers, 'content-type': STREAM_CONTENT_TYPE })
    const aborted = () => stream.close(constants.NGHTTP2_CANCEL)
    if (signal?.aborted === true) aborted()
    signal?.addEventListener('abort', aborted, { once: true })
    const refused = (status: number) =>
      readBody(stream, REFUSAL_BODY_BYTES_MAX).then(
        body => readRefusal(status, body, this.#options.unavailable),
        () => readRefusal(status, Buffer.alloc(0), this.#options.unavailable),
      )
    const opened = await this.#answer<Duplex | HoopError>(stream, status => {
      if (status === 200) return new Http2Duplex(stream, this.#options.unavailable)
      stream.end()
      return refused(status)
    }).finally(() => signal?.removeEventListener('abort', aborted))
    if (opened instanceof HoopError) throw opened
    return opened
  }

  async request(request: PeerRequest): Promise<PeerResponse> {
    const stream = this.#start(request.method, request.path, request.headers ?? {})
    stream.end(request.body)
    return this.#answer(stream, async (status, headers) => {
      try {
        return { status, headers, body: await readBody(stream, RESPONSE_BODY_BYTES_MAX) }
      } catch (cause) {
        stream.close(constants.NGHTTP2_CANCEL)
        throw this.#unavailable('the answer was cut short', cause)
      }
    })
  }

  /** Says GOAWAY: streams that are open go on to their end. */
  close(): void {
    if (!this.#session.destroyed) this.#session.close()
  }

  /** Ends everything at once. */
  destroy(reason: string): void {
    cutSession(this.#session, this.#options.socket, reason)
  }

  #start(method: string, path: string, headers: Readonly<Record<string, string>>): ClientHttp2Stream {
    if (!this.usable) throw this.#unavailable('the connection is closed')
    let stream: ClientHttp2Stream
    try {
      stream = this.#session.request({ ...headers, ':method': method, ':path': path }, { endStream: false })
    } catch (cause) {
      throw this.#unavailable('the connection is closed', cause)
    }
    this.#streams += 1
    stream.once('close', () => {
      this.#streams -= 1
    })
    stream.on('error', () => undefined)
    return stream
  }

  /**
   * Waits for the head of the answer. `take` runs as it comes and not after a promise: the end of a short answer
   * follows at once, and whoever listens later has missed it.
   */
  #answer<Answer>(
    stream: ClientHttp2Stream,
    take: (status: number, headers: IncomingHttpHeaders) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      let failure: Error | undefined
      const timeoutMs = this.#options.openTimeoutMs ?? OPEN_TIMEOUT_MS
      const timer = setTimeout(() => {
        failure = this.#unavailable(`no answer within ${timeoutMs / 1000} s`)
        stream.close(constants.NGHTTP2_CANCEL)
      }, timeoutMs)
      stream.once('error', error => {
        failure ??= this.#unavailable('the connection broke', error)
      })
      stream.once('close', () => {
        clearTimeout(timer)
        reject(failure ?? this.#unavailable('the connection broke'))
      })
      stream.once('response', headers => {
        clearTimeout(timer)
        resolve(take(Number(headers[':status']), headers))
      })
    })
  }

  #unavailable(why: string, cause?: unknown): HoopError {
    const what = this.#options.unavailable === 'agent_unavailable' ? 'the agent' : 'the gateway'
    return new HoopError(this.#options.unavailable, `Cannot reach ${what}: ${why}`, { cause })
  }
}
