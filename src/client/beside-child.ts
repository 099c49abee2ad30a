import { toPrintable } from '../recording/printable.js'
import { wrapCautiously } from './wrap-cautiously.js'

const ESC = '\u001b'
/** Down one row in the same column; at the last one the screen moves up (ECMA-48, IND). */
const INDEX = `${ESC}D`
/** Keep the cursor's place, and go back to it (VT100, DECSC and DECRC). */
const SAVE = `${ESC}7`
const RESTORE = `${ESC}8`
const COLUMNS_DEFAULT = 80

/** The terminal that a child has. */
export interface ChildTerminal {
  write(text: string): unknown
  readonly columns?: number | undefined
}

export interface BesideChildOptions {
  readonly message: string
  /** The command that helps. */
  readonly hint?: string | undefined
  readonly stream: ChildTerminal
  /** The terminal can move its cursor. */
  readonly canMove: boolean
}

/**
 * Tells a person something while a child owns the terminal: in rows that are put in above the one with the cursor, which is
 * back where it was afterwards, so that a prompt and what was typed at it stay whole. A terminal that cannot do that
 * gets lines of its own.
 */
export function tellBesideChild({ message, hint, stream, canMove }: BesideChildOptions): void {
  const texts = [`hoop: ${message}`, ...(hint === undefined ? [] : [`      try: ${hint}`])].map(toPrintable)
  // The child may have the terminal in a mode where a line feed alone does not go back to the left edge.
  if (!canMove) return void stream.write(`\r\n${texts.join('\r\n')}\r\n`)
  // A row that reached the last column would take two.
  const width = (stream.columns || COLUMNS_DEFAULT) - 1
  const rows = texts.flatMap(text => wrapCautiously(text, width))
  const makeRoom = `${INDEX.repeat(rows.length)}${ESC}[${rows.length}A`
  const insert = `\r${ESC}[${rows.length}L${rows.join(`\r${ESC}[B`)}`
  stream.write(`${makeRoom}${SAVE}${insert}${RESTORE}${ESC}[${rows.length}B`)
}
