import type { Clock } from '../../domain/clock.js'
import type { RecordingEvent } from '../../domain/event.js'
import type { SessionId } from '../../domain/ids.js'
import { HoopError } from '../../lib/hoop-error.js'
import { type EventEncoder, LineEncoder } from '../../recording/encode-event.js'
import { type AppendFile, createAppendFile, type WriteBytes } from './append-file.js'
import type { Recorder } from './recorder.js'
import { recordingPath } from './recording-path.js'

/** Events that nobody commits are written when they take this much, in UTF-16 units. The caller's timer does the rest. */
const PENDING_UNITS_MAX = 64 * 1024

/** What a recorder needs of the world. */
export interface RecorderOptions {
  /** Where all recordings are, absolute. Made when it is not there. */
  readonly directory: string
  readonly session: SessionId
  readonly clock: Clock
  /** Milliseconds of a clock that never goes back, `performance.now`. */
  readonly monotonic: () => number
  /** For tests; the system's own otherwise. */
  readonly write?: WriteBytes
}

/**
 * Starts the recording of a session as a new file, which is there with its first line when this returns. Fails with
 * `recording_failed`, also when the session was recorded before.
 */
export function openRecorder(options: RecorderOptions): Recorder {
  return new FileRecorder(options)
}

/**
 * Writes one recording. INVARIANT 1: when anything could not be written, every later call fails, because a recording
 * with a hole is worth less than a session that ended.
 */
class FileRecorder implements Recorder {
  readonly #options: RecorderOptions
  readonly #encoder: EventEncoder
  readonly #file: AppendFile
  readonly #startedAt: number
  #pending = ''
  #elapsedMs = 0
  #failure: HoopError | undefined
  #closed: Promise<string> | undefined

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#encoder = new LineEncoder({ session: options.session })
    this.#startedAt = options.monotonic()
    try {
      this.#file = createAppendFile(recordingPath(options.directory, options.session), options.write)
    } catch (error) {
      throw this.#describe(error)
    }
    try {
      this.#pending = this.#encoder.begin()
      this.commit()
    } catch (error) {
      this.#file.abandon()
      throw error
    }
  }

  append(event: RecordingEvent): void {
    this.#checkUsable()
    try {
      this.#pending += this.#encoder.encode(event, this.#now())
    } catch (error) {
      throw this.#fail(error)
    }
    if (this.#pending.length > PENDING_UNITS_MAX) this.commit()
  }

  commit(): undefined {
    this.#checkUsable()
    if (this.#pending === '') return
    const bytes = Buffer.from(this.#pending)
    this.#pending = ''
    try {
      this.#file.append(bytes)
    } catch (error) {
      throw this.#fail(error)
    }
  }

  close(): Promise<string> {
    this.#closed ??= this.#finish()
    return this.#closed
  }

  async #finish(): Promise<string> {
    try {
      if (this.#failure === undefined) this.commit()
    } catch {
      // Told below, as the failure of the recorder.
    }
    if (this.#failure !== undefined) {
      this.#file.abandon()
      throw this.#failure
    }
    this.#failure = new HoopError('recording_failed', `${this.#subject()}: the recording is closed`)
    try {
      await this.#file.finish()
    } catch (error) {
      throw this.#fail(error)
    }
    return this.#encoder.head
  }

  /** Both clocks. The time since the start is kept to the microsecond, and from going back. */
  #now(): { readonly at: string; readonly t: number } {
    const elapsedMs = Math.round((this.#options.monotonic() - this.#startedAt) * 1000) / 1000
    if (elapsedMs > this.#elapsedMs) this.#elapsedMs = elapsedMs
    return { at: this.#options.clock().toISOString(), t: this.#elapsedMs }
  }

  #checkUsable(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  #fail(error: unknown): HoopError {
    this.#pending = ''
    this.#failure = error instanceof HoopError ? error : this.#describe(error)
    return this.#failure
  }

  #describe(error: unknown): HoopError {
    const { reason, hint } = describeSystemError(error)
    return new HoopError('recording_failed', `${this.#subject()}: ${reason}`, { hint, cause: error })
  }

  #subject(): string {
    return `Cannot record session "${this.#options.session}"`
  }
}

/** What the person at the other end may know: the kind of failure, no path. The cause in the log has the rest. */
function describeSystemError(error: unknown): { readonly reason: string; readonly hint: string } {
  const hint = 'ask who runs the gateway to look at its log'
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'ENOSPC':
    case 'EDQUOT':
      return {
        reason: 'no space is left for recordings',
        hint: 'ask who runs the gateway to make room for recordings',
      }
    case 'EEXIST':
      return { reason: 'it was recorded before', hint }
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return { reason: 'the gateway may not write recordings', hint }
    default:
      return { reason: 'the recording could not be written', hint }
  }
}
