import type { SecretReference } from '../../domain/connection.js'
import type { Delivery, NotificationChannel } from '../../domain/notification.js'
import type { Review } from '../../domain/review.js'
import { HoopError } from '../../lib/hoop-error.js'
import { unreachable } from '../../lib/unreachable.js'
import type { AuditEntry } from '../../store/audit.js'
import type { DeliveryStore } from '../../store/deliveries.js'
import type { Log } from '../../tunnel/log.js'
import type { Telling } from './message.js'
import { sendEmail } from './send-email.js'
import { postJson } from './send-http.js'
import { signWebhook } from './sign-webhook.js'
import { slackPayload } from './slack-payload.js'
import { webhookPayload } from './webhook-payload.js'

/** When the next try comes after each that failed; after the last one nobody tries any more. */
const RETRY_MS = [5_000, 30_000, 120_000, 600_000, 3_600_000, 6 * 3_600_000] as const
/** How often due messages are looked for when nobody says that there are any. */
const POLL_MS = 2_000
/** Messages sent at once. */
const ROUND_MAX = 16

export interface DeliveryWorkerDeps {
  readonly deliveries: DeliveryStore
  readonly channels: () => readonly NotificationChannel[]
  readonly findReview: (id: Delivery['review']) => Promise<Review | undefined>
  readonly resolveSecret: (reference: SecretReference) => string
  /** Where a review is read: the gateway's public address. */
  readonly publicUrl: string
  readonly audit: (entry: AuditEntry) => Promise<void>
  readonly now: () => Date
  readonly log: Log
}

/**
 * Sends what the store keeps for the channels: at once, and again later where it failed. At least once: a gateway that dies
 * between sending and noting it sends it again, under the same name.
 */
export class DeliveryWorker {
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> | undefined
  #again = false
  #closed = false

  constructor(readonly deps: DeliveryWorkerDeps) {}

  /** Looks now, or right after the round under way. */
  readonly wake = (): void => {
    if (this.#closed) return
    if (this.#round !== undefined) {
      this.#again = true
      return
    }
    clearTimeout(this.#timer)
    this.#round = this.#work().finally(() => {
      this.#round = undefined
      if (this.#again) {
        this.#again = false
        return this.wake()
      }
      if (this.#closed) return
      this.#timer = setTimeout(this.wake, POLL_MS)
      this.#timer.unref()
    })
  }

  /** Waits for the round under way; what is not sent stays in the store. */
  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#round
  }

  async #work(): Promise<void> {
    try {
      const due = await this.deps.deliveries.listDue(this.deps.now(), ROUND_MAX)
      await Promise.all(due.map(delivery => this.#try(delivery)))
      if (due.length === ROUND_MAX) this.#again = true
    } catch (error) {
      if (!this.#closed) this.deps.log.warn({ cause: message(error) }, 'messages to people cannot be sent')
    }
  }

  async #try(delivery: Delivery): Promise<void> {
    const { deliveries, now } = this.deps
    const delayMs = RETRY_MS[delivery.attempts]
    const nextDueAt = new Date(now().getTime() + (delayMs ?? 0))
    if (!(await deliveries.claim(delivery, nextDueAt))) return
    const channel = this.deps.channels().find(one => one.name === delivery.channel)
    const review = await this.deps.findReview(delivery.review)
    // Asked, and answered before anybody was told; or a channel that a reload took away.
    if (channel === undefined || review === undefined || isPointless(delivery, review))
      return deliveries.finish(delivery.id, { state: 'dropped', error: undefined, doneAt: now() })
    try {
      await this.#send(delivery, channel, review)
    } catch (error) {
      return this.#failed(delivery, message(error), delayMs === undefined)
    }
    await deliveries.finish(delivery.id, { state: 'delivered', error: undefined, doneAt: now() })
    await this.#audit(delivery, 'notification.delivered')
  }

  async #failed(delivery: Delivery, error: string, last: boolean): Promise<void> {
    const { deliveries, log, now } = this.deps
    const { id, channel, review } = delivery
    log.warn({ message: id, channel, review, last, cause: error }, 'a message to people was not delivered')
    if (!last) return deliveries.fail(id, error)
    await deliveries.finish(id, { state: 'failed', error, doneAt: now() })
    await this.#audit(delivery, 'notification.failed', error)
  }

  #send(delivery: Delivery, channel: NotificationChannel, review: Review): Promise<void> {
    const { id, event } = delivery
    const { target, statements } = channel
    const url = `${this.deps.publicUrl}/reviews/${review.id}`
    const telling: Telling = { id, event, review, url, statements }
    switch (target.kind) {
      case 'webhook': {
        const at = this.deps.now()
        const body = webhookPayload(telling, at)
        const headers = signWebhook({ id, at, body }, this.deps.resolveSecret(target.secret))
        return postJson({ url: this.deps.resolveSecret(target.url), headers, body })
      }
      case 'slack': {
        const body = JSON.stringify(slackPayload(telling))
        return postJson({ url: this.deps.resolveSecret(target.url), headers: {}, body })
      }
      case 'email': {
        const password = target.password === undefined ? undefined : this.deps.resolveSecret(target.password)
        return sendEmail({ target, password, telling })
      }
      default:
        return unreachable(target)
    }
  }

  #audit({ id, channel, event, review }: Delivery, action: string, why?: string): Promise<void> {
    const detail = { message: id, channel, event, ...(why === undefined ? {} : { why }) }
    return this.deps.audit({
      at: this.deps.now(),
      actor: { kind: 'gateway' },
      action,
      subject: review,
      detail,
    })
  }
}

function isPointless({ event }: Delivery, review: Review): boolean {
  if (event === 'ended') return false
  return review.state !== 'pending'
}

function message(error: unknown): string {
  return error instanceof HoopError ? error.message : 'an internal error occurred'
}
