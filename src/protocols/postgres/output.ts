/** A buffer of rewritten rows that has grown to this is not added to. */
const GATHERED_BYTES_FULL = 256 * 1024
/** Passing runs shorter than this are copied behind rewritten rows rather than sent on their own. */
const COPY_BYTES_MAX = 16 * 1024
const FIRST_BYTES = 16 * 1024

/**
 * What goes to the client out of one chunk, in order: runs of passing bytes as they are, rewritten rows gathered in one
 * buffer. It is kept up to the end of the chunk, so that what a recording keeps of it is recorded first.
 */
export class Output {
  readonly #send: (bytes: Buffer) => void
  #waiting: Buffer[] = []
  #gathered: Buffer | undefined
  #used = 0

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send
  }

  /** Bytes that stay untouched until they are sent. */
  pass(bytes: Buffer): void {
    if (this.#used > 0 && bytes.length <= COPY_BYTES_MAX) this.append(bytes)
    else {
      this.#finishGathered()
      this.#waiting.push(bytes)
    }
  }

  /** Bytes that are copied now, because their buffer is used again. */
  append(bytes: Buffer): void {
    this.#reserve(bytes.length).set(bytes, this.#used)
    this.#used += bytes.length
    if (this.#used >= GATHERED_BYTES_FULL) this.#finishGathered()
  }

  /** Sends everything. */
  flush(): void {
    this.#finishGathered()
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const bytes of waiting) this.#send(bytes)
  }

  #finishGathered(): void {
    if (this.#gathered !== undefined && this.#used > 0)
      this.#waiting.push(this.#gathered.subarray(0, this.#used))
    this.#gathered = undefined
    this.#used = 0
  }

  #reserve(size: number): Buffer {
    const gathered = this.#gathered ?? Buffer.allocUnsafe(Math.max(FIRST_BYTES, size))
    this.#gathered = gathered
    if (this.#used + size <= gathered.length) return gathered
    const larger = Buffer.allocUnsafe(Math.max(2 * gathered.length, this.#used + size))
    gathered.copy(larger, 0, 0, this.#used)
    this.#gathered = larger
    return larger
  }
}
