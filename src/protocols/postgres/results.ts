import type { CopyUse } from '../../domain/facts.js'
import type { ColumnSource, RowPlan, StatementMasking } from '../../masking/statement-masking.js'
import { writeMessage } from './codec.js'
import { CopyMasker } from './copy.js'
import type { Outcome, Treatment } from './frames.js'
import type { Joint } from './joint.js'
import type { Output } from './output.js'
import type { Owed } from './owed.js'
import { RowMasker, readRow, withFormats } from './rows.js'
import { maskedColumn, type ResultEnd, type Run } from './run.js'

/** The largest row that is gathered to be masked. */
const MASKED_ROW_BYTES_MAX = 64 * 1024 * 1024

const NEWLINE = 0x0a

/** A plan and what it was made for: many results of one statement have the same description. */
interface PlanSlot {
  readonly columns: readonly ColumnSource[]
  readonly statement: number
  readonly plan: RowPlan | undefined
}

/**
 * The result that is coming in: counts its rows, keeps the first for the recording, masks them by the plan of the
 * statement that they answer. `count` is the hot path: a header read a row.
 */
export class Results {
  readonly #joint: Joint
  readonly #output: Output
  readonly #plans = new WeakMap<StatementMasking, PlanSlot>()
  #mode: 'closed' | 'count' | 'sample' | 'mask' = 'closed'
  #run: Run | undefined
  #columns: readonly ColumnSource[] | undefined
  #rowMasker: RowMasker | undefined
  #copyMasker: CopyMasker | undefined
  #plan: RowPlan | undefined

  constructor(joint: Joint, output: Output) {
    this.#joint = joint
    this.#output = output
  }

  /** The operation whose rows are coming in. */
  get run(): Run | undefined {
    return this.#run
  }

  /** Rows of this shape follow. False when they may not pass. */
  openRows(run: Run, columns: readonly ColumnSource[] | undefined): boolean {
    const { masking } = run
    // INVARIANT 4: a row of unknown shape has no plan. Fail closed.
    if (masking !== undefined && columns === undefined) return false
    const plan = columns === undefined ? undefined : this.#planRows(run, columns)
    if (plan !== undefined && plan.length !== columns?.length) return false
    run.phase = 'rows'
    run.open(columns)
    this.#open(run, columns)
    this.#plan = plan
    if (plan !== undefined) {
      this.#rowMasker = new RowMasker(plan)
      this.#mode = 'mask'
    }
    return true
  }

  /** The first rows of an Execute: described before, by the client or by us; otherwise only for the recording. */
  openExecute(owed: Owed & { readonly kind: 'execute' }): boolean {
    const { portal, run } = owed
    const described = portal?.prepared?.columns
    const guess = described === undefined ? undefined : withFormats(described, portal?.formats ?? [])
    return this.openRows(run, portal?.columns ?? (run.masking === undefined ? guess : undefined))
  }

