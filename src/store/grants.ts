import type { Kysely } from 'kysely'
import type { Grant } from '../domain/grant.js'
import { type GrantId, type ReviewId, readGrantId, readReviewId } from '../domain/ids.js'
import type { Principal } from '../domain/principal.js'
import { type Actor, writeActor } from './actor.js'
import { boundedLimit, guarded } from './guarded.js'
import {
  present,
  principalColumns,
  readNames,
  readPrincipal,
  readRule,
  readTime,
  readTimeOrUndefined,
  storableOrNull,
} from './row-values.js'
import type { GrantRow, StoreSchema } from './schema.js'

/** Grants as they are kept. Whether one is alive now is `whyGrantIsDead`'s to say. */
export interface GrantStore {
  readonly insert: (grant: Grant) => Promise<void>
  readonly find: (id: GrantId) => Promise<Grant | undefined>
  /** The grant that a review gave, or that it looks at. */
  readonly findByReview: (review: ReviewId) => Promise<Grant | undefined>
  /** Everybody's, newest first; at most 1000. */
  readonly list: (limit: number) => Promise<readonly Grant[]>
  /** The grants of one principal, newest first; at most 1000. */
  readonly listFor: (
    principal: Pick<Principal, 'issuer' | 'subject'>,
    limit: number,
  ) => Promise<readonly Grant[]>
  /** Grants that could still be used at `now`: neither ended nor revoked. Newest first, at most 1000. */
  readonly listLive: (now: Date, limit: number) => Promise<readonly Grant[]>
  /** Grants that were revoked at `since` or later, by any gateway. The newest first, at most 1000. */
  readonly listRevoked: (since: Date) => Promise<readonly Grant[]>
  /** Ends a grant early. True for the one call that did it: a grant is revoked once, and the first time stays. */
  readonly revoke: (id: GrantId, by: Actor, at: Date) => Promise<boolean>
}

/** The queries on `grants`. */
export function makeGrantStore(database: Kysely<StoreSchema>): GrantStore {
  return {
    insert: guarded('record the grant', async grant => {
      await database.insertInto('grants').values(writeGrant(grant)).execute()
    }),
    find: guarded('read the grant', async id => {
      const row = await database.selectFrom('grants').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : readGrant(row)
    }),
    findByReview: guarded('read the grant', async review => {
      const query = database.selectFrom('grants').selectAll().where('review', '=', review)
      const row = await query.executeTakeFirst()
      return row === undefined ? undefined : readGrant(row)
    }),
    list: guarded('list grants', limit => list(database, limit)),
    listFor: guarded('list grants', async (principal, limit) => {
      const rows = await database
        .selectFrom('grants')
        .selectAll()
        .where('issuer', '=', principal.issuer)
        .where('subject', '=', principal.subject)
        .orderBy('granted_at', 'desc')
        .orderBy('id', 'desc')
        .limit(boundedLimit(limit))
        .execute()
      return rows.map(readGrant)
    }),
    listLive: guarded('list grants', (now, limit) => listLive(database, now, limit)),
    listRevoked: guarded('list revoked grants', since => listRevoked(database, since)),
    revoke: guarded('revoke the grant', async (id, by, at) => {
      const result = await database
        .updateTable('grants')
        .set({ revoked_at: at.toISOString(), revoked_by: writeActor(by) })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows === 1n
    }),
  }
}

async function listLive(database: Kysely<StoreSchema>, now: Date, limit: number): Promise<readonly Grant[]> {
  const rows = await database
    .selectFrom('grants')
    .selectAll()
    .where('until', '>', now.toISOString())
    .where('revoked_at', 'is', null)
    .orderBy('granted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(boundedLimit(limit))
    .execute()
  return rows.map(readGrant)
}

async function list(database: Kysely<StoreSchema>, limit: number): Promise<readonly Grant[]> {
  const rows = await database
    .selectFrom('grants')
    .selectAll()
    .orderBy('granted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(boundedLimit(limit))
    .execute()
  return rows.map(readGrant)
}

async function listRevoked(database: Kysely<StoreSchema>, since: Date): Promise<readonly Grant[]> {
  const rows = await database
    .selectFrom('grants')
    .selectAll()
    .where('revoked_at', '>=', since.toISOString())
    .orderBy('revoked_at', 'desc')
    .limit(boundedLimit(Number.NaN))
    .execute()
  return rows.map(readGrant)
}

function writeGrant(grant: Grant): GrantRow {
  return {
    ...principalColumns(grant.principal),
    id: grant.id,
    connection: grant.connection,
    role: grant.role,
    reason: storableOrNull(grant.reason),
    rule: grant.rule,
    granted_at: grant.grantedAt.toISOString(),
    until: grant.until.toISOString(),
    revoked_at: grant.revokedAt?.toISOString() ?? null,
    revoked_by: null,
    review: grant.review ?? null,
    break_glass: grant.breakGlass === true ? 1 : 0,
  }
}

function readGrant(row: GrantRow): Grant {
  return {
    ...readNames(row),
    id: present(readGrantId(row.id), 'id'),
    principal: readPrincipal(row),
    reason: row.reason ?? undefined,
    rule: readRule(row.rule),
    grantedAt: readTime(row.granted_at, 'granted_at'),
    until: readTime(row.until, 'until'),
    revokedAt: readTimeOrUndefined(row.revoked_at, 'revoked_at'),
    ...(row.review === null ? {} : { review: present(readReviewId(row.review), 'review') }),
    ...(row.break_glass === 1 ? { breakGlass: true } : {}),
  }
}
