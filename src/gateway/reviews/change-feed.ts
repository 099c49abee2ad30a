import { describeError } from '../../lib/hoop-error.js'
import type { ReviewStore } from '../../store/reviews.js'
import type { Log } from '../../tunnel/log.js'

/** How often changes of other gateways are looked for, while somebody waits for one. */
const POLL_MS = 400

/** What the feed needs of the rest of the gateway. */
export interface ChangeFeedOptions {
  readonly reviews: Pick<ReviewStore, 'reading' | 'changesAfter'>
  /** Other gateways change reviews on the same store. */
  readonly isShared: boolean
  readonly log: Log
}

/** Hears of a change of a review; undefined when it was not told which, so that anything may have changed. */
export type ChangeListener = (id: string | undefined) => void

/**
 * Wakes whoever waits for reviews to change. What this gateway changes is told at once; what others on the same store
 * change is looked for, only while somebody listens. It says that something changed, never what: the store knows.
 */
export class ChangeFeed {
  readonly #options: ChangeFeedOptions
  readonly #listeners = new Set<ChangeListener>()
  #timer: NodeJS.Timeout | undefined
  #reading: number | undefined
  #closed = false
  #isLooking = false
  #isQuiet = false

  constructor(options: ChangeFeedOptions) {
    this.#options = options
  }

  get closed(): boolean {
    return this.#closed
  }

  /** Listens from now on. Who then reads the store misses nothing. Answers the way to stop. */
  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener)
    this.#arm()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.#rest()
    }
  }

  /** This gateway changed a review. */
  tell(id: string): void {
    this.#wake(id)
  }

  /** Wakes everybody for good: the gateway stops. */
  close(): void {
    this.#closed = true
    this.#rest()
    this.#wake(undefined)
  }

  #rest(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#reading = undefined
  }

  #arm(): void {
    if (!this.#options.isShared || this.#closed || this.#isLooking || this.#timer !== undefined) return
    this.#timer = setTimeout(() => void this.#look(), POLL_MS)
    this.#timer.unref()
  }

  async #look(): Promise<void> {
    const { reviews, log } = this.#options
    this.#isLooking = true
    try {
      const since = this.#reading
      // The first look knows nothing of what was before it: it wakes everybody, once.
      const changes = since === undefined ? undefined : await reviews.changesAfter(since)
      this.#reading = changes === undefined ? await reviews.reading() : (changes.at(-1)?.changed ?? since)
      if (changes === undefined) this.#wake(undefined)
      for (const { id } of changes ?? []) this.#wake(id)
      this.#isQuiet = false
    } catch (error) {
      if (!this.#isQuiet) log.warn({ cause: describeError(error) }, 'changes of reviews cannot be read')
      this.#isQuiet = true
    }
    this.#isLooking = false
    this.#timer = undefined
    if (this.#listeners.size > 0) this.#arm()
    else this.#rest()
  }

  #wake(id: string | undefined): void {
    for (const listener of [...this.#listeners]) listener(id)
  }
}
