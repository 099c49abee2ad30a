import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { SessionId } from '../../domain/ids.js'
import { RecordingVerifier, type VerifyReport } from '../../recording/verify.js'

/** What is known of a recording after it was read from end to end. */
export interface Inspection {
  /** As of a session that goes on: neither a missing end nor a half-written last line is a finding. */
  readonly report: VerifyReport
  readonly operations: number
  readonly refused: number
  /** Time of the last event; undefined when there is none. */
  readonly last: { readonly at: string; readonly t: number } | undefined
  /** Bytes up to and with the last line feed. What is behind them is half a line. */
  readonly wholeBytes: number
  readonly bytes: number
}

const CHUNK_BYTES = 1024 * 1024
/** Room for the line of an `end` event. */
const LAST_LINE_BYTES_MAX = 1024
/** A quote inside of a value is escaped, so no statement can look like this. */
const END_LINE = /^\{"seq":\d+,"at":"[^"]+","t":[\d.]+,"kind":"end",[^\n]*\}\n$/
const LINE_FEED = 0x0a

/** Reads a recording from end to end in flat memory. */
export async function inspectRecording(path: string, session: SessionId): Promise<Inspection> {
  const verifier = new RecordingVerifier({ session, live: true })
  let operations = 0
  let refused = 0
  let last: Inspection['last']
  let wholeBytes = 0
  let bytes = 0
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  // The stream closes the file.
  for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES })) {
    const part: Buffer = chunk
    const lineFeed = part.lastIndexOf(LINE_FEED)
    if (lineFeed >= 0) wholeBytes = bytes + lineFeed + 1
    bytes += part.length
    for (const event of verifier.push(part)) {
      last = { at: event.at, t: event.t }
      if (event.kind !== 'operation') continue
      operations += 1
      if (event.decision.kind === 'deny') refused += 1
    }
  }
  return { report: verifier.finish(), operations, refused, last, wholeBytes, bytes }
}

/** True when the last line of a recording is an `end` event; reads only the end of the file. */
export async function hasEnd(path: string): Promise<boolean> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const tail = await readTail(file)
    const lineStart = tail.lastIndexOf('\n', tail.length - 2) + 1
    return END_LINE.test(tail.slice(lineStart))
  } finally {
    await file.close()
  }
}

async function readTail(file: FileHandle): Promise<string> {
  const { size } = await file.stat()
  const length = Math.min(size, LAST_LINE_BYTES_MAX)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length)
  return buffer.toString('utf8', 0, bytesRead)
}
