/** What a measurement is held to. */
export interface Budget {
  /** Which of the row's numbers the budget is about. */
  readonly of: 'ratio' | 'ours' | 'difference'
  readonly bound: 'at least' | 'at most'
  readonly value: number
}

/** One line of the table. `peer` and `ratio` are null where there is nothing to compare with. */
export interface Row {
  readonly name: string
  readonly ours: number
  readonly peer: number | null
  readonly unit: string
  readonly ratio: number | null
  readonly budget: string | null
  /** Null where there is no budget. */
  readonly reached: boolean | null
  readonly note?: string
}

export interface RowParts {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly peer?: number
  /** Ours by theirs, when that is better known than from the two medians: as the median of the rounds. */
  readonly ratio?: number
  readonly budget?: Budget
  readonly note?: string
}

/** Completes a row: its ratio, and whether the budget is reached. */
export function makeRow({ name, unit, ours, peer, budget, note, ...known }: RowParts): Row {
  const ratio = known.ratio ?? (peer === undefined ? undefined : ours / peer)
  const row = { name, ours, peer: peer ?? null, unit, ratio: ratio ?? null }
  const more = note === undefined ? {} : { note }
  if (budget === undefined) return { ...row, budget: null, reached: null, ...more }
  const value = judgedValue(budget, { ours, peer, ratio })
  const reached = budget.bound === 'at least' ? value >= budget.value : value <= budget.value
  return { ...row, budget: describeBudget(budget, unit), reached, ...more }
}

/** The rows as a table for people. */
export function renderTable(rows: readonly Row[]): string {
  const head = ['what', 'ours', 'peer', 'unit', 'ratio', 'budget', 'reached']
  const lines = rows.map(row => [
    row.name,
    showNumber(row.ours),
    row.peer === null ? '' : showNumber(row.peer),
    row.unit,
    row.ratio === null ? '' : row.ratio.toFixed(2),
    row.budget ?? '',
    row.reached === null ? '' : row.reached ? 'yes' : 'NO',
  ])
  const widths = head.map((title, at) => Math.max(title.length, ...lines.map(line => line[at]?.length ?? 0)))
  const render = (line: readonly string[]): string =>
    line
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd()
  const notes = rows.flatMap(({ name, note }) => (note === undefined ? [] : [`  ${name}: ${note}`]))
  return [
    render(head),
    render(widths.map(width => '-'.repeat(width))),
    ...lines.map(render),
    '',
    ...notes,
  ].join('\n')
}

interface Values {
  readonly ours: number
  readonly peer: number | undefined
  readonly ratio: number | undefined
}

function judgedValue({ of }: Budget, { ours, peer, ratio }: Values): number {
  if (of === 'ours') return ours
  return of === 'ratio' ? (ratio ?? Number.NaN) : ours - (peer ?? Number.NaN)
}

function describeBudget({ of, bound, value }: Budget, unit: string): string {
  const sign = bound === 'at least' ? '>=' : '<='
  if (of === 'ratio') return `${sign} ${value.toFixed(2)} x`
  return of === 'ours' ? `${sign} ${value} ${unit}` : `${sign} ${value} ${unit} more`
}

function showNumber(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
