import { compileGlob } from '../../domain/glob.js'
import type { RandomBytes } from '../../domain/ids.js'
import type { Delivery, NotificationChannel, NotificationEvent } from '../../domain/notification.js'
import type { Review } from '../../domain/review.js'
import type { DeliveryStore } from '../../store/deliveries.js'

/** questions of one person that a channel is told one by one within the time below. */
const TOLD_MAX = 10
const TOLD_WITHIN_MS = 10 * 60_000
/** Random bytes of a message's name. */
const ID_BYTES = 12

export interface NotifierDeps {
  readonly deliveries: DeliveryStore
  /** Those of the configuration in force. */
  readonly channels: () => readonly NotificationChannel[]
  readonly now: () => Date
  readonly randomBytes: RandomBytes
  /** Messages were added: whoever sends them need not wait for its turn. */
  readonly wake: () => void
}

/** Decides who is told of what, and keeps it to be sent. Sends nothing itself. */
export class Notifier {
  constructor(readonly deps: NotifierDeps) {}

  /** A question was asked that nobody was told of yet. */
  async asked(review: Review): Promise<void> {
    await this.#tell(review, async channel => {
      if (!(await this.#isFlood(channel, review, 'asked', TOLD_MAX)))
        return this.#message('asked', channel, review)
      // One summary for the whole flood, when the time is over that a person may fill.
      if (await this.#isFlood(channel, review, 'more', 1)) return undefined
      return this.#message('more', channel, review, TOLD_WITHIN_MS)
    })
  }

  /** A question has an answer, or needs none any more. Told only where it was asked. */
  async ended(review: Review): Promise<void> {
    await this.#tell(review, async channel => {
      if (await this.#isFlood(channel, review, 'ended', TOLD_MAX)) return undefined
      return this.#message('ended', channel, review)
    })
  }

  async #tell(
    review: Review,
    write: (channel: NotificationChannel) => Promise<Delivery | undefined>,
  ): Promise<void> {
    const names = review.demands.map(({ terms }) => terms.name)
    const channels = this.deps
      .channels()
      .filter(({ approvals }) => names.some(name => approvals.some(glob => compileGlob(glob)(name))))
    const messages = await Promise.all(channels.map(write))
    const kept = messages.filter(message => message !== undefined)
    if (kept.length === 0) return
    await this.deps.deliveries.insert(kept)
    this.deps.wake()
  }

  async #isFlood(
    { name }: NotificationChannel,
    review: Review,
    event: NotificationEvent,
    max: number,
  ): Promise<boolean> {
    const since = new Date(this.deps.now().getTime() - TOLD_WITHIN_MS)
    const of = { channel: name, requester: requesterOf(review), event }
    return (await this.deps.deliveries.countSince(of, since)) >= max
  }

  #message(event: NotificationEvent, channel: NotificationChannel, review: Review, delayMs = 0): Delivery {
    const createdAt = this.deps.now()
    return {
      id: `n-${Buffer.from(this.deps.randomBytes(ID_BYTES)).toString('hex')}`,
      channel: channel.name,
      event,
      review: review.id,
      requester: requesterOf(review),
      createdAt,
      dueAt: new Date(createdAt.getTime() + delayMs),
      attempts: 0,
      state: 'waiting',
      error: undefined,
      doneAt: undefined,
    }
  }
}

function requesterOf({ requester }: Review): string {
  return JSON.stringify([requester.issuer, requester.subject])
}
