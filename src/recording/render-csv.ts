import { describeValue } from './describe-value.js'
import { OperationFolder, type OperationRecord } from './operations.js'
import { toPrintable } from './printable.js'
import type { RecordedEvent } from './recorded-event.js'

const COLUMNS = [
  'seq',
  'at',
  'offset_ms',
  'client',
  'operation',
  'statement',
  'values',
  'verdict',
  'rule',
  'outcome',
  'tag',
  'rows',
  'bytes',
  'duration_ms',
  'masked',
  'error_code',
  'error_message',
] as const

// A program that opens the file takes a cell that begins like this for a formula; the full-width forms too. Where the
// list separator is a semicolon, one inside of a cell begins another cell.
const FORMULA = /(^|;)(\s*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20])/g

/**
 * The operations of a session as CSV, RFC 4180: one line each with CR LF, every cell quoted, no cell of more than one line,
 * none that a spreadsheet takes for a formula, none with a character that acts on a terminal. For reading, not for
 * proving: the raw recording is the evidence. An operation is given when nothing can be added to it.
 */
export class CsvRenderer {
  readonly #folder = new OperationFolder()
  #started = false

  /** The lines that the next event completes; the heading comes with the first call. */
  push(event: RecordedEvent): string {
    return this.#begin() + this.#folder.push(event).map(renderOperation).join('')
  }

  /** What is left. Nothing may be pushed after it. */
  finish(): string {
    return this.#begin() + this.#folder.finish().map(renderOperation).join('')
  }

  #begin(): string {
    if (this.#started) return ''
    this.#started = true
    return renderLine(COLUMNS)
  }
}

/** All of a session at once. */
export function renderCsv(events: Iterable<RecordedEvent>): string {
  const renderer = new CsvRenderer()
  const lines = Array.from(events, event => renderer.push(event))
  return lines.join('') + renderer.finish()
}

function renderOperation(record: OperationRecord): string {
  const { asked, outcome, tags, rowCount, byteCount, masked, error, durationMs } = record
  const cells: Readonly<Record<(typeof COLUMNS)[number], string | number | undefined>> = {
    seq: asked.seq,
    at: asked.at,
    offset_ms: asked.t,
    client: asked.client,
    operation: asked.operation,
    statement: asked.statement,
    values: asked.values?.map((value, index) => `$${index + 1} = ${describeValue(value)}`).join(', '),
    verdict: asked.decision.kind,
    rule: asked.decision.rule,
    outcome,
    tag: tags.join(', '),
    rows: rowCount,
    bytes: byteCount,
    duration_ms: durationMs,
    masked: masked.join(', '),
    error_code: error?.code,
    error_message: error?.message,
  }
  return renderLine(COLUMNS.map(column => cells[column] ?? ''))
}

function renderLine(cells: readonly (string | number)[]): string {
  return `${cells.map(renderCell).join(',')}\r\n`
}

function renderCell(cell: string | number): string {
  // Our numbers are never negative, so none of them begins a formula.
  const text = typeof cell === 'number' ? String(cell) : toPrintable(cell).replace(FORMULA, "$1'$2")
  return `"${text.replaceAll('"', '""')}"`
}
