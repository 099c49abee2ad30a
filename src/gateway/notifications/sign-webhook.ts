import { createHmac } from 'node:crypto'

/** How the secret of Standard Webhooks is written: the prefix, then base64. */
const SECRET_PREFIX = 'whsec_'

export interface WebhookMessage {
  readonly id: string
  readonly at: Date
  readonly body: string
}

/**
 * The headers of a signed webhook: Standard Webhooks 1.0, "Signature scheme". The signature is an HMAC-SHA-256 over the
 * message's name, its time in seconds and its body; a receiver refuses times that are more than five minutes off.
 *
 * @param secret `whsec_` and base64, or any other text, which is then the key itself
 */
export function signWebhook({ id, at, body }: WebhookMessage, secret: string): Record<string, string> {
  const seconds = String(Math.floor(at.getTime() / 1000))
  const key = secret.startsWith(SECRET_PREFIX)
    ? Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
    : Buffer.from(secret, 'utf8')
  const signature = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64')
  return {
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': `v1,${signature}`,
  }
}
