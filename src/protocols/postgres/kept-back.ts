/** More than this is sent rather than kept: a client may put any amount of work before an operation. */
const KEPT_BYTES_MAX = 256 * 1024

/**
 * Messages for the target that are kept back, up to the operation they prepare. The target locks what a statement names
 * when it reads Parse, and counts `statement_timeout` from there; while people are asked, neither is to happen.
 */
export class KeptBack {
  readonly #send: (bytes: Buffer) => void
  #kept: Buffer[] | undefined
  #keptBytes = 0
  /** The target owed answers when the keeping began. */
  targetWasBusy = false

  constructor(send: (bytes: Buffer) => void) {
    this.#send = send
  }

  get isKeeping(): boolean {
    return this.#kept !== undefined
  }

  /** Begins, unless it has. */
  begin(targetIsBusy: boolean): void {
    if (this.#kept !== undefined) return
    this.#kept = []
    this.#keptBytes = 0
    this.targetWasBusy = targetIsBusy
  }

  /** Takes bytes, a copy of them; false when they are to be sent. */
  add(bytes: Buffer): boolean {
    if (this.#kept === undefined) return false
    this.#keptBytes += bytes.length
    if (this.#keptBytes > KEPT_BYTES_MAX) {
      this.send()
      return false
    }
    this.#kept.push(Buffer.from(bytes))
    return true
  }

  /** Sends what was kept, in order, and keeps nothing more. */
  send(): void {
    const kept = this.#kept
    if (kept === undefined) return
    this.#kept = undefined
    for (const bytes of kept) this.#send(bytes)
  }
}
