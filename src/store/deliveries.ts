import type { Kysely } from 'kysely'
import { readReviewId } from '../domain/ids.js'
import { type Delivery, NOTIFICATION_EVENTS } from '../domain/notification.js'
import { boundedLimit, guarded } from './guarded.js'
import { present, readRule, readTime, readTimeOrUndefined, storableOrNull } from './row-values.js'
import type { DeliveryRow, StoreSchema } from './schema.js'

/** Messages to channels and what became of them. */
export interface DeliveryStore {
  /** Keeps messages before anything is sent: a gateway that dies sends them when it is back. */
  readonly insert: (deliveries: readonly Delivery[]) => Promise<void>
  /** How many messages of an event about one person's questions a channel was given since then. */
  readonly countSince: (of: Pick<Delivery, 'channel' | 'requester' | 'event'>, since: Date) => Promise<number>
  /** Messages whose try is due, the oldest first; at most 1000. */
  readonly listDue: (now: Date, limit: number) => Promise<readonly Delivery[]>
  /**
   * Takes a message for one try, and says when the next one would be due should nothing be heard of this one. True for one
   * taker: gateways on one store do not send it twice at once.
   */
  readonly claim: (delivery: Delivery, nextDueAt: Date) => Promise<boolean>
  /** Notes the failure of a try; the next comes when it is due. */
  readonly fail: (id: string, error: string) => Promise<void>
  readonly finish: (id: string, end: Pick<Delivery, 'state' | 'error' | 'doneAt'>) => Promise<void>
  /** The delivery log, newest first; at most 1000. */
  readonly list: (limit: number) => Promise<readonly Delivery[]>
}

/** The queries on `deliveries`. */
export function makeDeliveryStore(database: Kysely<StoreSchema>): DeliveryStore {
  const update = (id: string) => database.updateTable('deliveries').where('id', '=', id)
  return {
    insert: guarded('keep the messages', async deliveries => {
      if (deliveries.length === 0) return
      await database.insertInto('deliveries').values(deliveries.map(writeDelivery)).execute()
    }),
    countSince: guarded('count the messages', (of, since) => countSince(database, of, since)),
    listDue: guarded('list the messages', (now, limit) => listDue(database, now, limit)),
    claim: guarded('take the message', async ({ id, attempts }, nextDueAt) => {
      const result = await update(id)
        .set({ attempts: attempts + 1, due_at: nextDueAt.toISOString() })
        .where('attempts', '=', attempts)
        .where('state', '=', 'waiting')
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    }),
    fail: guarded('note the message', async (id, error) => {
      await update(id)
        .set({ error: storableOrNull(error) })
        .where('state', '=', 'waiting')
        .execute()
    }),
    finish: guarded('note the message', async (id, { state, error, doneAt }) => {
      await update(id)
        .set({ state, error: storableOrNull(error), done_at: doneAt?.toISOString() ?? null })
        .where('state', '=', 'waiting')
        .execute()
    }),
    list: guarded('list the messages', async limit => {
      const rows = await database
        .selectFrom('deliveries')
        .selectAll()
        .orderBy('created_at', 'desc')
        .orderBy('id')
        .limit(boundedLimit(limit))
        .execute()
      return rows.map(readDelivery)
    }),
  }
}

async function countSince(
  database: Kysely<StoreSchema>,
  { channel, requester, event }: Pick<Delivery, 'channel' | 'requester' | 'event'>,
  since: Date,
): Promise<number> {
  const row = await database
    .selectFrom('deliveries')
    .select(({ fn }) => fn.countAll().as('count'))
    .where('channel', '=', channel)
    .where('requester', '=', requester)
    .where('event', '=', event)
    .where('created_at', '>', since.toISOString())
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

async function listDue(
  database: Kysely<StoreSchema>,
  now: Date,
  limit: number,
): Promise<readonly Delivery[]> {
  const rows = await database
    .selectFrom('deliveries')
    .selectAll()
    .where('state', '=', 'waiting')
    .where('due_at', '<=', now.toISOString())
    .orderBy('due_at')
    .orderBy('id')
    .limit(boundedLimit(limit))
    .execute()
  return rows.map(readDelivery)
}

const STATES = ['waiting', 'delivered', 'failed', 'dropped'] as const

function writeDelivery(delivery: Delivery): DeliveryRow {
  const { id, channel, event, review, requester, attempts, state } = delivery
  return {
    id,
    channel,
    event,
    review,
    requester,
    attempts,
    state,
    created_at: delivery.createdAt.toISOString(),
    due_at: delivery.dueAt.toISOString(),
    error: storableOrNull(delivery.error),
    done_at: delivery.doneAt?.toISOString() ?? null,
  }
}

function readDelivery(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    channel: readRule(row.channel),
    event: present(
      NOTIFICATION_EVENTS.find(event => event === row.event),
      'event',
    ),
    review: present(readReviewId(row.review), 'review'),
    requester: row.requester,
    createdAt: readTime(row.created_at, 'created_at'),
    dueAt: readTime(row.due_at, 'due_at'),
    attempts: row.attempts,
    state: present(
      STATES.find(state => state === row.state),
      'state',
    ),
    error: row.error ?? undefined,
    doneAt: readTimeOrUndefined(row.done_at, 'done_at'),
  }
}
