/** A buffer of rewritten rows is handed on when it has grown to this. */
const HAND_ON_BYTES = 256 * 1024
/** Passing runs shorter than this are copied behind rewritten rows rather than sent on their own. */
const COPY_BYTES_MAX = 16 * 1024
const FIRST_BYTES = 16 * 1024

/** What goes to the client, in order: runs of passing bytes as they are, rewritten rows gathered in one buffer a chunk. */
export class Output {
  readonly #send: (bytes: Buffer) => void
  #gathered: Buffer | undefined
  #used = 0

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send
  }

  /** Bytes that stay untouched until they are sent. */
  pass(bytes: Buffer): void {
    if (this.#used > 0 && bytes.length <= COPY_BYTES_MAX) this.append(bytes)
    else {
      this.flush()
      this.#send(bytes)
    }
  }

  /** Bytes that are copied now, because their buffer is used again. */
  append(bytes: Buffer): void {
    this.#reserve(bytes.length).set(bytes, this.#used)
    this.#used += bytes.length
    if (this.#used >= HAND_ON_BYTES) this.flush()
  }

  /** Sends what was gathered. */
  flush(): void {
    if (this.#gathered !== undefined && this.#used > 0) this.#send(this.#gathered.subarray(0, this.#used))
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
