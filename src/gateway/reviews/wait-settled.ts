import type { Review } from '../../domain/review.js'
import type { ChangeListener } from './change-feed.js'

/** The longest wait of Node's timers. */
const TIMER_MAX_MS = 2 ** 31 - 1

/** How a review is read and when to read it again. */
export interface Waiting {
  readonly id: string
  /** The review as it is now, ended when its time is over. Rejects when there is none. */
  readonly read: () => Promise<Review>
  readonly listen: (listener: ChangeListener) => () => void
  readonly now: () => Date
  readonly signal: AbortSignal
}

/** Resolves when the review is not pending any more; rejects when the signal aborts or the review cannot be read. */
export function waitSettled({ id, read, listen, now, signal }: Waiting): Promise<Review> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    let isOver = false
    const finish = (settle: () => void): void => {
      isOver = true
      clearTimeout(timer)
      unlisten()
      signal.removeEventListener('abort', abort)
      settle()
    }
    const abort = (): void => finish(() => reject(signal.reason))
    const look = (): void => {
      read().then(
        review => {
          if (isOver) return
          if (review.state !== 'pending') return finish(() => resolve(review))
          clearTimeout(timer)
          const leftMs = review.until.getTime() - now().getTime()
          timer = setTimeout(look, Math.min(Math.max(leftMs, 1), TIMER_MAX_MS))
          timer.unref()
        },
        (error: unknown) => {
          if (!isOver) finish(() => reject(error))
        },
      )
    }
    // Listens before it looks, so that no change falls between.
    const unlisten = listen(changed => {
      if (changed === undefined || changed === id) look()
    })
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort)
    look()
  })
}
