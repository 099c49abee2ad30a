import type { EndReason } from '../domain/session.js'
import { OperationFolder, type OperationRecord } from './operations.js'
import type { RecordedEvent } from './recorded-event.js'

/** A session in numbers. */
export interface RecordingSummary {
  readonly startedAt: string | undefined
  readonly lastAt: string | undefined
  /** From the first event to the last, by the clock that does not jump. */
  readonly durationMs: number
  readonly endReason: EndReason | undefined
  readonly clients: number
  readonly operations: number
  readonly allowed: number
  readonly denied: number
  /** Denials by rule. */
  readonly deniedByRule: Readonly<Record<string, number>>
  readonly rowCount: number
  readonly byteCount: number
  /** Operations whose answer had a masked column of this name. */
  readonly maskedColumns: Readonly<Record<string, number>>
  /** Failed operations by error code. */
  readonly errors: Readonly<Record<string, number>>
  /** The slowest operations, slowest first, at most `SLOWEST_MAX`. */
  readonly slowest: readonly OperationTime[]
}

/** How long one operation took. */
export interface OperationTime {
  readonly operation: number
  readonly client: number
  readonly offsetMs: number
  readonly durationMs: number
}

/** Operations listed by their time. */
export const SLOWEST_MAX = 20
/** Different names counted in one table; what is beyond is counted under `OTHER_NAME`. */
export const NAMES_MAX = 1000
/** No column, code or rule has this name. */
export const OTHER_NAME = '(others)'

/** Counts a session while its events go by, in flat memory. */
export class Summarizer {
  readonly #folder = new OperationFolder()
  readonly #deniedByRule = new Map<string, number>()
  readonly #maskedColumns = new Map<string, number>()
  readonly #errors = new Map<string, number>()
  #slowest: readonly OperationTime[] = []
  #first: RecordedEvent | undefined
  #last: RecordedEvent | undefined
  #clients = 0
  #operations = 0
  #denied = 0
  #rowCount = 0
  #byteCount = 0

  push(event: RecordedEvent): void {
    this.#first ??= event
    this.#last = event
    if (event.kind === 'client') this.#clients += 1
    for (const record of this.#folder.push(event)) this.#count(record)
  }

  /** Nothing may be pushed after it. */
  finish(): RecordingSummary {
    for (const record of this.#folder.finish()) this.#count(record)
    return {
      startedAt: this.#first?.at,
      lastAt: this.#last?.at,
      durationMs: (this.#last?.t ?? 0) - (this.#first?.t ?? 0),
      endReason: this.#last?.kind === 'end' ? this.#last.reason : undefined,
      clients: this.#clients,
      operations: this.#operations,
      allowed: this.#operations - this.#denied,
      denied: this.#denied,
      deniedByRule: toRecord(this.#deniedByRule),
      rowCount: this.#rowCount,
      byteCount: this.#byteCount,
      maskedColumns: toRecord(this.#maskedColumns),
      errors: toRecord(this.#errors),
      slowest: this.#slowest,
    }
  }

  #count({ asked, masked, error, rowCount, byteCount, durationMs }: OperationRecord): void {
    this.#operations += 1
    this.#rowCount += rowCount
    this.#byteCount += byteCount
    if (asked.decision.kind === 'deny') {
      this.#denied += 1
      increment(this.#deniedByRule, asked.decision.rule)
    }
    for (const column of masked) increment(this.#maskedColumns, column)
    // The error of a refusal is ours, and counted as a denial.
    if (error !== undefined && asked.decision.kind === 'allow') increment(this.#errors, error.code)
    if (durationMs === undefined) return
    const { operation, client, t } = asked
    this.#slowest = insertSlow(this.#slowest, { operation, client, offsetMs: t, durationMs })
  }
}

/** The summary of events that are all at hand. */
export function summarizeRecording(events: Iterable<RecordedEvent>): RecordingSummary {
  const summarizer = new Summarizer()
  for (const event of events) summarizer.push(event)
  return summarizer.finish()
}

function increment(counts: Map<string, number>, name: string): void {
  const key = counts.has(name) || counts.size < NAMES_MAX ? name : OTHER_NAME
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

function toRecord(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  // Names come from the target: without a prototype, `__proto__` is a name like any other.
  const record: Record<string, number> = Object.create(null)
  for (const [name, count] of counts) record[name] = count
  return record
}

function insertSlow(slowest: readonly OperationTime[], time: OperationTime): readonly OperationTime[] {
  const last = slowest.at(-1)
  if (slowest.length >= SLOWEST_MAX && last !== undefined && last.durationMs >= time.durationMs)
    return slowest
  return [...slowest, time].sort((a, b) => b.durationMs - a.durationMs).slice(0, SLOWEST_MAX)
}
