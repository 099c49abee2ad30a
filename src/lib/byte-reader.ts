const EMPTY = Buffer.alloc(0)

/**
 * Reads network-order numbers and strings out of one message body. It is total: past the end it reads zeros
 * and empty strings and remembers, so that a parser checks `ok` once, at its end.
 */
export class ByteReader {
  #offset = 0
  #ok = true

  constructor(readonly bytes: Buffer) {}

  /** False once anything was read that is not there. */
  get ok(): boolean {
    return this.#ok
  }

  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.bytes.length - this.#offset
  }

  uint8(): number {
    return this.#take(1) ? this.bytes.readUInt8(this.#offset - 1) : 0
  }

  int16(): number {
    return this.#take(2) ? this.bytes.readInt16BE(this.#offset - 2) : 0
  }

  uint16(): number {
    return this.#take(2) ? this.bytes.readUInt16BE(this.#offset - 2) : 0
  }

  int32(): number {
    return this.#take(4) ? this.bytes.readInt32BE(this.#offset - 4) : 0
  }

  uint32(): number {
    return this.#take(4) ? this.bytes.readUInt32BE(this.#offset - 4) : 0
  }

  /** The next `length` bytes, as a view. Empty when `length` is negative or past the end. */
  take(length: number): Buffer {
    if (length < 0 || !this.#take(length)) {
      this.#ok = false
      return EMPTY
    }
    return this.bytes.subarray(this.#offset - length, this.#offset)
  }

  /** The bytes up to the next NUL, as a view without it. Empty when there is no NUL. */
  takeUntilNul(): Buffer {
    const end = this.bytes.indexOf(0, this.#offset)
    if (end < 0) {
      this.#ok = false
      this.#offset = this.bytes.length
      return EMPTY
    }
    const view = this.bytes.subarray(this.#offset, end)
    this.#offset = end + 1
    return view
  }

  /** A NUL-terminated string in UTF-8. */
  cstring(): string {
    return this.takeUntilNul().toString('utf8')
  }

  #take(length: number): boolean {
    if (this.#offset + length > this.bytes.length) {
      this.#ok = false
      this.#offset = this.bytes.length
      return false
    }
    this.#offset += length
    return true
  }
}
