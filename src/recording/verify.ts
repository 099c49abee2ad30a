import type { SessionId } from '../domain/ids.js'
import type { EndReason } from '../domain/session.js'
import { unreachable } from '../lib/unreachable.js'
import { CHAIN_START, makeChain } from './chain.js'
import { type Decoded, type EventDecoder, LineDecoder, type Seal } from './decode-lines.js'
import type { RecordedEvent } from './recorded-event.js'

/** One thing that is wrong with a recording. `line` counts from 1; the header is line 1. */
export type Finding =
  | { readonly kind: 'unreadable'; readonly line: number; readonly reason: string }
  /** The line is not the one that was linked here. */
  | { readonly kind: 'altered'; readonly line: number }
  /** Events `from` to `to` are not where they belong, before this line. */
  | { readonly kind: 'missing'; readonly line: number; readonly from: number; readonly to: number }
  /** Event `seq` comes late, or again. */
  | { readonly kind: 'reordered'; readonly line: number; readonly seq: number }
  /** There is something behind the `end` event. */
  | { readonly kind: 'after_end'; readonly line: number }
  /** The recording stops before its `end` event. */
  | { readonly kind: 'truncated'; readonly line: number }
  /** The recording is of another session than was asked for, or than its header says. */
  | { readonly kind: 'other_session'; readonly line: number }
  /** The last link is not the one that was kept elsewhere: all of it may have been written anew. */
  | { readonly kind: 'head_differs'; readonly line: number }

/** What is known of a recording from elsewhere. */
export interface VerifyOptions {
  readonly session?: SessionId
  /** The last link, as `Recorder.close` gave it. */
  readonly head?: string
  /** True while the session goes on: no `end` event is owed, and the last line may be half written. */
  readonly live?: boolean
}

/** The answer of a verification. */
export interface VerifyReport {
  /** True when nothing was found. */
  readonly ok: boolean
  /** The first of what was found, at most `FINDINGS_MAX`. */
  readonly findings: readonly Finding[]
  readonly findingCount: number
  readonly session: SessionId | undefined
  readonly eventCount: number
  readonly byteCount: number
  /** Why the session ended; undefined without an `end` event. */
  readonly endReason: EndReason | undefined
  /** Number of the last event in order, and the last link as the recording has it. */
  readonly seq: number
  readonly head: string
}

/** More findings than these are only counted. */
export const FINDINGS_MAX = 100

/**
 * Verifies a recording in one pass over chunks of any size, in flat memory, and gives back the events it read, so that a
 * recording need not be read twice to be shown. Events are given whether or not something was found before them.
 */
export class RecordingVerifier {
  readonly #decoder: EventDecoder
  readonly #options: VerifyOptions
  readonly #findings: Finding[] = []
  #findingCount = 0
  #session: SessionId | undefined
  #eventCount = 0
  #byteCount = 0
  #line = 0
  #seq = 0
  #head = CHAIN_START
  #endReason: EndReason | undefined

  constructor(options: VerifyOptions = {}, decoder: EventDecoder = new LineDecoder()) {
    this.#options = options
    this.#decoder = decoder
  }

  /** Takes the next chunk; gives the events it completes. */
  push(chunk: Uint8Array): readonly RecordedEvent[] {
    this.#byteCount += chunk.length
    return this.#decoder.push(chunk).flatMap(decoded => this.#take(decoded))
  }

  /** Says what was found. Nothing may be pushed after it. */
  finish(): VerifyReport {
    for (const decoded of this.#decoder.finish()) this.#take(decoded)
    const { head, live = false } = this.#options
    if (this.#endReason === undefined && !live) this.#find({ kind: 'truncated', line: this.#line })
    if (head !== undefined && head !== this.#head) this.#find({ kind: 'head_differs', line: this.#line })
    return {
      ok: this.#findingCount === 0,
      findings: this.#findings,
      findingCount: this.#findingCount,
      session: this.#session,
      eventCount: this.#eventCount,
      byteCount: this.#byteCount,
      endReason: this.#endReason,
      seq: this.#seq,
      head: this.#head,
    }
  }

  #take(decoded: Decoded): readonly RecordedEvent[] {
    const { line } = decoded
    this.#line = line
    if (this.#endReason !== undefined) this.#find({ kind: 'after_end', line })
    switch (decoded.kind) {
      case 'unreadable': {
        const { reason, cut } = decoded
        const isHalfWritten = cut && this.#options.live === true
        if (!isHalfWritten) this.#find({ kind: 'unreadable', line, reason })
        return []
      }
      case 'header':
        this.#session = decoded.header.session
        this.#checkSession(decoded.header.session, line)
        this.#checkLink(decoded.seal, line)
        return []
      case 'event':
        this.#takeEvent(decoded.event, decoded.seal, line)
        return [decoded.event]
      default:
        return unreachable(decoded)
    }
  }

  #takeEvent(event: RecordedEvent, seal: Seal, line: number): void {
    const { seq } = event
    this.#eventCount += 1
    if (event.kind === 'session') this.#checkSession(event.session, line)
    if (seq <= this.#seq) {
      // The link goes on from the line that was in its place, so that only this one is reported.
      this.#find({ kind: 'reordered', line, seq })
      return
    }
    if (seq === this.#seq + 1) this.#checkLink(seal, line)
    else {
      this.#find({ kind: 'missing', line, from: this.#seq + 1, to: seq - 1 })
      this.#head = seal.chain
    }
    this.#seq = seq
    if (event.kind === 'end') this.#endReason = event.reason
  }

  #checkLink({ sealed, chain }: Seal, line: number): void {
    if (makeChain(this.#head, sealed) !== chain) this.#find({ kind: 'altered', line })
    this.#head = chain
  }

  #checkSession(session: SessionId, line: number): void {
    const wanted = this.#options.session ?? this.#session
    if (wanted !== undefined && session !== wanted) this.#find({ kind: 'other_session', line })
  }

  #find(finding: Finding): void {
    this.#findingCount += 1
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(finding)
  }
}

/** Verifies a recording that comes in chunks, from a file or over the network. Never throws for what the bytes are. */
export async function verifyRecording(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  const verifier = new RecordingVerifier(options)
  for await (const chunk of chunks) verifier.push(chunk)
  return verifier.finish()
}

/** A finding as half a sentence for people. */
export function describeFinding(finding: Finding): string {
  const { line } = finding
  switch (finding.kind) {
    case 'unreadable':
      return `line ${line} cannot be read: ${finding.reason}`
    case 'altered':
      return `line ${line} was altered`
    case 'missing':
      return `events ${finding.from} to ${finding.to} are missing before line ${line}`
    case 'reordered':
      return `line ${line} holds event ${finding.seq} late or again`
    case 'after_end':
      return `line ${line} comes after the end`
    case 'truncated':
      return `the recording stops after line ${line}, before its end`
    case 'other_session':
      return `line ${line} belongs to another session`
    case 'head_differs':
      return 'the last link is not the one that was kept when the session ended'
    default:
      return unreachable(finding)
  }
}
