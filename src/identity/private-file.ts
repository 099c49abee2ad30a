import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { chmod, type FileHandle, link, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { HoopError } from '../lib/hoop-error.js'

const FILE_BYTES_MAX = 1024 * 1024

/**
 * Reads a file that holds a secret, or nothing when there is none. Refuses it when others can read it, when it belongs
 * to somebody else, or when it is not a plain file: then the secret may not be ours any more.
 *
 * @param purpose what the file is, for the message: `the signing key`
 */
export async function readPrivateFile(path: string, purpose: string): Promise<Buffer | undefined> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0))
    const status = await file.stat()
    if (!status.isFile()) throw notPrivate(path, purpose, 'it is not a plain file')
    refuseOthers(status, { path, purpose })
    if (status.size > FILE_BYTES_MAX) throw notPrivate(path, purpose, 'it is too large')
    return await file.readFile()
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    if (codeOf(cause) === 'ELOOP') throw notPrivate(path, purpose, 'it is a symbolic link')
    if (cause instanceof HoopError) throw cause
    throw new HoopError(
      'configuration',
      `Cannot read ${purpose} in "${path}": ${codeOf(cause) ?? 'an error'}`,
      { cause },
    )
  } finally {
    await file?.close()
  }
}

/** Makes a folder that only we can enter, and refuses one that others can write to or that is not ours. */
export async function makePrivateDirectory(path: string, purpose: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  const status = await lstat(path)
  if (!status.isDirectory()) throw notPrivate(path, purpose, 'it is not a folder')
  refuseOthers(status, { path, purpose })
}

/** Writes a secret so that after a crash there is the old content or the new, readable by us alone, and never a mixture. */
export async function writePrivateFile(path: string, content: Uint8Array): Promise<void> {
  const temporary = await writeBeside(path, content)
  try {
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncDirectory(dirname(path))
}

/** Writes a secret where there is none yet. False when somebody else was first, whose file then stays as it is. */
export async function createPrivateFile(path: string, content: Uint8Array): Promise<boolean> {
  const temporary = await writeBeside(path, content)
  try {
    await link(temporary, path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(temporary, { force: true })
  }
  await syncDirectory(dirname(path))
  return true
}

async function writeBeside(path: string, content: Uint8Array): Promise<string> {
  const temporary = `${path}.${randomBytes(8).toString('hex')}.new`
  const file = await open(temporary, 'wx', 0o600)
  try {
    await file.writeFile(content)
    await file.sync()
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  } finally {
    await file.close()
  }
  await chmod(temporary, 0o600)
  return temporary
}

async function syncDirectory(path: string): Promise<void> {
  // Windows cannot open a directory; there the rename itself is all there is.
  if (process.platform === 'win32') return
  const directory = await open(path, 'r')
  await directory.sync().finally(() => directory.close())
}

function refuseOthers(
  status: { readonly mode: number; readonly uid: number },
  { path, purpose }: { readonly path: string; readonly purpose: string },
): void {
  const own = process.getuid?.()
  if (own === undefined) return
  if (status.uid !== own) throw notPrivate(path, purpose, 'it belongs to another account')
  if ((status.mode & 0o077) !== 0)
    throw notPrivate(path, purpose, 'other accounts can open it', `chmod go= ${path}`)
}

function notPrivate(path: string, purpose: string, reason: string, hint?: string): HoopError {
  return new HoopError(
    'configuration',
    `Cannot use ${purpose} in "${path}": ${reason}`,
    hint === undefined ? {} : { hint },
  )
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
