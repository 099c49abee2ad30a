import { CATALOG_PREAMBLE } from './catalog-queries.js'
import { bind, execute, parse, query, readErrorFields, sync } from './codec.js'
import { boundReason, readOwnRow } from './own-row.js'
import { type SmallFrame, SmallFrameReader } from './small-frame-reader.js'

/** One row of an answer: names and digests, never data of anyone. */
const MESSAGE_BYTES_MAX = 64 * 1024
const COLUMNS_MAX = 16
/** The target gives up by itself; the gateway waits a little longer than that. */
const PREAMBLE = [
  ...CATALOG_PREAMBLE,
  "SET LOCAL statement_timeout = '4s'",
  "SET LOCAL lock_timeout = '2s'",
].join('; ')
/** ReadyForQuery comes for the preamble, for the Sync and for the end of the transaction. */
const READY_MESSAGES = 3

/** What comes back, in order; `done` and `failed` are the last, and after `done` the connection can be used again. */
export type OwnQueryEvent =
  | { readonly kind: 'row'; readonly cells: readonly (string | null)[] }
  | { readonly kind: 'done' }
  | { readonly kind: 'failed'; readonly message: string }

/** A text of the gateway's own, and values for `$1`, `$2`, …, in the text format. */
export interface OwnQueryOptions {
  readonly text: string
  readonly parameters: readonly string[]
}

/**
 * Asks one statement in a transaction of its own, with one round trip, for connections that are the gateway's alone.
 * INVARIANT 9: what comes of a client are values of parameters (PostgreSQL protocol, "Extended Query"), never text.
 */
export class OwnQuery {
  readonly bytes: Buffer
  readonly #reader = new SmallFrameReader({ messageBytesMax: MESSAGE_BYTES_MAX })
  #readyLeft = READY_MESSAGES
  #error: string | undefined
  #isOver = false

  constructor({ text, parameters }: OwnQueryOptions) {
    const values = parameters.map(value => Buffer.from(value, 'utf8'))
    this.bytes = Buffer.concat([
      query(PREAMBLE),
      ...[parse({ text }), bind({ values }), execute(), sync()],
      query('COMMIT'),
    ])
  }

  fromTarget(chunk: Buffer): readonly OwnQueryEvent[] {
    if (this.#isOver) return []
    this.#reader.push(chunk)
    const events: OwnQueryEvent[] = []
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

  #message({ tag, body }: SmallFrame): OwnQueryEvent | undefined {
    switch (tag) {
      case 'D':
        return readRow(body)
      case 'E':
        // The first one says why; those after it say that the transaction is aborted.
        this.#error ??= readErrorFields(body).get('M') ?? 'an error without a text'
        return undefined
      case 'Z':
        this.#readyLeft -= 1
        if (this.#readyLeft > 0) return undefined
        return this.#error === undefined ? { kind: 'done' } : failed(this.#error)
      case '1':
      case '2':
      case 'C':
      case 'S':
      case 'N':
      case 'A':
        return undefined
      default:
        // Not understood is not passed over: the target is not trusted.
        return failed('the target sent a message out of turn')
    }
  }
}

/** An array of names as a value in the text format; null stands for NULL. PostgreSQL manual, section 8.15.6. */
export function nameArray(names: readonly (string | null)[]): string {
  const quoted = names.map(name => (name === null ? 'NULL' : `"${name.replaceAll(/["\\]/g, '\\$&')}"`))
  return `{${quoted.join(',')}}`
}

function readRow(body: Buffer): OwnQueryEvent {
  const cells = readOwnRow(body, COLUMNS_MAX)
  return typeof cells === 'string' ? failed(cells) : { kind: 'row', cells }
}

function failed(message: string): OwnQueryEvent {
  return { kind: 'failed', message: boundReason(message) }
}
