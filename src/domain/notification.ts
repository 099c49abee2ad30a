import type { SecretReference } from './connection.js'
import type { ReviewId } from './ids.js'
import type { RuleName } from './names.js'

/** Where people are told of questions: one entry of `notify` in `hoop.yaml`. */
export interface NotificationChannel {
  readonly name: RuleName
  /** Globs over the names of approvals: whose questions are told here. */
  readonly approvals: readonly string[]
  /** The statement goes along. Without it, only who asks, for what and where to read it. */
  readonly statements: boolean
  readonly target: NotificationTarget
}

export type NotificationTarget =
  /** JSON, signed as Standard Webhooks 1.0 says. */
  | { readonly kind: 'webhook'; readonly url: SecretReference; readonly secret: SecretReference }
  /** An incoming webhook of Slack, or of whatever understands its blocks. Its address is its secret. */
  | { readonly kind: 'slack'; readonly url: SecretReference }
  | {
      readonly kind: 'email'
      readonly host: string
      readonly port: number
      /** `implicit`: TLS from the first byte; `starttls`: refused where the server does not offer it. */
      readonly tls: 'implicit' | 'starttls' | 'none'
      readonly user: string | undefined
      readonly password: SecretReference | undefined
      readonly from: string
      readonly to: readonly string[]
    }

/**
 * What is told. `asked`: people have to answer; `ended`: nobody has to any more; `more`: one person asks faster than anybody
 * wants to be told, and these are the questions that were left out.
 */
export const NOTIFICATION_EVENTS = ['asked', 'ended', 'more'] as const
export type NotificationEvent = (typeof NOTIFICATION_EVENTS)[number]

/** One message to one channel, with what became of it: the delivery log. */
export interface Delivery {
  /** Names the message at the receiver too, so that one that comes twice can be told. */
  readonly id: string
  readonly channel: RuleName
  readonly event: NotificationEvent
  readonly review: ReviewId
  /** Issuer and subject of the person who asks. */
  readonly requester: string
  readonly createdAt: Date
  /** When the next try is due. */
  readonly dueAt: Date
  readonly attempts: number
  /** `dropped`: it was of no use any more when its turn came. */
  readonly state: 'waiting' | 'delivered' | 'failed' | 'dropped'
  /** Of the last try: a sentence without addresses, secrets or statements. */
  readonly error: string | undefined
  readonly doneAt: Date | undefined
}
