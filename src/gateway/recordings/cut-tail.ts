import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'

/** Names tried for the side file; there is more than one when a gateway was killed while it did this. */
const TAILS_MAX = 16
const CHUNK_BYTES = 1024 * 1024

/**
 * Moves what stands behind the last whole line of a recording into a file of its own beside it, `….tail`, and cuts it
 * off. INVARIANT: the copy is safe on the disk before anything is cut; evidence is never deleted.
 */
export async function cutTail({
  path,
  wholeBytes,
  bytes,
}: {
  readonly path: string
  readonly wholeBytes: number
  readonly bytes: number
}): Promise<void> {
  const recording = await open(path, constants.O_RDWR | constants.O_NOFOLLOW)
  try {
    const tail = await createTail(path)
    try {
      await copyRange({ from: recording, to: tail, start: wholeBytes, end: bytes })
      await tail.sync()
    } finally {
      await tail.close()
    }
    await recording.truncate(wholeBytes)
    await recording.sync()
  } finally {
    await recording.close()
  }
}

async function createTail(path: string): Promise<FileHandle> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? `${path}.tail` : `${path}.tail.${number}`
    try {
      return await open(name, flags, 0o600)
    } catch (error) {
      const isTaken = error instanceof Error && 'code' in error && error.code === 'EEXIST'
      if (!isTaken || number === TAILS_MAX) throw error
    }
  }
}

async function copyRange({
  from,
  to,
  start,
  end,
}: {
  readonly from: FileHandle
  readonly to: FileHandle
  readonly start: number
  readonly end: number
}): Promise<void> {
  const chunk = Buffer.alloc(Math.min(CHUNK_BYTES, end - start))
  for (let at = start; at < end; ) {
    const { bytesRead } = await from.read(chunk, 0, Math.min(chunk.length, end - at), at)
    if (bytesRead === 0) throw new Error('the recording shrank while it was read')
    await to.writeFile(chunk.subarray(0, bytesRead))
    at += bytesRead
  }
}
