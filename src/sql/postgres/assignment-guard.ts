import { scanSync } from 'libpg-query'

/**
 * Nodes that the sources of multi-column assignments may become. `SET (a, b) = (SELECT …)` holds its source once for
 * each column when the tree is written out, and nested ones multiply: 450 bytes can make a million nodes. At some 4 µs
 * and 100 bytes a node this limit is a fifth of a second.
 */
const ASSIGNED_NODES_MAX = 50_000

/** Token types of the grammar: characters are themselves, comments are named. */
const OPEN = 40
const CLOSE = 41
const COMMA = 44
const SEMICOLON = 59
const EQUALS = 61
const SQL_COMMENT = 275
const C_COMMENT = 276

interface Group {
  commas: number
  /** The group follows SET or a comma, where a list of columns to assign can stand. */
  readonly assignable: boolean
}

interface Source {
  readonly depth: number
  readonly copies: number
}

/**
 * True when a text may hold a multi-column assignment: only white space and comments can be between `)` and `=`. False
 * is certain, true is not.
 */
export function mayAssignSeveral(text: string): boolean {
  return /\bset\b/i.test(text) && /\)\s*(?:=|\/\*|--)/.test(text)
}

/**
 * True when the assignments of a text stay within the limit, counted over the server's own tokens before anything is
 * parsed. A text that has no tokens is left to the grammar, which refuses it.
 */
export function assignsWithinLimit(text: string): boolean {
  const counter = new AssignmentCounter()
  for (const { tokenType, text: word } of scanSync(text).tokens) {
    if (tokenType !== SQL_COMMENT && tokenType !== C_COMMENT && !counter.take(tokenType, word)) return false
  }
  return true
}

class AssignmentCounter {
  readonly #groups: Group[] = []
  readonly #sources: Source[] = []
  #closed: Group | undefined
  #copies = 1
  #nodes = 0
  #startsList = false

  /** Counts one token; false once the limit is exceeded. */
  take(type: number, word: string): boolean {
    if (this.#copies > 1) this.#nodes += this.#copies
    const closed = this.#closed
    this.#closed = undefined
    if (type === OPEN) this.#groups.push({ commas: 0, assignable: this.#startsList })
    else if (type === CLOSE) {
      this.#closed = this.#groups.pop()
      this.#endSources(this.#groups.length + 1)
    } else if (type === COMMA) {
      const group = this.#groups.at(-1)
      if (group !== undefined) group.commas += 1
      this.#endSources(this.#groups.length)
    } else if (type === SEMICOLON) this.#endSources(0)
    else if (type === EQUALS && closed?.assignable === true && closed.commas > 0) {
      this.#sources.push({ depth: this.#groups.length, copies: this.#copies })
      this.#copies *= closed.commas + 1
    }
    this.#startsList = type === COMMA || word.toUpperCase() === 'SET'
    return this.#nodes <= ASSIGNED_NODES_MAX
  }

  /** A source ends with the parenthesis around it, or with the next comma beside it. */
  #endSources(depth: number): void {
    for (
      let last = this.#sources.at(-1);
      last !== undefined && last.depth >= depth;
      last = this.#sources.at(-1)
    ) {
      this.#copies = last.copies
      this.#sources.pop()
    }
  }
}
