import { MESSAGE_HEADER_BYTES } from './codec.js'

/** What is to happen with a message whose header was read. `whole`: it must be seen before it may pass. */
export type Treatment = 'pass' | 'whole' | 'drop' | 'stop'
/** What is to happen with a message that was seen. `wait`: nothing more is read until `release`. */
export type Outcome = 'pass' | 'drop' | 'wait' | 'stop'

/** Takes what a walker finds. */
export interface FrameSink {
  /** A message begins. `length` is as it is on the wire: it counts itself and the body, and may be any 32-bit number. */
  header(tag: number, length: number): Treatment
  /** A message asked for as a whole: its tag is at `start`, its body ends before `end`. The bytes may only be looked at. */
  frame(tag: number, bytes: Buffer, start: number, end: number): Outcome
  /** A run of bytes that passes unchanged, any number of messages and parts of messages. */
  pass(bytes: Buffer): void
}

/** A gathered message begins with a buffer of this size and doubles, so that a header alone costs no memory. */
const GATHER_BYTES_FIRST = 64 * 1024
const EMPTY = Buffer.alloc(0)

/**
 * Walks over the messages in the chunks of one direction, reading headers only. Messages that pass are runs of the
 * chunk they came in; a message larger than its chunk is a number of bytes still to come; only what must be seen
 * whole is gathered. INVARIANT 8: memory is at most one message that the sink asked for, and one chunk.
 */
export class FrameWalker {
  readonly #sink: FrameSink
  #chunk: Buffer = EMPTY
  #at = 0
  /** Where the run of passing bytes began in the chunk; -1 when there is none. */
  #runStart = -1
  readonly #header = Buffer.alloc(MESSAGE_HEADER_BYTES)
  #headerBytes = 0
  #streamLeft = 0
  #streamPasses = false
  #gathered: Buffer = EMPTY
  #gatheredBytes = 0
  #gatherTotal = 0
  #heldEnd = -1
  #stopped = false

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  /** True while a message waits for `release`. */
  get isHeld(): boolean {
    return this.#heldEnd >= 0
  }

  /** True when the beginning of a message was passed and its end was not. */
  get isPartlyPassed(): boolean {
    return this.#streamLeft > 0 && this.#streamPasses
  }

