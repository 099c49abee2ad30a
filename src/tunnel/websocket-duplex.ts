import { Duplex } from 'node:stream'
import type { RawData, WebSocket } from 'ws'
import type { ErrorCode } from '../lib/hoop-error.js'
import { streamCut } from './http2-duplex.js'
import { MESSAGE_BYTES_MAX } from './limits.js'

type Done = (error?: Error | null) => void

/** The one text message there is: this direction has ended. WebSocket itself can only close both (RFC 6455, 1.4). */
const END = 'end'
const CLOSED_NORMALLY = 1000
const CLOSED_IN_ERROR = 1011

/**
 * A WebSocket as raw bytes: binary messages carry data, the text message `end` ends a direction. Reading pauses the
 * socket under it while nobody takes the bytes, and a write is done when the socket took it, so that back-pressure
 * goes through. A close before `end` is an error.
 */
export class WebSocketDuplex extends Duplex {
  readonly #socket: WebSocket
  readonly #code: ErrorCode
  #ended = false

  /** @param code the code of the error with which the stream fails when it is cut. */
  constructor(socket: WebSocket, code: ErrorCode) {
    super({ allowHalfOpen: true })
    this.#socket = socket
    this.#code = code
    socket.on('message', (data, isBinary) => this.#message(data, isBinary))
    socket.on('error', error => this.destroy(streamCut(code, error)))
    socket.on('close', () => this.#closed())
    this.on('error', () => undefined)
  }

  override _read(): void {
    if (this.#socket.isPaused) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      done(streamCut(this.#code))
      return
    }
    const last = Math.max(0, Math.ceil(chunk.length / MESSAGE_BYTES_MAX) - 1)
    for (let part = 0; part <= last; part += 1) {
      const bytes = chunk.subarray(part * MESSAGE_BYTES_MAX, (part + 1) * MESSAGE_BYTES_MAX)
      this.#socket.send(bytes, { binary: true }, part === last ? done : undefined)
    }
  }

  override _final(done: Done): void {
    if (this.#socket.readyState !== this.#socket.OPEN) {
      done(this.#ended ? null : streamCut(this.#code))
      return
    }
    this.#socket.send(END, { binary: false }, error => {
      done(error)
      if (this.#ended) this.#socket.close(CLOSED_NORMALLY)
    })
  }

  override _destroy(error: Error | null, done: Done): void {
    const whole = error === null && this.writableFinished
    if (whole) this.#socket.close(CLOSED_NORMALLY)
    else if (this.#socket.readyState === this.#socket.OPEN) {
      this.#socket.close(CLOSED_IN_ERROR)
      // Not the polite wait for the other side's close: what is in the way may be a peer that does not read.
      setImmediate(() => this.#socket.terminate())
    } else this.#socket.terminate()
    if (this.#socket.isPaused) this.#socket.resume()
    done(error)
  }

  #message(data: RawData, isBinary: boolean): void {
    if (this.#ended) return void this.destroy(streamCut(this.#code, new Error('a message after the end')))
    if (isBinary && Buffer.isBuffer(data)) {
      if (!this.push(data)) this.#socket.pause()
    } else if (!isBinary && String(data) === END) {
      this.#ended = true
      this.push(null)
      if (this.writableFinished) this.#socket.close(CLOSED_NORMALLY)
    } else this.destroy(streamCut(this.#code, new Error('a message that is neither bytes nor the end')))
  }

  #closed(): void {
    if (!this.#ended) this.destroy(streamCut(this.#code))
    else if (this.writableFinished) return
    else if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
  }
}
