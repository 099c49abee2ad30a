import { close, closeSync, constants, fdatasync, mkdirSync, openSync, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'
import { HoopError } from '../../lib/hoop-error.js'

/** Writes to a file like `fs.writeSync`, which may take fewer bytes than it was given. */
export type WriteBytes = (descriptor: number, bytes: Uint8Array, offset: number, length: number) => number

/** Writes in a row that bring nothing forward before the file counts as broken. Nothing waits between them. */
const IDLE_WRITES_MAX = 16
const TRY_AGAIN = new Set(['EINTR', 'EAGAIN'])
const NO_FOLDER_SYNC = new Set(['EINVAL', 'ENOTSUP', 'ENOSYS'])

/** A file that only grows. Synchronous, so that what was appended is with the operating system when the call returns. */
export interface AppendFile {
  /** Appends all of the bytes or throws what the system said. A part may be in the file then: never call it again. */
  append(bytes: Uint8Array): void
  /** Makes the file and its name safe from a power failure, and closes it. */
  finish(): Promise<void>
  /** Closes it as it is. Never throws: what went wrong before is what counts. */
  abandon(): void
}

/**
 * Makes a new file (mode 0600, in folders of mode 0700) and never opens one that is there: O_EXCL also refuses a
 * symbolic link in its place. Throws what the system said.
 */
export function createAppendFile(path: string, write: WriteBytes = writeSync): AppendFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_APPEND
  return appendFile({ descriptor: openSync(path, flags, 0o600), path, write })
}

/** Opens a recording that is there to go on behind its end. Never follows a symbolic link. */
export function reopenAppendFile(path: string, write: WriteBytes = writeSync): AppendFile {
  const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_NOFOLLOW
  return appendFile({ descriptor: openSync(path, flags), path, write })
}

function appendFile({
  descriptor,
  path,
  write,
}: {
  readonly descriptor: number
  readonly path: string
  readonly write: WriteBytes
}): AppendFile {
  return {
    append: bytes => appendAll({ descriptor, bytes, write }),
    finish: async () => {
      try {
        await promisify(fdatasync)(descriptor)
      } finally {
        await promisify(close)(descriptor)
      }
      await syncFolder(dirname(path))
    },
    abandon: () => {
      try {
        closeSync(descriptor)
      } catch {
        // A descriptor is gone after close, whatever close says.
      }
    },
  }
}

function appendAll({
  descriptor,
  bytes,
  write,
}: {
  readonly descriptor: number
  readonly bytes: Uint8Array
  readonly write: WriteBytes
}): void {
  let offset = 0
  let idleWrites = 0
  while (offset < bytes.length) {
    const taken = writeOnce(() => write(descriptor, bytes, offset, bytes.length - offset))
    offset += taken
    idleWrites = taken > 0 ? 0 : idleWrites + 1
    if (idleWrites > IDLE_WRITES_MAX) {
      throw new HoopError('recording_failed', 'Cannot write the recording: the file takes no more bytes')
    }
  }
}

/** Bytes taken; 0 when the system asks to try again. */
function writeOnce(write: () => number): number {
  try {
    return write()
  } catch (error) {
    if (error instanceof Error && 'code' in error && TRY_AGAIN.has(String(error.code))) return 0
    throw error
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY | constants.O_DIRECTORY)
  try {
    await folder.sync()
  } catch (error) {
    // Some network file systems keep no folders to flush; the file itself is safe by now.
    const isUnsupported = error instanceof Error && 'code' in error && NO_FOLDER_SYNC.has(String(error.code))
    if (!isUnsupported) throw error
  } finally {
    await folder.close()
  }
}
