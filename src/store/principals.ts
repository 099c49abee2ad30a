import type { Kysely } from 'kysely'
import type { Principal } from '../domain/principal.js'
import { boundedLimit, guarded } from './guarded.js'
import { principalColumns, readPrincipal, readTime } from './row-values.js'
import type { PrincipalRow, StoreSchema } from './schema.js'

/**
 * A principal as it was last seen: at its last sign-in or renewal. What it may do is decided from the token it brings, and
 * whether an answer it gave still counts from here too.
 */
export interface SeenPrincipal {
  readonly principal: Principal
  readonly lastSeenAt: Date
}

/** The people and workloads the gateway has seen. */
export interface PrincipalStore {
  readonly remember: (principal: Principal, at: Date) => Promise<void>
  readonly find: (key: Pick<Principal, 'issuer' | 'subject'>) => Promise<SeenPrincipal | undefined>
  /** Seen at `since` or later, by any gateway, last seen first; at most 1000. */
  readonly listSeen: (since: Date) => Promise<readonly SeenPrincipal[]>
  /** Last seen first; at most 1000. */
  readonly list: (limit: number) => Promise<readonly SeenPrincipal[]>
}

/** The queries on `principals`. */
export function makePrincipalStore(database: Kysely<StoreSchema>): PrincipalStore {
  return {
    remember: guarded('note the principal', async (principal, at) => {
      const columns = { ...principalColumns(principal), last_seen_at: at.toISOString() }
      const { name, groups, person, manager, last_seen_at } = columns
      await database
        .insertInto('principals')
        .values(columns)
        .onConflict(conflict =>
          conflict
            .columns(['issuer', 'subject'])
            .doUpdateSet({ name, groups, person, manager, last_seen_at }),
        )
        .execute()
    }),
    find: guarded('read the principal', async key => {
      const row = await database
        .selectFrom('principals')
        .selectAll()
        .where('issuer', '=', key.issuer)
        .where('subject', '=', key.subject)
        .executeTakeFirst()
      return row === undefined ? undefined : readSeen(row)
    }),
    listSeen: guarded('list principals', async since => {
      const query = lastSeenFirst(database).where('last_seen_at', '>=', since.toISOString())
      return (await query.limit(boundedLimit(Number.NaN)).execute()).map(readSeen)
    }),
    list: guarded('list principals', async limit => {
      const rows = await lastSeenFirst(database).limit(boundedLimit(limit)).execute()
      return rows.map(readSeen)
    }),
  }
}

function lastSeenFirst(database: Kysely<StoreSchema>) {
  return database.selectFrom('principals').selectAll().orderBy('last_seen_at', 'desc').orderBy('subject')
}

function readSeen(row: PrincipalRow): SeenPrincipal {
  return { principal: readPrincipal(row), lastSeenAt: readTime(row.last_seen_at, 'last_seen_at') }
}
