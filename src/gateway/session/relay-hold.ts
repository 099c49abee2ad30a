import type { Operation } from '../../domain/operation.js'
import type { ClientNotice, Verdict } from '../../protocols/protocol.js'
import type { HeldVerdict } from './held-verdict.js'
import type { Hold, HoldEnd } from './hold.js'

/**
 * Bytes of a client that are taken while its operation waits for people. They are read, though nothing is done with them,
 * because behind them comes the end of a client that left. Whoever sends more is not told from one that left.
 */
const BEHIND_BYTES_MAX = 64 * 1024
/** How long the end of a connection waits for its question to be taken back and recorded. */
const WITHDRAWAL_MS = 5_000

/** What a relay waits for while people are asked. */
export interface RelayHoldOptions {
  readonly hold: Hold
  readonly operation: Operation
  readonly verdict: HeldVerdict
  readonly notify: (notice: ClientNotice) => void
}

/** One operation of a relay while people are asked about it. */
export class RelayHold {
  readonly verdict: Promise<Verdict>
  readonly #abort = new AbortController()
  #bytesBehind = 0

  constructor({ hold, operation, verdict, notify }: RelayHoldOptions) {
    this.verdict = hold({ operation, verdict, signal: this.#abort.signal, notify })
  }

  /** Nobody waits any more. What people say from now on changes nothing. */
  end(why: HoldEnd): void {
    this.#abort.abort(why)
  }

  /** Counts what the client sends meanwhile. */
  takeBehind(bytes: number): void {
    this.#bytesBehind += bytes
    if (!this.isReading) this.end('too_much_behind')
  }

  /** False when no more of the client may be read. */
  get isReading(): boolean {
    return this.#bytesBehind <= BEHIND_BYTES_MAX
  }

  /** Resolves when the question is taken back and recorded, or when that takes too long. Never rejects. */
  settled(): Promise<void> {
    return new Promise(resolve => {
      const timer = setTimeout(resolve, WITHDRAWAL_MS)
      const settle = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.verdict.then(settle, settle)
    })
  }
}
