const MINUTE_MS = 60_000
/** How long before a grant's end people are told, the first time and the last. */
const WARNINGS_MS = [5 * MINUTE_MS, MINUTE_MS] as const

/** Which warnings of a grant's end were given. Each is given once; one whose time had passed at the start is not. */
export class EndWarnings {
  readonly #untilMs: number
  #left: readonly number[]

  constructor(until: Date, now: Date) {
    this.#untilMs = until.getTime()
    const leftMs = this.#untilMs - now.getTime()
    this.#left = WARNINGS_MS.filter(warningMs => leftMs > warningMs)
  }

  /** The warning that is due now: half a sentence. Undefined when none is. Costs a comparison while none is. */
  due(nowMs: number): string | undefined {
    const leftMs = this.#untilMs - nowMs
    const [next] = this.#left
    if (next === undefined || leftMs > next || leftMs <= 0) return undefined
    // A clock that jumped makes one warning of two: the last one.
    const due = this.#left.filter(warningMs => leftMs <= warningMs)
    this.#left = this.#left.filter(warningMs => leftMs > warningMs)
    const minutes = Math.round((due.at(-1) ?? next) / MINUTE_MS)
    return `the grant ends in ${minutes === 1 ? '1 minute' : `${minutes} minutes`}`
  }
}
