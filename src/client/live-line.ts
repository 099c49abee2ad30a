import { toPrintable } from '../recording/printable.js'
import { cutToWidth } from '../recording/text-width.js'

/** How often the line is said again where it cannot be written over. */
const PLAIN_EVERY_MS = 30_000
const LIVE_EVERY_MS = 1_000
/** Back to the left edge, and the line is cleared (ECMA-48, CR and EL). */
const CLEAR = '\r\u001b[K'
const COLUMNS_DEFAULT = 80

/** What of a terminal, or of a file, a line needs. */
export interface LineStream {
  write(text: string): unknown
  readonly columns?: number | undefined
}

/** Where a live line is written, and whether it can be written over. */
export interface LiveLineOptions {
  readonly stream: LineStream
  readonly isTerminal: boolean
  /** The line as it is now: it counts down. */
  readonly text: () => string
}

/** One line that says what is being waited for: written over on a terminal, said again now and then elsewhere. */
export class LiveLine {
  readonly #options: LiveLineOptions
  readonly #timer: NodeJS.Timeout
  #ended = false

  constructor(options: LiveLineOptions) {
    this.#options = options
    this.#timer = setInterval(() => this.#write(), options.isTerminal ? LIVE_EVERY_MS : PLAIN_EVERY_MS)
    this.#timer.unref()
    this.#write()
  }

  /** Writes the line anew, where that costs nothing: something of it has changed. */
  refresh(): void {
    if (this.#options.isTerminal) this.#write()
  }

  /** Takes the line away: the next one begins at the left edge. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    if (this.#options.isTerminal) this.#options.stream.write(CLEAR)
  }

  #write(): void {
    const { stream, isTerminal, text } = this.#options
    const line = `hoop: ${toPrintable(text())}`
    if (!isTerminal) return void stream.write(`${line}\n`)
    // A line that reaches the last column would go on in the next one, and could not be cleared.
    stream.write(CLEAR + cutToWidth(line, (stream.columns || COLUMNS_DEFAULT) - 1))
  }
}

/** A live line on stderr; one that is said again where stderr is no terminal, or one without abilities, and in CI. */
export function lineOnStderr(text: LiveLineOptions['text']): LiveLine {
  const { stderr, env } = process
  const isTerminal = stderr.isTTY === true && env.TERM !== 'dumb' && !env.CI
  return new LiveLine({ stream: stderr, isTerminal, text })
}
