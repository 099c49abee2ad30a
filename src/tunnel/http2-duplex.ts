import { constants, type Http2Stream } from 'node:http2'
import { Duplex } from 'node:stream'
import { type ErrorCode, HoopError } from '../lib/hoop-error.js'

type Done = (error?: Error | null) => void

/** A stream whose other side, or the connection under it, went away before it had said its end. */
export function streamCut(code: ErrorCode, cause?: unknown): HoopError {
  return new HoopError(code, 'Cannot go on with the stream: the tunnel was cut', { cause })
}

/**
 * One HTTP/2 stream as raw bytes, either side of it. Node's own stream object reports a reset, and the death of the
 * connection, as an ordinary end, which would turn half an answer into a whole one. Here `end` means that the other
 * side said END_STREAM (RFC 9113, section 5.1); everything else is an error. Each direction ends by itself, and
 * `destroy` resets the stream.
 */
export class Http2Duplex extends Duplex {
  readonly #stream: Http2Stream
  readonly #code: ErrorCode
  #ended = false
  #waiting: Done | undefined

  /** @param code the code of the error with which the stream fails when it is cut. */
  constructor(stream: Http2Stream, code: ErrorCode) {
    super({ allowHalfOpen: true })
    this.#stream = stream
    this.#code = code
    stream.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) stream.pause()
    })
    stream.on('end', () => this.#end())
    stream.on('drain', () => this.#release())
    stream.on('error', error => this.destroy(streamCut(code, error)))
    stream.on('close', () => this.#closed())
    // Paused until the reader asks: the window is the reader's.
    stream.pause()
    // Whoever holds the stream learns of the failure as an error or as a close; nobody holding it is no crash.
    this.on('error', () => undefined)
    // Its 'close' was missed: the peer left before the stream was taken.
    if (stream.destroyed) this.destroy(streamCut(code))
  }

  override _read(): void {
    this.#stream.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    if (this.#gone) done(streamCut(this.#code))
    else if (this.#stream.write(chunk)) done()
    else this.#waiting = done
  }

  override _final(done: Done): void {
    if (!this.#gone) this.#stream.end(done)
    else done(this.#ended ? null : streamCut(this.#code))
  }

  override _destroy(error: Error | null, done: Done): void {
    const stream = this.#stream
    if (error === null && this.writableFinished) {
      // All was sent, and nothing more is read (RFC 9113, section 8.1). A stream nobody reads is never released.
      if (!this.#gone) stream.close(constants.NGHTTP2_NO_ERROR)
      stream.resume()
    } else {
      // INVARIANT: what is cut short is not ended. `close` would send END_STREAM first; destroying with an error
      // resets with INTERNAL_ERROR, which is an error on the other side too, where CANCEL would look like an end.
      stream.destroy(error ?? streamCut(this.#code))
    }
    this.#release(error ?? streamCut(this.#code))
    done(error)
  }

  get #gone(): boolean {
    return this.#stream.closed || this.#stream.destroyed
  }

  #end(): void {
    if (this.#stream.rstCode !== constants.NGHTTP2_NO_ERROR) return void this.destroy(streamCut(this.#code))
    this.#ended = true
    this.push(null)
  }

  #closed(): void {
    if (!this.#ended) this.destroy(streamCut(this.#code))
    else if (this.writableFinished) return
    // The other side said its end and reads no more. What it said is still to be read here.
    else if (this.readableEnded) this.destroy()
    else this.once('end', () => this.destroy())
    this.#release(streamCut(this.#code))
  }

  #release(error?: Error): void {
    const done = this.#waiting
    this.#waiting = undefined
    done?.(error)
  }
}
