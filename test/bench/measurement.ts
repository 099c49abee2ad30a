import type { Bed } from './bed.js'
import type { Row } from './row.js'

/** What one measurement may use. */
export interface Measuring {
  readonly bed: Bed
  /** Shorter and fewer rounds: to see that it runs, and roughly where it stands. */
  readonly quick: boolean
  /** One line for whoever waits. */
  readonly tell: (message: string) => void
}

/** A measurement under its name; it may be skipped when something it compares with is missing. */
export interface Measurement {
  readonly name: string
  readonly run: (measuring: Measuring) => Promise<readonly Row[]>
}
