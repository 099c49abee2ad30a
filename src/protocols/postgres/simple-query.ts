import { query, readErrorFields } from './codec.js'
import { boundReason, readOwnRow } from './own-row.js'
import { type SmallFrame, SmallFrameReader } from './small-frame-reader.js'

/** One row of the gateway's own queries: names and numbers, never data of anyone. */
const MESSAGE_BYTES_MAX = 1024 * 1024
const COLUMNS_MAX = 64

/** What comes back from a text, in order. */
export type SimpleQueryEvent =
  | { readonly kind: 'row'; readonly statement: number; readonly cells: readonly (string | null)[] }
  | { readonly kind: 'done' }
  /** `at` is the statement that the target answered with an error; undefined where the target itself is at fault. */
  | { readonly kind: 'failed'; readonly message: string; readonly at: number | undefined }

/**
 * Asks one text of the gateway's own and reads the rows of all its statements, as text. PostgreSQL protocol, "Simple
 * Query". For connections that are the gateway's alone; a client's never comes here (invariant 9).
 */
export class SimpleQuery {
  readonly bytes: Buffer
  readonly #reader = new SmallFrameReader({ messageBytesMax: MESSAGE_BYTES_MAX })
  #statement = 0
  #error: string | undefined
  #isOver = false

  constructor(text: string) {
    this.bytes = query(text)
  }

  fromTarget(chunk: Buffer): readonly SimpleQueryEvent[] {
    if (this.#isOver) return []
    this.#reader.push(chunk)
    const events: SimpleQueryEvent[] = []
    while (!this.#isOver) {
      const frame = this.#reader.takeMessage()
      if (frame === undefined) break
      const event = frame.kind === 'fault' ? failed(frame.reason) : this.#message(frame)
      if (event === undefined) continue
      this.#isOver = event.kind !== 'row'
      events.push(event)
    }
    return events
  }

  #message({ tag, body }: SmallFrame): SimpleQueryEvent | undefined {
    switch (tag) {
      case 'D':
        return this.#row(body)
      case 'C':
      case 'I':
        this.#statement += 1
        return undefined
      case 'E':
        this.#error = readErrorFields(body).get('M') ?? 'an error without a text'
        return undefined
      case 'Z':
        return this.#error === undefined ? { kind: 'done' } : failed(this.#error, this.#statement)
      case 'T':
      case 'S':
      case 'N':
      case 'A':
        return undefined
      default:
        // Not understood is not passed over: the target is not trusted.
        return failed('the target sent a message out of turn')
    }
  }

  #row(body: Buffer): SimpleQueryEvent {
    const cells = readOwnRow(body, COLUMNS_MAX)
    return typeof cells === 'string' ? failed(cells) : { kind: 'row', statement: this.#statement, cells }
  }
}

function failed(message: string, at?: number): SimpleQueryEvent {
  return { kind: 'failed', message: boundReason(message), at }
}
