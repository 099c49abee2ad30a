import type { RecordingEvent } from '../domain/event.js'
import { unreachable } from '../lib/unreachable.js'
import type { RecordedEvent } from './recorded-event.js'

type OperationEvent = Extract<RecordedEvent, { readonly kind: 'operation' }>
type ResultEvent = Extract<RecordedEvent, { readonly kind: 'result' }>
type Outcome = Extract<RecordingEvent, { readonly kind: 'result' }>['outcome']

/** One operation with everything that came back, its rows left out. */
export interface OperationRecord {
  readonly asked: OperationEvent
  /** What happened in the end: the outcome of the last result, the worst where there are several; undefined without any. */
  readonly outcome: Outcome | undefined
  /** Tags of its results, in order, at most `TAGS_MAX`. */
  readonly tags: readonly string[]
  readonly rowCount: number
  readonly byteCount: number
  /** Names of masked columns, each once. */
  readonly masked: readonly string[]
  readonly error: { readonly code: string; readonly message: string } | undefined
  /** From the question to the last answer; undefined while there is none. */
  readonly durationMs: number | undefined
}

/** Operations that can be open at once before the oldest is given away as it is. */
export const OPEN_OPERATIONS_MAX = 10_000
/** Tags kept of one operation: a text of a thousand statements has a thousand. */
export const TAGS_MAX = 32
/** Masked columns kept of one operation. */
const MASKED_MAX = 256

/** From the outcome that matters least to the one that matters most. */
const OUTCOMES: readonly Outcome[] = ['completed', 'abandoned', 'failed', 'refused']

/**
 * Folds the events of a recording into operations, each given once, as soon as nothing can be added to it. One text can
 * have many results, and clients pipeline: an operation is over when a later one of the same client is answered, or its
 * client or the session ends. Holds the operations in flight and no more.
 */
export class OperationFolder {
  readonly #open = new Map<number, OperationRecord>()

  /** Takes the next event; gives the operations that are over now, oldest first. */
  push(event: RecordedEvent): readonly OperationRecord[] {
    switch (event.kind) {
      case 'operation':
        return this.#ask(event)
      case 'result':
        return this.#answer(event)
      case 'client_end':
        return this.#release(({ asked }) => asked.client === event.client)
      case 'end':
        return this.finish()
      case 'session':
      case 'client':
      case 'prepare':
      case 'review':
      case 'rows':
      case 'notice':
      case 'cancel':
        return []
      default:
        return unreachable(event)
    }
  }

  /** The operations that are still open, as far as they came. */
  finish(): readonly OperationRecord[] {
    return this.#release(() => true)
  }

  #ask(asked: OperationEvent): readonly OperationRecord[] {
    // A number that is used again is an operation of its own: nothing recorded gets lost in a list.
    const again = this.#release(one => one.asked.operation === asked.operation, [asked.operation])
    const [oldest] = this.#open.size < OPEN_OPERATIONS_MAX ? [] : this.#open.keys()
    const crowded = oldest === undefined ? [] : this.#release(() => true, [oldest])
    this.#open.set(asked.operation, startRecord(asked))
    return [...again, ...crowded]
  }

  #answer(result: ResultEvent): readonly OperationRecord[] {
    const record = this.#open.get(result.operation)
    if (record === undefined) return []
    this.#open.set(result.operation, addResult(record, result))
    const { client, operation } = record.asked
    return this.#release(({ asked, durationMs }) => {
      return asked.client === client && asked.operation < operation && durationMs !== undefined
    })
  }

  #release(
    isOver: (record: OperationRecord) => boolean,
    among: Iterable<number> = this.#open.keys(),
  ): readonly OperationRecord[] {
    const released: OperationRecord[] = []
    for (const operation of among) {
      const record = this.#open.get(operation)
      if (record === undefined || !isOver(record)) continue
      this.#open.delete(operation)
      released.push(record)
    }
    return released
  }
}

function startRecord(asked: OperationEvent): OperationRecord {
  return {
    asked,
    outcome: undefined,
    tags: [],
    rowCount: 0,
    byteCount: 0,
    masked: [],
    error: undefined,
    durationMs: undefined,
  }
}

function addResult(record: OperationRecord, result: ResultEvent): OperationRecord {
  const masked = new Set(record.masked)
  for (const { column } of result.masked ?? []) if (masked.size < MASKED_MAX) masked.add(column)
  const isWorse =
    record.outcome === undefined || OUTCOMES.indexOf(result.outcome) > OUTCOMES.indexOf(record.outcome)
  const tags = result.tag === undefined || record.tags.length >= TAGS_MAX ? [] : [result.tag]
  return {
    asked: record.asked,
    outcome: isWorse ? result.outcome : record.outcome,
    tags: [...record.tags, ...tags],
    rowCount: record.rowCount + result.rowCount,
    byteCount: record.byteCount + result.byteCount,
    masked: [...masked],
    error: record.error ?? result.error,
    durationMs: toMicroseconds(result.t - record.asked.t),
  }
}

/** The clock's own precision; a difference of two numbers has more digits than are true. */
function toMicroseconds(ms: number): number {
  return Math.max(0, Math.round(ms * 1000) / 1000)
}
