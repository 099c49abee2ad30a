import type { Hono } from 'hono'
import type { NotificationView } from '../../domain/api.js'
import type { Delivery } from '../../domain/notification.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { ApiDeps, ApiVariables } from './api.js'

/** Messages listed at once. */
const LISTED_MAX = 200

/** The delivery log, for auditors: who was told of what, and what was not delivered. */
export function addNotificationRoutes(api: Hono<ApiVariables>, deps: ApiDeps): void {
  api.get('/v1/notifications', async context => {
    if (!deps.policies().isAuditor(context.var.principal)) {
      throw new HoopError('forbidden', 'Cannot list notifications: only auditors may read the delivery log')
    }
    return context.json((await deps.store.deliveries.list(LISTED_MAX)).map(viewDelivery))
  })
}

function viewDelivery(delivery: Delivery): NotificationView {
  const { id, channel, event, review, state, attempts, error, createdAt, dueAt, doneAt } = delivery
  return {
    id,
    channel,
    event,
    review,
    state,
    attempts,
    ...(error === undefined ? {} : { error }),
    createdAt: createdAt.toISOString(),
    ...(state === 'waiting' ? { dueAt: dueAt.toISOString() } : {}),
    ...(doneAt === undefined ? {} : { doneAt: doneAt.toISOString() }),
  }
}
