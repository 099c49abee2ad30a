import { Kysely, PostgresDialect } from 'kysely'
import type { Clock } from '../domain/clock.js'
import { HoopError } from '../lib/hoop-error.js'
import { type AgentStore, makeAgentStore } from './agents.js'
import { type AuditStore, makeAuditStore } from './audit.js'
import { type DeliveryStore, makeDeliveryStore } from './deliveries.js'
import { type GrantStore, makeGrantStore } from './grants.js'
import { GroupedSqliteDialect } from './grouped-sqlite.js'
import { migrate } from './migrate.js'
import { MIGRATIONS, type Migration, type StoreKind } from './migrations.js'
import { openPostgresPool } from './postgres-pool.js'
import { holdPresence, type Presence } from './presence.js'
import { makePrincipalStore, type PrincipalStore } from './principals.js'
import { makeReviewStore, type ReviewStore } from './reviews.js'
import type { StoreSchema } from './schema.js'
import { makeSessionStore, type SessionStore } from './sessions.js'
import { openOwnedSqlite } from './sqlite-file.js'

/** What the gateway remembers. Every method rejects with `store_unavailable` when the database cannot answer. */
export interface Store {
  readonly kind: StoreKind
  readonly grants: GrantStore
  readonly sessions: SessionStore
  readonly agents: AgentStore
  readonly principals: PrincipalStore
  readonly audit: AuditStore
  readonly deliveries: DeliveryStore
  readonly reviews: ReviewStore
  /** Waits for the queries under way, then lets go of the database. Idempotent. */
  readonly close: () => Promise<void>
}

/** Where the store is, and what of the world it needs. */
export type StoreOptions = (
  | { readonly kind: 'sqlite'; readonly file: string }
  | { readonly kind: 'postgres'; readonly url: string }
) & {
  /** Dates the schema steps. The system's by default. */
  readonly clock?: Clock
  /** The schema, for tests of older and newer programs. */
  readonly migrations?: readonly Migration[]
  /** Called when an idle connection to PostgreSQL breaks; the next query opens a new one. */
  readonly onConnectionError?: (error: Error) => void
}

/**
 * Opens the store and brings its schema up to date.
 *
 * @throws HoopError `store_unavailable` when the database cannot be reached, another gateway uses the embedded store, or a
 * newer program has used it
 * @example const store = await openStore({ kind: 'sqlite', file: '/var/lib/hoop/hoop.db' })
 */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { database, release } = openDatabase(options)
  let presence: Presence | undefined
  try {
    await migrate(database, {
      kind: options.kind,
      migrations: options.migrations ?? MIGRATIONS,
      now: options.clock?.() ?? new Date(),
    })
    if (options.kind === 'postgres') {
      presence = await holdPresence(options.url, options.onConnectionError ?? (() => undefined))
    }
  } catch (cause) {
    await database.destroy().catch(() => undefined)
    release()
    if (cause instanceof HoopError) throw cause
    throw new HoopError(
      'store_unavailable',
      'Cannot open the store: its schema could not be brought up to date',
      { cause },
    )
  }
  let closed: Promise<void> | undefined
  return {
    kind: options.kind,
    grants: makeGrantStore(database),
    sessions: makeSessionStore(database, presence?.gateway),
    agents: makeAgentStore(database),
    principals: makePrincipalStore(database),
    audit: makeAuditStore(database),
    deliveries: makeDeliveryStore(database),
    reviews: makeReviewStore(database, options.kind),
    close: () => {
      closed ??= database
        .destroy()
        .finally(() => presence?.close())
        .finally(release)
      return closed
    },
  }
}

interface OpenDatabase {
  readonly database: Kysely<StoreSchema>
  readonly release: () => void
}

function openDatabase(options: StoreOptions): OpenDatabase {
  if (options.kind === 'sqlite') {
    const { connection, release } = openOwnedSqlite(options.file, process.versions.node)
    return {
      database: new Kysely<StoreSchema>({ dialect: new GroupedSqliteDialect(connection) }),
      release,
    }
  }
  const pool = openPostgresPool(options.url, options.onConnectionError ?? (() => undefined))
  return {
    database: new Kysely<StoreSchema>({ dialect: new PostgresDialect({ pool }) }),
    release: () => undefined,
  }
}
