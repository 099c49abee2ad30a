/** A line of a file, without its line feed. `bytes` is undefined when it was longer than the limit. */
export interface SplitLine {
  readonly bytes: Buffer | undefined
}

const LINE_FEED = 0x0a

/**
 * Cuts a stream of chunks at line feeds. Holds at most one line of `lineBytesMax` bytes: of a longer one only the fact
 * is kept, and reading goes on behind it. Linear in the bytes, also when a line comes in many chunks.
 */
export class LineSplitter {
  readonly #lineBytesMax: number
  #parts: Buffer[] = []
  #held = 0
  #tooLong = false

  constructor({ lineBytesMax }: { readonly lineBytesMax: number }) {
    this.#lineBytesMax = lineBytesMax
  }

  /** The lines that this chunk completes. They are views where the chunk held them whole. */
  push(chunk: Uint8Array): readonly SplitLine[] {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const lines: SplitLine[] = []
    let from = 0
    for (let at = bytes.indexOf(LINE_FEED); at >= 0; at = bytes.indexOf(LINE_FEED, from)) {
      this.#hold(bytes.subarray(from, at))
      lines.push(this.#release())
      from = at + 1
    }
    this.#hold(bytes.subarray(from))
    return lines
  }

  /** What is left behind the last line feed; undefined when there is nothing. */
  finish(): SplitLine | undefined {
    return this.#held === 0 && !this.#tooLong ? undefined : this.#release()
  }

  #hold(part: Buffer): void {
    if (part.length === 0 || this.#tooLong) return
    this.#held += part.length
    if (this.#held > this.#lineBytesMax) {
      this.#tooLong = true
      this.#parts = []
    } else this.#parts.push(part)
  }

  #release(): SplitLine {
    const [first, ...more] = this.#parts
    const whole =
      first === undefined ? Buffer.alloc(0) : more.length === 0 ? first : Buffer.concat(this.#parts)
    const bytes = this.#tooLong ? undefined : whole
    this.#parts = []
    this.#held = 0
    this.#tooLong = false
    return { bytes }
  }
}
