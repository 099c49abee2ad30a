/** What PostgreSQL itself allows a start-up packet to be (`MAX_STARTUP_PACKET_LENGTH`). */
const START_PACKET_BYTES_MAX = 10_000
/** Enough for every message of a start-up: the largest are errors, notices and SASL data. */
const MESSAGE_BYTES_MAX = 64 * 1024
const STORAGE_BYTES_MIN = 1024

/** One message, taken out of the stream. */
export interface SmallFrame {
  readonly kind: 'frame'
  /** Empty for a start-up packet, which has none. */
  readonly tag: string
  /** What follows the length. A copy of its own. */
  readonly body: Buffer
}

/** Bytes that can be no message of this phase. */
export interface FrameFault {
  readonly kind: 'fault'
  readonly reason: string
}

/**
 * Takes whole messages out of a stream, for the phases in which all of them are small: start-up on both sides, and the
 * gateway's own queries. It holds one message and the rest of a chunk at most, and a length that is out of range is a
 * fault before anything is allocated for it. After a fault it gives nothing but that fault.
 */
export class SmallFrameReader {
  readonly #messageBytesMax: number
  #storage = Buffer.alloc(0)
  #start = 0
  #end = 0
  #fault: FrameFault | undefined

  constructor(options: { readonly messageBytesMax?: number } = {}) {
    this.#messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX
  }

  /** Bytes that were pushed and not taken. */
  get buffered(): number {
    return this.#end - this.#start
  }

  /** Takes a copy of the chunk. */
  push(chunk: Buffer): void {
    if (this.#end + chunk.length > this.#storage.length) {
      const held = this.#storage.subarray(this.#start, this.#end)
      const size = held.length + chunk.length
      // Geometric growth: even one byte at a time stays linear.
      if (size > this.#storage.length)
        this.#storage = Buffer.allocUnsafe(Math.max(STORAGE_BYTES_MIN, size * 2))
      held.copy(this.#storage)
      this.#start = 0
      this.#end = held.length
    }
    chunk.copy(this.#storage, this.#end)
    this.#end += chunk.length
  }

  /** The next packet without a tag: StartupMessage and the requests that may come in its place. */
  takeStartPacket(): SmallFrame | FrameFault | undefined {
    return this.#take(0, START_PACKET_BYTES_MAX)
  }

  /** The next message with a tag; undefined until it is whole. */
  takeMessage(): SmallFrame | FrameFault | undefined {
    return this.#take(1, this.#messageBytesMax)
  }

  /** The first byte that was not taken. */
  peek(): number | undefined {
    return this.buffered === 0 ? undefined : this.#storage[this.#start]
  }

  #take(tagBytes: 0 | 1, bytesMax: number): SmallFrame | FrameFault | undefined {
    if (this.#fault !== undefined) return this.#fault
    if (this.buffered < tagBytes + 4) return undefined
    const tag = this.#storage.toString('latin1', this.#start, this.#start + tagBytes)
    // Unsigned, so that no length is negative; a double holds it, so that no sum wraps.
    const length = this.#storage.readUInt32BE(this.#start + tagBytes)
    if (length < 4 || length > bytesMax) {
      this.#fault = { kind: 'fault', reason: `a message length of ${length} bytes is out of range` }
      return this.#fault
    }
    if (this.buffered < tagBytes + length) return undefined
    const from = this.#start + tagBytes + 4
    this.#start += tagBytes + length
    const body = Buffer.from(this.#storage.subarray(from, this.#start))
    if (this.#start === this.#end) this.#start = this.#end = 0
    return { kind: 'frame', tag, body }
  }
}
