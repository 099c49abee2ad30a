import type { RecordingEvent } from '../domain/event.js'
import type { SessionId } from '../domain/ids.js'
import { HoopError } from '../lib/hoop-error.js'
import { CHAIN_START, makeChain } from './chain.js'
import { type EventTime, FORMAT_NAME, FORMAT_VERSION, LINE_BYTES_MAX } from './recorded-event.js'

/** Turns the events of one session into what is appended to its recording. Holds the place in the chain. */
export interface EventEncoder {
  /** The number of the last event; 0 before the first. */
  readonly seq: number
  /** The last link of the chain. */
  readonly head: string
  /** What a new recording starts with. Called once, before any event. */
  begin(): string
  /** What an event adds. Fails with `recording_failed` when it is too large to be read again; nothing is taken then. */
  encode(event: RecordingEvent, time: EventTime): string
}

/** Where a recording stands, so that it can be continued. */
export interface RecordingPlace {
  readonly seq: number
  readonly head: string
}

// JSON leaves these as they are, and a terminal does not: DEL, C1 controls, soft hyphen, bidirectional controls, marks
// without width, line separators, tags. Escaped, a raw recording is safe to look at.
const ACTIVE =
  /[\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]|\udb40[\udc00-\udfff]/g
const ACTIVE_ONE = new RegExp(ACTIVE.source)

/** Bytes that one UTF-16 unit can take in UTF-8. */
const UNIT_BYTES_MAX = 3

/** The first form of a recording: lines of JSON, each with the link to those before it. `docs/recording-format.md`. */
export class LineEncoder implements EventEncoder {
  readonly #session: SessionId
  #seq: number
  #head: string

  /** A new recording, or the continuation of one at `after`. */
  constructor({ session, after }: { readonly session: SessionId; readonly after?: RecordingPlace }) {
    this.#session = session
    this.#seq = after?.seq ?? 0
    this.#head = after?.head ?? CHAIN_START
  }

  get seq(): number {
    return this.#seq
  }

  get head(): string {
    return this.#head
  }

  begin(): string {
    return this.#link(
      JSON.stringify({ format: FORMAT_NAME, version: FORMAT_VERSION, session: this.#session }),
    )
  }

  encode(event: RecordingEvent, { at, t }: EventTime): string {
    const seq = this.#seq + 1
    const line = this.#link(encodeEvent(event, { seq, at, t }))
    this.#seq = seq
    return line
  }

  #link(sealed: string): string {
    if (isTooLong(sealed)) {
      throw new HoopError(
        'recording_failed',
        `Cannot record event ${this.#seq + 1}: it is larger than ${LINE_BYTES_MAX / 1024 / 1024} MiB`,
      )
    }
    this.#head = makeChain(this.#head, sealed)
    return `${sealed.slice(0, -1)},"chain":"${this.#head}"}\n`
  }
}

/**
 * One event as JSON without its link. The fields of the recorder come first, so that they are found without reading the
 * rest. The event is turned into text once and never copied: this runs for each statement.
 */
export function encodeEvent(
  event: RecordingEvent,
  { seq, at, t }: EventTime & { readonly seq: number },
): string {
  const json = `{"seq":${seq},"at":"${at}","t":${t},${JSON.stringify(event).slice(1)}`
  return ACTIVE_ONE.test(json) ? json.replace(ACTIVE, escapeUnits) : json
}

function escapeUnits(text: string): string {
  let escaped = ''
  for (let index = 0; index < text.length; index += 1) {
    escaped += `\\u${text.charCodeAt(index).toString(16).padStart(4, '0')}`
  }
  return escaped
}

/** Room for the link is left: the limit is for the whole line. */
function isTooLong(sealed: string): boolean {
  const bytesMax = LINE_BYTES_MAX - 64
  return sealed.length * UNIT_BYTES_MAX > bytesMax && Buffer.byteLength(sealed) > bytesMax
}
