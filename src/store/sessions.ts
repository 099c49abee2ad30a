import type { Kysely, SelectQueryBuilder } from 'kysely'
import { readProtocolName } from '../domain/connection.js'
import { readGrantId, readSessionId, type SessionId } from '../domain/ids.js'
import type { ConnectionName } from '../domain/names.js'
import type { Principal } from '../domain/principal.js'
import { type EndReason, readEndReason, type Session } from '../domain/session.js'
import { boundedLimit, guarded } from './guarded.js'
import { isOfNoGateway } from './presence.js'
import {
  present,
  principalColumns,
  readNames,
  readPrincipal,
  readTime,
  readTimeOrUndefined,
  storableText,
} from './row-values.js'
import type { SessionRow, StoreSchema } from './schema.js'

/** A session with what is known of it once it has ended; both counts are 0 until then. */
export interface StoredSession extends Session {
  readonly operations: number
  readonly refused: number
  /** The last link of the recording's hash chain; absent while it runs, and when the recording was lost. */
  readonly head: string | undefined
}

/** How a session ended. */
export interface SessionEnd {
  readonly at: Date
  readonly reason: EndReason
  readonly head: string | undefined
  readonly operations: number
  readonly refused: number
}

/** Which sessions to list, newest first. */
export interface SessionFilter {
  readonly principal?: Pick<Principal, 'issuer' | 'subject'> | undefined
  readonly connection?: ConnectionName | undefined
  /** At most 1000. */
  readonly limit: number
  /** Only sessions older than this one: the last of the page before. An unknown session gives nothing. */
  readonly before?: SessionId | undefined
}

/** Sessions as they are kept. */
export interface SessionStore {
  readonly insert: (session: Session) => Promise<void>
  /** Writes the end. True for the one call that did it: the first end stays. */
  readonly end: (id: SessionId, end: SessionEnd) => Promise<boolean>
  readonly find: (id: SessionId) => Promise<StoredSession | undefined>
  readonly list: (filter: SessionFilter) => Promise<readonly StoredSession[]>
  /** Sessions without an end, oldest first, at most 1000. */
  readonly listOpen: () => Promise<readonly StoredSession[]>
  /**
   * Those of them that no gateway runs any more: it was killed. On the embedded store, which has one gateway, before
   * that one has opened any. Oldest first, at most 1000: page by ending them.
   */
  readonly listLost: () => Promise<readonly StoredSession[]>
}

/**
 * The queries on `sessions`.
 *
 * @param gateway who opens sessions here, where there may be others; undefined on the embedded store
 */
export function makeSessionStore(database: Kysely<StoreSchema>, gateway: string | undefined): SessionStore {
  const open = () =>
    database
      .selectFrom('sessions')
      .selectAll()
      .where('ended_at', 'is', null)
      .orderBy('started_at')
      .orderBy('id')
      .limit(boundedLimit(Number.NaN))
  return {
    insert: guarded('record the session', async session => {
      await database
        .insertInto('sessions')
        .values({ ...writeSession(session), gateway: gateway ?? null })
        .execute()
    }),
    end: guarded('record the end of the session', async (id, end) => {
      const result = await database
        .updateTable('sessions')
        .set({
          ended_at: end.at.toISOString(),
          end_reason: end.reason,
          head: end.head ?? null,
          operations: end.operations,
          refused: end.refused,
        })
        .where('id', '=', id)
        .where('ended_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    }),
    find: guarded('read the session', async id => {
      const row = await database.selectFrom('sessions').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : readSession(row)
    }),
    list: guarded('list sessions', async filter => {
      const rows = await filtered(database, filter)
        .orderBy('started_at', 'desc')
        .orderBy('id', 'desc')
        .limit(boundedLimit(filter.limit))
        .execute()
      return rows.map(readSession)
    }),
    listOpen: guarded('list open sessions', async () => (await open().execute()).map(readSession)),
    listLost: guarded('list lost sessions', async () => {
      const lost = gateway === undefined ? open() : open().where(isOfNoGateway)
      return (await lost.execute()).map(readSession)
    }),
  }
}

function filtered(
  database: Kysely<StoreSchema>,
  filter: SessionFilter,
): SelectQueryBuilder<StoreSchema, 'sessions', SessionRow> {
  const { principal, connection, before } = filter
  let query = database.selectFrom('sessions').selectAll()
  if (principal !== undefined) {
    query = query.where('issuer', '=', principal.issuer).where('subject', '=', principal.subject)
  }
  if (connection !== undefined) query = query.where('connection', '=', connection)
  if (before === undefined) return query
  return query.where(({ eb, refTuple, selectFrom }) =>
    eb(
      refTuple('sessions.started_at', 'sessions.id'),
      '<',
      selectFrom('sessions as last')
        .select(['last.started_at', 'last.id'])
        .where('last.id', '=', before)
        .$asTuple('started_at', 'id'),
    ),
  )
}

function writeSession(session: Session): Omit<SessionRow, 'gateway'> {
  return {
    ...principalColumns(session.principal),
    id: session.id,
    grant_id: session.grant,
    connection: session.connection,
    role: session.role,
    protocol: session.protocol,
    address: storableText(session.address),
    started_at: session.startedAt.toISOString(),
    ended_at: session.endedAt?.toISOString() ?? null,
    end_reason: session.endReason ?? null,
    operations: 0,
    refused: 0,
    head: null,
  }
}

function readSession(row: SessionRow): StoredSession {
  return {
    ...readNames(row),
    id: present(readSessionId(row.id), 'id'),
    grant: present(readGrantId(row.grant_id), 'grant_id'),
    principal: readPrincipal(row),
    protocol: present(readProtocolName(row.protocol), 'protocol'),
    startedAt: readTime(row.started_at, 'started_at'),
    endedAt: readTimeOrUndefined(row.ended_at, 'ended_at'),
    endReason: row.end_reason === null ? undefined : present(readEndReason(row.end_reason), 'end_reason'),
    address: row.address,
    operations: row.operations,
    refused: row.refused,
    head: row.head ?? undefined,
  }
}
