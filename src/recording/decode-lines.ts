import { isUtf8 } from 'node:buffer'
import { readSessionId } from '../domain/ids.js'
import { CHAIN_LENGTH } from './chain.js'
import { LineSplitter, type SplitLine } from './line-splitter.js'
import { readEvent } from './read-event.js'
import {
  FORMAT_NAME,
  FORMAT_VERSION,
  LINE_BYTES_MAX,
  type RecordedEvent,
  type RecordingHeader,
} from './recorded-event.js'

/** One line of a recording, or what takes its place in a later form. `line` counts from 1. */
export type Decoded =
  | { readonly kind: 'header'; readonly line: number; readonly header: RecordingHeader; readonly seal: Seal }
  | { readonly kind: 'event'; readonly line: number; readonly event: RecordedEvent; readonly seal: Seal }
  /** `cut` is true for the last line when it does not end in a line feed: its writer was stopped, or the file was cut. */
  | { readonly kind: 'unreadable'; readonly line: number; readonly reason: string; readonly cut: boolean }

/** What a line says its link is, and the bytes the link is made of. */
export interface Seal {
  readonly sealed: Uint8Array
  readonly chain: string
}

/** Reads a recording in chunks of any size. Total: whatever the bytes, each line gives one answer. */
export interface EventDecoder {
  push(chunk: Uint8Array): readonly Decoded[]
  finish(): readonly Decoded[]
}

/** Bytes of `,"chain":"…"}` at the end of each line. */
const SUFFIX_BYTES = CHAIN_LENGTH + 12
const SUFFIX = /^,"chain":"([A-Za-z0-9_-]{43})"\}$/
const CLOSING_BRACE = Buffer.from('}')

/** Reads the first form of a recording: lines of JSON. `docs/recording-format.md`. */
export class LineDecoder implements EventDecoder {
  readonly #splitter = new LineSplitter({ lineBytesMax: LINE_BYTES_MAX })
  #line = 0

  push(chunk: Uint8Array): readonly Decoded[] {
    return this.#splitter.push(chunk).map(line => this.#decode(line))
  }

  finish(): readonly Decoded[] {
    const rest = this.#splitter.finish()
    if (rest === undefined) return []
    this.#line += 1
    return [{ kind: 'unreadable', line: this.#line, reason: 'it does not end in a line feed', cut: true }]
  }

  #decode({ bytes }: SplitLine): Decoded {
    this.#line += 1
    const line = this.#line
    const decoded = bytes === undefined ? `it is longer than ${LINE_BYTES_MAX} bytes` : readLine(bytes, line)
    return typeof decoded === 'string' ? { kind: 'unreadable', line, reason: decoded, cut: false } : decoded
  }
}

/** A line, or why it is none. */
function readLine(bytes: Buffer, line: number): Decoded | string {
  if (!isUtf8(bytes)) return 'it is not UTF-8'
  const chain = SUFFIX.exec(bytes.toString('latin1', Math.max(0, bytes.length - SUFFIX_BYTES)))?.[1]
  if (chain === undefined) return 'it does not end in a "chain" field'
  const sealed = Buffer.concat([bytes.subarray(0, bytes.length - SUFFIX_BYTES), CLOSING_BRACE])
  const json = parseJson(sealed)
  if (json === undefined) return 'it is not JSON'
  const seal = { sealed, chain }
  if (line === 1) {
    const header = readHeader(json)
    return typeof header === 'string' ? header : { kind: 'header', line, header, seal }
  }
  const event = readEvent(json)
  return event === undefined ? 'it is no event that this version knows' : { kind: 'event', line, event, seal }
}

function readHeader(json: unknown): RecordingHeader | string {
  if (typeof json !== 'object' || json === null) return 'it is no header'
  if (!('format' in json) || json.format !== FORMAT_NAME) return `it is no header of a ${FORMAT_NAME}`
  if (!('version' in json) || json.version !== FORMAT_VERSION) {
    return `its version is not ${FORMAT_VERSION}: a newer hoop may have written it`
  }
  const session =
    'session' in json && typeof json.session === 'string' ? readSessionId(json.session) : undefined
  return session === undefined ? 'it names no session' : { version: FORMAT_VERSION, session }
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    // Not JSON is an answer like any other; undefined is no JSON value.
    return undefined
  }
}
