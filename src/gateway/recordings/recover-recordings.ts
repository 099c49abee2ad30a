import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../domain/clock.js'
import type { SessionId } from '../../domain/ids.js'
import type { EndReason } from '../../domain/session.js'
import { LineEncoder } from '../../recording/encode-event.js'
import type { Finding } from '../../recording/verify.js'
import { reopenAppendFile } from './append-file.js'
import { cutTail } from './cut-tail.js'
import { hasEnd, type Inspection, inspectRecording } from './inspect-recording.js'
import { recordingPath, sessionOfPath } from './recording-path.js'

/** What became of one recording, for the store and the log. */
export type Recovery =
  /** It has an end: it was given one now, or had one that the store may not know of (`tailBytes` is 0 then). */
  | ({ readonly kind: 'ended'; readonly reason: EndReason; readonly tailBytes: number } & RecoveredSession)
  /** Something in it is wrong that a killed gateway does not explain. It was left exactly as it is. */
  | ({ readonly kind: 'damaged'; readonly findings: readonly Finding[] } & RecoveredSession)
  /** There is no recording of this session. */
  | { readonly kind: 'missing'; readonly session: SessionId }
  /** It could not be read or written; the next start tries again. */
  | { readonly kind: 'failed'; readonly session: SessionId; readonly error: unknown }

/** What the store keeps of a session that ended. */
export interface RecoveredSession {
  readonly session: SessionId
  readonly head: string
  readonly operations: number
  readonly refused: number
  /** ISO 8601; when the last thing before the end happened. Undefined when nothing did. */
  readonly lastAt: string | undefined
}

export interface RecoverOptions {
  readonly directory: string
  readonly clock: Clock
  /** Sessions that the store thinks are open; each is reported, also when its recording is complete or not there. */
  readonly sessions?: readonly SessionId[]
  /** Sessions that another gateway runs: their recordings are being written and are left alone. */
  readonly isLive?: (session: SessionId) => boolean
  /** What the store knows of why a session ended, `recorder_failed` for one; otherwise `gateway_lost`. */
  readonly reasonFor?: (session: SessionId) => EndReason | undefined
}

/**
 * Ends the recordings that a killed gateway left behind, before the first session starts. A half-written last line is
 * moved into a file beside the recording, an `end` event goes on with the chain, and each is reported. Nothing of what was
 * recorded is deleted, and one bad file stops no other.
 */
export async function recoverRecordings(options: RecoverOptions): Promise<readonly Recovery[]> {
  const { directory, sessions = [], isLive = () => false } = options
  const asked = new Set(sessions)
  const recoveries: Recovery[] = []
  for (const session of await listSessions(directory)) {
    const isAsked = asked.delete(session)
    if (isLive(session)) continue
    const recovery = await recoverOne({ session, isAsked, options })
    if (recovery !== undefined) recoveries.push(recovery)
  }
  const missing = [...asked].filter(session => !isLive(session))
  return [...recoveries, ...missing.map(session => ({ kind: 'missing', session }) as const)]
}

/** The sessions that have a recording here, in no order. Other files are passed over. */
async function listSessions(directory: string): Promise<readonly SessionId[]> {
  const sessions: SessionId[] = []
  for (const shard of await listFolder(directory)) {
    for (const name of await listFolder(join(directory, shard))) {
      const session = sessionOfPath(join(directory, shard, name))
      if (session !== undefined) sessions.push(session)
    }
  }
  return sessions
}

async function listFolder(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    // No recordings yet, or a file that is not ours where a folder would be.
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw error
  }
}

async function recoverOne({
  session,
  isAsked,
  options,
}: {
  readonly session: SessionId
  readonly isAsked: boolean
  readonly options: RecoverOptions
}): Promise<Recovery | undefined> {
  const path = recordingPath(options.directory, session)
  try {
    if (!isAsked && (await hasEnd(path))) return undefined
    const inspection = await inspectRecording(path, session)
    const { report, operations, refused, last } = inspection
    const known = { session, operations, refused, lastAt: last?.at }
    if (!report.ok) return { kind: 'damaged', ...known, head: report.head, findings: report.findings }
    if (report.endReason !== undefined) {
      return { kind: 'ended', ...known, head: report.head, reason: report.endReason, tailBytes: 0 }
    }
    const reason = options.reasonFor?.(session) ?? 'gateway_lost'
    const head = await endRecording({ path, session, inspection, reason, at: options.clock().toISOString() })
    return { kind: 'ended', ...known, head, reason, tailBytes: inspection.bytes - inspection.wholeBytes }
  } catch (error) {
    return { kind: 'failed', session, error }
  }
}

/** Adds the `end` event; gives the new last link. A recording that has not even a first line gets one. */
async function endRecording({
  path,
  session,
  inspection,
  reason,
  at,
}: {
  readonly path: string
  readonly session: SessionId
  readonly inspection: Inspection
  readonly reason: EndReason
  readonly at: string
}): Promise<string> {
  const { report, wholeBytes, bytes, last } = inspection
  if (wholeBytes < bytes) await cutTail({ path, wholeBytes, bytes })
  const encoder = new LineEncoder({ session, after: { seq: report.seq, head: report.head } })
  const header = wholeBytes === 0 ? encoder.begin() : ''
  // The time that went by since the last event is not known: the day's clock tells it, the other one stands still.
  const end = encoder.encode({ kind: 'end', reason }, { at, t: last?.t ?? 0 })
  const file = reopenAppendFile(path)
  try {
    file.append(Buffer.from(header + end))
  } catch (error) {
    file.abandon()
    throw error
  }
  await file.finish()
  return encoder.head
}
