import { open } from 'node:fs/promises'
import { readSessionId, type SessionId } from '../domain/ids.js'
import { HoopError } from '../lib/hoop-error.js'
import type { RecordedEvent } from '../recording/recorded-event.js'
import { RecordingVerifier, type VerifyReport } from '../recording/verify.js'
import type { GatewayApi } from './gateway-api.js'

export type { VerifyReport }

/** Bytes read from a file at once. */
const CHUNK_BYTES = 256 * 1024

/** Where a recording is read from: a session at the gateway, or a file that was exported. */
export type RecordingSource =
  | { readonly kind: 'session'; readonly id: SessionId; readonly api: GatewayApi }
  | { readonly kind: 'file'; readonly path: string }

/** Reads a recording chunk by chunk, checking its chain on the way: what is shown was verified in the same pass. */
export async function readRecording(
  source: RecordingSource,
  onEvent: (event: RecordedEvent) => void | Promise<void>,
): Promise<VerifyReport> {
  const verifier = await openVerifier(source)
  for await (const chunk of chunks(source)) {
    for (const event of verifier.push(chunk)) await onEvent(event)
  }
  return verifier.finish()
}

/** A verifier that also knows what the gateway's store says of the recording: which session, whether it has ended, how. */
export async function openVerifier(source: RecordingSource): Promise<RecordingVerifier> {
  return new RecordingVerifier(await expectations(source))
}

/** The bytes themselves: the evidence. */
export async function* chunks(source: RecordingSource): AsyncGenerator<Buffer> {
  if (source.kind === 'session') {
    for await (const chunk of await source.api.recording(source.id)) yield Buffer.from(chunk)
    return
  }
  const file = await open(source.path).catch(cause => {
    throw unreadable(source.path, cause)
  })
  try {
    if (!(await file.stat()).isFile()) throw unreadable(source.path, undefined)
    for await (const chunk of file.createReadStream({ highWaterMark: CHUNK_BYTES })) yield Buffer.from(chunk)
  } finally {
    await file.close()
  }
}

function unreadable(path: string, cause: unknown): HoopError {
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const why = code === 'ENOENT' ? 'there is no such file' : 'it is no file that this account can read'
  return new HoopError('not_found', `Cannot read recording "${path}": ${why}`, { cause })
}

/** Reads how many times faster a replay runs. Fails with `usage`. */
export function readSpeed(text: string): number {
  const speed = Number(text)
  if (text.trim() !== '' && Number.isFinite(speed) && speed >= 0) return speed
  throw new HoopError(
    'usage',
    `Cannot replay at speed "${text}": a number like 1, 4 or 0.5 is expected, 0 for at once`,
  )
}

/** Reads a session's name as a person gives it: in full. */
export function readSession(text: string): SessionId {
  const id = readSessionId(text)
  if (id !== undefined) return id
  throw new HoopError('usage', `Cannot read session "${text}": a name like s-0123456789abcdef is expected`, {
    hint: 'hoop sessions list',
  })
}

/** What the gateway's store knows of a recording beside the recording itself. */
async function expectations(
  source: RecordingSource,
): Promise<{ session?: SessionId; head?: string; live?: boolean }> {
  if (source.kind === 'file') return {}
  const { head, endedAt } = await source.api.session(source.id)
  return { session: source.id, live: endedAt === undefined, ...(head === undefined ? {} : { head }) }
}
