import type { Config } from '../config/config.js'
import type { RandomBytes } from '../domain/ids.js'
import { DeliveryWorker } from '../gateway/notifications/delivery-worker.js'
import { Notifier } from '../gateway/notifications/notifier.js'
import type { ReviewObserver } from '../gateway/reviews/review-desk.js'
import type { Store } from '../store/store.js'
import type { Log } from '../tunnel/log.js'
import { readSecret } from './read-secret.js'

export interface NotificationsOptions {
  readonly store: Store
  /** The one in force: channels follow a reload. */
  readonly config: () => Config
  readonly now: () => Date
  readonly randomBytes: RandomBytes
  readonly log: Log
}

/** Telling people, while the gateway runs. */
export interface Notifications {
  /** Whom the desk tells of questions. */
  readonly observer: ReviewObserver
  /** Sends what is due, also what a gateway that died left behind. */
  start(): void
  /** Waits for the messages under way; the others stay in the store. */
  close(): Promise<void>
}

/** Puts together who is told of what, and what sends it. */
export function makeNotifications({
  store,
  config,
  now,
  randomBytes,
  log,
}: NotificationsOptions): Notifications {
  const { deliveries, reviews, audit } = store
  const channels = () => config().notify
  const worker = new DeliveryWorker({
    deliveries,
    channels,
    findReview: async id => (await reviews.find(id))?.review,
    resolveSecret: readSecret,
    publicUrl: config().publicUrl,
    audit: entry => audit.append(entry),
    now,
    log,
  })
  const observer = new Notifier({ deliveries, channels, now, randomBytes, wake: worker.wake })
  return { observer, start: worker.wake, close: () => worker.close() }
}
