import type { SecretReference } from '../domain/connection.js'
import type { NotificationChannel, NotificationTarget } from '../domain/notification.js'
import type { HoopShape } from './hoop-schema.js'

type ChannelShape = HoopShape['notify'][number]
type Locate = (reference: SecretReference) => SecretReference

/** Makes a channel of an entry that was checked. */
export function buildChannel(shape: ChannelShape, locate: Locate): NotificationChannel {
  const { name, approvals, statements } = shape
  return { name, approvals, statements, target: buildTarget(shape, locate) }
}

function buildTarget({ webhook, slack, email }: ChannelShape, locate: Locate): NotificationTarget {
  if (webhook !== undefined)
    return { kind: 'webhook', url: locate(webhook.url), secret: locate(webhook.secret) }
  if (slack !== undefined) return { kind: 'slack', url: locate(slack.url) }
  if (email === undefined) throw new Error('a channel was not checked before it was built')
  const { server, tls, user, password, from, to } = email
  return {
    kind: 'email',
    host: server.host,
    port: server.port,
    tls,
    user,
    password: password === undefined ? undefined : locate(password),
    from,
    to,
  }
}
