import { toPrintable } from '../recording/printable.js'

export interface BesideChildOptions {
  readonly message: string
  /** The command that helps. */
  readonly hint?: string | undefined
  readonly stream: { write(text: string): unknown }
  /** Makes the programs of this terminal draw what they show again. */
  readonly redraw: () => void
}

/**
 * Tells a person something while a child owns the terminal: on lines of their own, below whatever is being typed, and
 * the child draws its prompt again under them. It may have the terminal in a mode where a line feed alone does not go
 * back to the left edge.
 */
export function tellBesideChild({ message, hint, stream, redraw }: BesideChildOptions): void {
  const hinted = hint === undefined ? '' : `      try: ${toPrintable(hint)}\r\n`
  stream.write(`\r\nhoop: ${toPrintable(message)}\r\n${hinted}`)
  redraw()
}

/**
 * What a terminal does when its size changes: readline then draws its prompt and what was typed again. Who draws no
 * screen ignores the signal.
 */
export function redrawGroup(): void {
  process.kill(0, 'SIGWINCH')
}