  /** COPY data follows. False when it may not pass. */
  openCopy(run: Run, format: number, columnCount: number): boolean {
    run.phase = 'copyOut'
    const copy = nthCopyOut(run, run.copiesOut)
    run.copiesOut += 1
    const plan = run.masking?.planCopy(columnCount, run.completed)
    if (plan !== undefined) {
      if (copy === undefined || format !== 0 || plan.length !== columnCount) return false
      this.#copyMasker = CopyMasker.over(copy, plan)
      if (this.#copyMasker === undefined) return false
    }
    run.open(undefined)
    this.#open(run, undefined)
    this.#plan = plan
    if (plan !== undefined) this.#mode = 'mask'
    return true
  }

  /** A DataRow or CopyData of this length begins. */
  header(length: number): Treatment {
    const run = this.#run
    if (run === undefined) return 'stop'
    if (this.#mode === 'mask') {
      if (length > MASKED_ROW_BYTES_MAX) {
        this.#joint.close('limit_exceeded', `a row to be masked has ${length} bytes`)
        return 'stop'
      }
      return 'whole'
    }
    run.rowCount += 1
    run.byteCount += length + 1
    if (this.#mode === 'sample') {
      if (run.wants(length + 1)) return 'whole'
      this.#mode = 'count'
    }
    return 'pass'
  }

  /** A whole DataRow. `flush` sends the run of passing bytes before it. */
  row(bytes: Buffer, start: number, end: number, flush: () => void): Outcome {
    const run = this.#run
    const masker = this.#rowMasker
    if (run === undefined) return 'stop'
    if (masker === undefined) {
      run.keep(readRow(bytes, start, end, this.#columns), end - start)
      return 'pass'
    }
    const outcome = masker.mask(bytes, start, end)
    if (outcome === 'broken') return this.#broken()
    const same = outcome === 'same'
    const masked = same ? bytes : masker.masked
    const [from, to] = same ? [start, end] : [0, masked.length]
    this.#keepMasked(run, to - from, () => readRow(masked, from, to, this.#columns))
    if (same) return 'pass'
    flush()
    this.#output.append(masked)
    return 'drop'
  }

  /** A whole CopyData. */
  copyRow(bytes: Buffer, start: number, end: number, flush: () => void): Outcome {
    const run = this.#run
    const masker = this.#copyMasker
    if (run === undefined) return 'stop'
    const row = bytes.subarray(start + 5, end)
    if (masker === undefined) {
      run.keep([lineOf(row)], end - start)
      return 'pass'
    }
    const masked = masker.mask(row)
    if (masked === 'broken') return this.#broken()
    const sent = masked === 'same' ? row : masked
    this.#keepMasked(run, sent.length + 5, () => [lineOf(sent)])
    if (masked === 'same') return 'pass'
    flush()
    this.#output.append(writeMessage('d', masked))
    return 'drop'
  }

  /** Rows kept so far, at the end of a chunk. */
  reportRows(): void {
    const event = this.#run?.takeRows()
    if (event !== undefined) this.#joint.record(event)
  }

  /** The result ends. */
  close(run: Run, end: ResultEnd): void {
    this.#noteMasked(run)
    run.phase = 'start'
    this.#joint.record(run.finish(end))
    this.#mode = 'closed'
    this.#run = undefined
    this.#rowMasker = undefined
    this.#copyMasker = undefined
  }

  #open(run: Run, columns: readonly ColumnSource[] | undefined): void {
    this.#run = run
    this.#columns = columns
    this.#mode = run.wants(0) ? 'sample' : 'count'
  }

  #keepMasked(run: Run, bytes: number, read: () => ReturnType<typeof readRow>): void {
    run.rowCount += 1
    run.byteCount += bytes
    if (run.wants(bytes)) run.keep(read(), bytes)
  }

  #broken(): 'stop' {
    this.#joint.close('protocol_violation', 'a row to be masked does not have the shape it should have')
    return 'stop'
  }

  #noteMasked(run: Run): void {
    const changed = this.#rowMasker?.changed ?? this.#copyMasker?.changed
    if (run !== this.#run || changed === undefined) return
    run.noteMasked(
      changed.map((is, at) => {
        const rule = this.#plan?.[at]?.rule
        return is && rule !== undefined
          ? maskedColumn(this.#columns?.[at]?.name ?? `${at + 1}`, rule)
          : undefined
      }),
    )
  }

  /** Each statement of a text ends with a CommandComplete, so their number says which one these rows answer. */
  #planRows({ masking, completed }: Run, columns: readonly ColumnSource[]): RowPlan | undefined {
    if (masking === undefined) return undefined
    const slot = this.#plans.get(masking)
    if (slot?.columns === columns && slot.statement === completed) return slot.plan
    const plan = masking.planRows(columns, completed)
    this.#plans.set(masking, { columns, statement: completed, plan })
    return plan
  }
}

/** The COPY TO STDOUT that a CopyOutResponse answers, among those of the text. */
function nthCopyOut(run: Run, nth: number): CopyUse | undefined {
  const facts = run.verdict?.statements ?? []
  const copies = facts.flatMap(({ flow: { copy } }) =>
    copy?.direction === 'out' && copy.through === 'client' ? [copy] : [],
  )
  return copies[nth]
}

/** COPY data as one line of text, without the end of the line. */
function lineOf(row: Buffer): string {
  return row.toString('utf8', 0, row.at(-1) === NEWLINE ? row.length - 1 : row.length)
}
