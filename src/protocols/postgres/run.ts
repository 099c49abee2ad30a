import type { ResultLimits } from '../../domain/connection.js'
import type { RecordedValue, RecordingEvent } from '../../domain/event.js'
import type { RuleName } from '../../domain/names.js'
import type { ColumnSource, StatementMasking } from '../../masking/statement-masking.js'
import type { Verdict } from '../protocol.js'
import type { Effect } from './effects.js'
import type { Refusal } from './refusal.js'

type ResultEvent = Extract<RecordingEvent, { kind: 'result' }>
type Masked = NonNullable<ResultEvent['masked']>[number]

/** What a run is made of. */
export interface RunOptions {
  readonly operation: number
  readonly limits: ResultLimits
  readonly verdict: Verdict | undefined
  readonly refusal: Refusal | undefined
  readonly effects: readonly Effect[]
}

/** How a result ended, for the recording. */
export interface ResultEnd {
  readonly outcome: ResultEvent['outcome']
  readonly tag?: string
  readonly error?: { readonly code: string; readonly message: string }
}

/**
 * One operation while it runs: what was decided, and its results for the recording. Counts are exact; the first rows
 * are kept up to the limits, which hold for all results of the operation together.
 */
export class Run {
  readonly operation: number
  readonly verdict: Verdict | undefined
  readonly refusal: Refusal | undefined
  readonly effects: readonly Effect[]
  readonly masking: StatementMasking | undefined
  /** Where its answers are: before or between results, or inside one. */
  phase: 'start' | 'rows' | 'copyOut' | 'copyIn' | 'failed' = 'start'
  /** True once anything of it failed. */
  failed = false
  /** Statements of the text that have run. */
  completed = 0
  /** COPY TO STDOUT responses seen, to find the COPY of a text with several. */
  copiesOut = 0
  rowCount = 0
  byteCount = 0
  readonly #limits: ResultLimits
  #keptRows = 0
  #keptBytes = 0
  #pending: (readonly RecordedValue[])[] = []
  #columns: readonly string[] | undefined
  #masked: readonly (Masked | undefined)[] = []
  #reported = 0

  constructor(options: RunOptions) {
    this.operation = options.operation
    this.verdict = options.verdict
    this.refusal = options.refusal
    this.effects = options.effects
    this.masking = options.verdict?.masking
    this.#limits = options.limits
  }

  /** A result begins; its columns are unknown when nobody described it. */
  open(columns: readonly ColumnSource[] | undefined): void {
    this.#columns = columns?.map(column => column.name)
  }

  /** True while a row of this size is to be kept. */
  wants(bytes: number): boolean {
    return this.#keptRows < this.#limits.rowsMax && this.#keptBytes + bytes <= this.#limits.bytesMax
  }

  /** Keeps a row of this size on the wire. */
  keep(row: readonly RecordedValue[], bytes: number): void {
    this.#keptRows += 1
    this.#keptBytes += bytes
    this.#pending.push(row)
  }

  /** Says which columns were changed in rows that the client got, by position. */
  noteMasked(masked: readonly (Masked | undefined)[]): void {
    this.#masked = masked
  }

  /** Rows kept since the last event, at the end of a chunk. */
  takeRows(): RecordingEvent | undefined {
    if (this.#pending.length === 0) return undefined
    const rows = this.#pending
    this.#pending = []
    const columns = this.#takeColumns()
    return { kind: 'rows', operation: this.operation, ...(columns === undefined ? {} : { columns }), rows }
  }

  /** A result ends; what was counted is reset for the next one of the same operation. */
  finish(end: ResultEnd): RecordingEvent {
    const columns = this.#takeColumns()
    const masked = this.#masked.filter(one => one !== undefined)
    const event: RecordingEvent = {
      kind: 'result',
      operation: this.operation,
      outcome: end.outcome,
      ...(end.tag === undefined ? {} : { tag: end.tag }),
      ...(columns === undefined ? {} : { columns }),
      ...(this.#pending.length === 0 ? {} : { rows: this.#pending }),
      rowCount: this.rowCount,
      byteCount: this.byteCount,
      ...(masked.length === 0 ? {} : { masked }),
      ...(end.error === undefined ? {} : { error: end.error }),
    }
    this.#pending = []
    this.#masked = []
    this.rowCount = 0
    this.byteCount = 0
    this.#reported += 1
    return event
  }

  /** True once a result was reported: an operation without any still owes one at the end. */
  get isReported(): boolean {
    return this.#reported > 0
  }

  #takeColumns(): readonly string[] | undefined {
    const columns = this.#columns
    this.#columns = undefined
    return columns
  }
}

/** A column and the rule that masked it, as a recording names them. */
export function maskedColumn(column: string, rule: RuleName): Masked {
  return { column, rule }
}
