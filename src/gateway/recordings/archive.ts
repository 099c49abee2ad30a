import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { SessionId } from '../../domain/ids.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { VerifyOptions, VerifyReport } from '../../recording/verify.js'
import { verifyRecording } from '../../recording/verify.js'
import { recordingPath } from './recording-path.js'

/** Bytes read at once: large, because recordings are read from end to end. */
const CHUNK_BYTES = 256 * 1024

/** The recordings that are kept, for reading. Who may read which is decided before. */
export class Archive {
  readonly #directory: string

  constructor({ directory }: { readonly directory: string }) {
    this.#directory = directory
  }

  /**
   * The bytes of a recording as they are, the evidence itself, up to what it held when it was opened: the recording of a
   * session that goes on can stop within a line. Fails with `not_found`. Memory stays flat; destroy it to stop early.
   */
  async open(session: SessionId): Promise<Readable> {
    const file = await this.#openFile(session)
    try {
      const { size } = await file.stat()
      // A stream cannot be told to read nothing: one byte too many is asked for, and the end comes first.
      return file.createReadStream({ start: 0, end: Math.max(size - 1, 0), highWaterMark: CHUNK_BYTES })
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** Verifies a recording where it lies. Fails with `not_found`; whatever its bytes are is in the report. */
  async verify(session: SessionId, options: Omit<VerifyOptions, 'session'> = {}): Promise<VerifyReport> {
    return verifyRecording(await this.open(session), { ...options, session })
  }

  async #openFile(session: SessionId) {
    const path = recordingPath(this.#directory, session)
    try {
      return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
    } catch (error) {
      const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
      throw new HoopError(
        isMissing ? 'not_found' : 'recording_failed',
        `Cannot read the recording of session "${session}": ${isMissing ? 'there is none' : 'its file cannot be opened'}`,
        { cause: error },
      )
    }
  }
}
