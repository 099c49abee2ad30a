import type { RecordedValue } from '../domain/event.js'
import { describeValue } from './describe-value.js'
import { toPrintable } from './printable.js'
import { cutToWidth, widthOf } from './text-width.js'

/** Rows that are shown of one result; the recording may hold more. */
export const TABLE_ROWS_MAX = 1000
/** Columns of a terminal that one cell takes at most. */
export const CELL_WIDTH_MAX = 48
/** Cells of one row that are looked at; a result can have 1,600. */
const CELLS_MAX = 64
/** UTF-16 units of a value that are looked at: what is behind them cannot be seen in a cell. */
const CELL_UNITS_MAX = CELL_WIDTH_MAX * 16
const SEPARATOR = ' | '

/** The rows of one result that are kept to be shown, already cut to what is seen of them. Memory is bounded. */
export class TextTable {
  #columns: readonly string[] | undefined
  readonly #rows: (readonly string[])[] = []
  #rowsTaken = 0
  #cellsMost = 0

  /** Rows taken, shown or not. */
  get rowsTaken(): number {
    return this.#rowsTaken
  }

  /** Rows taken that are held to be shown. */
  get rowsHeld(): number {
    return this.#rows.length
  }

  /** Rows taken that are not shown. */
  get rowsHidden(): number {
    return this.#rowsTaken - this.#rows.length
  }

  /** Takes rows of the result, and holds at most `rowsMax` of these. The first columns given count. */
  add({
    columns,
    rows = [],
    rowsMax = TABLE_ROWS_MAX,
  }: {
    readonly columns?: readonly string[]
    readonly rows?: readonly (readonly RecordedValue[])[]
    readonly rowsMax?: number
  }): void {
    if (columns !== undefined) this.#columns ??= this.#cells(columns)
    this.#rowsTaken += rows.length
    const room = Math.min(TABLE_ROWS_MAX - this.#rows.length, rowsMax)
    for (const row of rows.slice(0, Math.max(0, room))) this.#rows.push(this.#cells(row.map(describeValue)))
  }

  /** Aligned lines of at most `widthMax` columns; columns that do not fit are counted at the end. */
  render({ widthMax }: { readonly widthMax: number }): readonly string[] {
    if (this.#columns === undefined && this.#rows.length === 0) return []
    const all = this.#columns === undefined ? this.#rows : [this.#columns, ...this.#rows]
    const widths = fittingWidths(all, widthMax)
    const lines = all.map(cells =>
      widths
        .map((width, index) => pad(cells[index] ?? '', width))
        .join(SEPARATOR)
        .trimEnd(),
    )
    const hidden = this.#cellsMost - widths.length
    return [
      ...(this.#columns === undefined
        ? lines
        : [lines[0] ?? '', widths.map(width => '-'.repeat(width)).join('-+-'), ...lines.slice(1)]),
      ...(hidden > 0 ? [`(and ${hidden} more columns)`] : []),
    ]
  }

  #cells(values: readonly string[]): readonly string[] {
    this.#cellsMost = Math.max(this.#cellsMost, values.length)
    return values.slice(0, CELLS_MAX).map(readableCell)
  }
}

function readableCell(value: string): string {
  const isLong = value.length > CELL_UNITS_MAX
  const printable = toPrintable(isLong ? value.slice(0, CELL_UNITS_MAX) : value)
  // What was not looked at is cut too: the mark of the cut must not be missing.
  return cutToWidth(isLong ? `${printable}…` : printable, CELL_WIDTH_MAX)
}

function fittingWidths(all: readonly (readonly string[])[], widthMax: number): readonly number[] {
  const widths: number[] = []
  let total = 0
  for (let index = 0; index < CELLS_MAX; index += 1) {
    const cells = all.flatMap(row => row[index] ?? [])
    const width = cells.reduce((widest, cell) => Math.max(widest, widthOf(cell)), 0)
    total += width + SEPARATOR.length
    if (cells.length === 0 || (index > 0 && total > widthMax + SEPARATOR.length)) break
    widths.push(width)
  }
  return widths
}

function pad(cell: string, width: number): string {
  return cell + ' '.repeat(Math.max(0, width - widthOf(cell)))
}
