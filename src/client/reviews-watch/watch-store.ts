import type { ReviewView } from '../../domain/api.js'
import { unreachable } from '../../lib/unreachable.js'
import type { ScreenSize } from './watch-lines.js'
import { step, WATCH_START, type WatchEffect, type WatchEvent, type WatchState } from './watch-state.js'

/** What the screen does to the world. */
export interface WatchActions {
  answer(answer: Extract<WatchEffect, { kind: 'answer' }>): Promise<ReviewView>
  bell(): void
  leave(): void
  now(): Date
}

/** The state of the screen over time: takes events, performs what comes of them, tells who draws. */
export class WatchStore {
  readonly #actions: WatchActions
  readonly #listeners = new Set<() => void>()
  #state = WATCH_START
  #size: ScreenSize

  constructor(actions: WatchActions, size: ScreenSize) {
    this.#actions = actions
    this.#size = size
  }

  readonly state = (): WatchState => this.#state

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get size(): ScreenSize {
    return this.#size
  }

  now(): Date {
    return this.#actions.now()
  }

  resize(size: ScreenSize): void {
    this.#size = size
    this.take({ kind: 'resized' })
  }

  take(event: WatchEvent): void {
    const { state, effects } = step(this.#state, event, { size: this.#size, now: this.now() })
    this.#state = state
    for (const listener of this.#listeners) listener()
    for (const effect of effects) this.#perform(effect)
  }

  #perform(effect: WatchEffect): void {
    switch (effect.kind) {
      case 'bell':
        return this.#actions.bell()
      case 'leave':
        return this.#actions.leave()
      case 'answer':
        this.#actions.answer(effect).then(
          review => this.take({ kind: 'answered', review }),
          error =>
            this.take({ kind: 'failed', message: error instanceof Error ? error.message : String(error) }),
        )
        return
      default:
        return unreachable(effect)
    }
  }
}