  /** Walks over the next chunk. The one before must be walked to its end: not while a message is held. */
  feed(chunk: Buffer): void {
    if (this.#stopped) return
    this.#chunk = chunk
    this.#at = 0
    this.#walk()
  }

  /** Lets the held message pass, or drops it, and goes on behind it. */
  release(outcome: 'pass' | 'drop'): void {
    if (this.#heldEnd < 0 || this.#stopped) return
    const end = this.#heldEnd
    this.#heldEnd = -1
    this.#finish(outcome, end)
    this.#walk()
  }

  /** Passes the run before the message at hand: a sink calls it before it says something of its own. */
  flush(): void {
    if (this.#runStart >= 0 && this.#runStart < this.#at)
      this.#sink.pass(this.#chunk.subarray(this.#runStart, this.#at))
    this.#runStart = -1
  }

  /** Reads nothing more, ever; what passed so far has passed. */
  stop(): void {
    this.#stopped = true
  }

  #walk(): void {
    const chunk = this.#chunk
    while (this.#at < chunk.length && !this.#stopped) {
      if (this.#streamLeft > 0) this.#stream(this.#streamLeft)
      else if (this.#gatherTotal > 0) {
        if (!this.#gather()) return
      } else if (this.#headerBytes > 0 || chunk.length - this.#at < MESSAGE_HEADER_BYTES) {
        if (!this.#collectHeader()) return
      } else if (!this.#message(chunk)) return
    }
    if (this.#stopped) return
    this.flush()
    this.#chunk = EMPTY
    this.#at = 0
  }

  /** A message whose header is in the chunk. False when nothing more may be read now. */
  #message(chunk: Buffer): boolean {
    const at = this.#at
    const tag = chunk[at] ?? 0
    const total = chunk.readUInt32BE(at + 1) + 1
    const treatment = this.#sink.header(tag, total - 1)
    if (treatment === 'pass') {
      if (this.#runStart < 0) this.#runStart = at
      if (at + total <= chunk.length) this.#at = at + total
      else this.#beginStream(total, true)
      return true
    }
    if (treatment === 'drop') {
      this.flush()
      this.#beginStream(total, false)
      return true
    }
    if (treatment === 'stop') return this.#halt()
    if (at + total <= chunk.length)
      return this.#finish(this.#sink.frame(tag, chunk, at, at + total), at + total)
    this.flush()
    this.#beginGather(total)
    return true
  }

  /** Does with a whole message what the sink said. False when nothing more may be read now. */
  #finish(outcome: Outcome, end: number): boolean {
    const gathered = this.#gatherTotal > 0
    if (outcome === 'stop') return this.#halt()
    if (outcome === 'wait') {
      this.flush()
      this.#heldEnd = end
      return false
    }
    if (gathered) {
      if (outcome === 'pass') this.#sink.pass(this.#gathered.subarray(0, this.#gatherTotal))
      this.#gathered = EMPTY
      this.#gatherTotal = 0
      return true
    }
    if (outcome === 'drop') this.flush()
    else if (this.#runStart < 0) this.#runStart = this.#at
    this.#at = end
    return true
  }

  #halt(): boolean {
    this.flush()
    this.#stopped = true
    return false
  }

  #beginStream(total: number, passes: boolean): void {
    this.#streamLeft = total
    this.#streamPasses = passes
    this.#stream(total)
  }

  #stream(left: number): void {
    const size = Math.min(left, this.#chunk.length - this.#at)
    if (this.#streamPasses && this.#runStart < 0) this.#runStart = this.#at
    this.#at += size
    this.#streamLeft = left - size
  }

  /** Takes bytes of a header that is cut by the end of a chunk. False when nothing more may be read now. */
  #collectHeader(): boolean {
    // The run before ends here: the header may begin something that does not pass.
    this.flush()
    const size = Math.min(MESSAGE_HEADER_BYTES - this.#headerBytes, this.#chunk.length - this.#at)
    this.#chunk.copy(this.#header, this.#headerBytes, this.#at, this.#at + size)
    this.#headerBytes += size
    this.#at += size
    if (this.#headerBytes < MESSAGE_HEADER_BYTES) return true
    this.#headerBytes = 0
    const length = this.#header.readUInt32BE(1)
    const treatment = this.#sink.header(this.#header[0] ?? 0, length)
    if (treatment === 'stop') return this.#halt()
    if (treatment === 'whole') {
      this.#beginGather(length + 1)
      this.#header.copy(this.#gathered)
      this.#gatheredBytes = MESSAGE_HEADER_BYTES
      return this.#gather()
    }
    if (treatment === 'pass') this.#sink.pass(Buffer.from(this.#header))
    this.#streamLeft = length + 1 - MESSAGE_HEADER_BYTES
    this.#streamPasses = treatment === 'pass'
    return true
  }

  #beginGather(total: number): void {
    this.#gathered = Buffer.allocUnsafe(Math.min(total, GATHER_BYTES_FIRST))
    this.#gatheredBytes = 0
    this.#gatherTotal = total
  }

  /** Takes what the chunk has of the gathered message. False when nothing more may be read now. */
  #gather(): boolean {
    const size = Math.min(this.#gatherTotal - this.#gatheredBytes, this.#chunk.length - this.#at)
    const needed = this.#gatheredBytes + size
    if (needed > this.#gathered.length) {
      const larger = Buffer.allocUnsafe(
        Math.min(this.#gatherTotal, Math.max(needed, 2 * this.#gathered.length)),
      )
      this.#gathered.copy(larger, 0, 0, this.#gatheredBytes)
      this.#gathered = larger
    }
    this.#chunk.copy(this.#gathered, this.#gatheredBytes, this.#at, this.#at + size)
    this.#gatheredBytes = needed
    this.#at += size
    if (needed < this.#gatherTotal) return true
    const outcome = this.#sink.frame(this.#gathered[0] ?? 0, this.#gathered, 0, this.#gatherTotal)
    return this.#finish(outcome, this.#at)
  }
}
