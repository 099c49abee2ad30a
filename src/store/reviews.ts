import { type ExpressionBuilder, type Kysely, type Selectable, sql, type Transaction } from 'kysely'
import type { ReviewId } from '../domain/ids.js'
import type { Principal } from '../domain/principal.js'
import type { Review } from '../domain/review.js'
import type { ReviewState } from '../domain/review-state.js'
import { type AuditEntry, insertAudit } from './audit.js'
import { boundedLimit, guarded } from './guarded.js'
import type { StoreKind } from './migrations.js'
import { isOfNoGateway } from './presence.js'
import {
  kindOf,
  readReview,
  type StoredReview,
  writeAnswer,
  writeQuestion,
  writeState,
} from './review-rows.js'
import type { ReviewRow, StoreSchema } from './schema.js'

/** How much one person may ask. */
export interface AskLimits {
  /** Questions that wait at once. */
  readonly pendingMax: number
  /** Questions asked since then. */
  readonly recentMax: number
  readonly recentSince: Date
}

/** What became of a question. */
export type Asking =
  /** `repeated`: the same question of the same person waits already. */
  | { readonly kind: 'asked'; readonly stored: StoredReview; readonly repeated: boolean }
  /** The same question about a grant waits already: it is this one. */
  | { readonly kind: 'joined'; readonly stored: StoredReview }
  | { readonly kind: 'refused'; readonly because: 'pending' | 'recent' }

/** Which reviews to list. */
export interface ReviewFilter {
  /** Only what this principal asked or what is put to one of their groups or to them as manager; undefined for all. */
  readonly reader: Principal | undefined
  readonly states?: readonly ReviewState[] | undefined
  readonly requester?: Pick<Principal, 'issuer' | 'subject'> | undefined
  readonly connection?: string | undefined
  /** Only what changed after this reading of the clock, the first change first. Otherwise the newest question first. */
  readonly changedAfter?: number | undefined
  /** At most 1000. */
  readonly limit: number
}

/** Questions to people. Each change is one transaction with its audit entries: INVARIANT 12. */
export interface ReviewStore {
  /** Keeps a new question, unless this person asks too much. One at a time, at all gateways, so that limits are exact. */
  readonly ask: (
    review: Review,
    options: { readonly limits: AskLimits; readonly audit: AuditEntry },
  ) => Promise<Asking>
  readonly find: (id: ReviewId) => Promise<StoredReview | undefined>
  /** Compare-and-set: undefined when somebody else changed it since it was read. Answers are only ever added. */
  readonly change: (
    from: StoredReview,
    options: { readonly to: Review; readonly audit: readonly AuditEntry[] },
  ) => Promise<StoredReview | undefined>
  readonly list: (filter: ReviewFilter) => Promise<readonly StoredReview[]>
  /** The clock: it moves with every change of any review. */
  readonly reading: () => Promise<number>
  /** What changed after a reading, in order; at most 1000. */
  readonly changesAfter: (
    reading: number,
  ) => Promise<readonly { readonly id: string; readonly changed: number }[]>
  /** Open reviews whose time is over; at most 1000. */
  readonly listOverdue: (now: Date) => Promise<readonly StoredReview[]>
  /**
   * Open reviews of operations whose session no gateway runs any more; on the embedded store, which has one gateway, all of
   * them: before that one has opened any. At most 1000.
   */
  readonly listLost: () => Promise<readonly StoredReview[]>
}

/** Groups of a reader that are looked for; providers give some hundreds at most. */
const GROUPS_MAX = 1_000

/** The queries on `reviews`, `review_answers`, `review_groups` and `review_clock`. */
export function makeReviewStore(database: Kysely<StoreSchema>, kind: StoreKind): ReviewStore {
  const opens = () =>
    database
      .selectFrom('reviews')
      .selectAll('reviews')
      .where('reviews.state', 'in', ['pending', 'approved'])
      .orderBy('reviews.until')
      .limit(boundedLimit(Number.NaN))
  return {
    ask: guarded('keep the question', (review, options) =>
      database.transaction().execute(transaction => ask(transaction, review, options)),
    ),
    find: guarded('read the review', async id => {
      const row = await database.selectFrom('reviews').selectAll().where('id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : (await withAnswers(database, [row]))[0]
    }),
    change: guarded('change the review', (from, options) =>
      database.transaction().execute(transaction => change(transaction, from, options)),
    ),
    list: guarded('list reviews', async filter =>
      withAnswers(database, await filtered(database, filter).execute()),
    ),
    reading: guarded('read the changes of reviews', () => readClock(database)),
    changesAfter: guarded('read the changes of reviews', reading =>
      database
        .selectFrom('reviews')
        .select(['id', 'changed'])
        .where('changed', '>', reading)
        .orderBy('changed')
        .limit(boundedLimit(Number.NaN))
        .execute(),
    ),
    listOverdue: guarded('list reviews', async now =>
      withAnswers(database, await opens().where('reviews.until', '<=', now.toISOString()).execute()),
    ),
    listLost: guarded('list lost reviews', async () => {
      const held = opens().where('reviews.kind', '=', 'operation')
      if (kind === 'sqlite') return withAnswers(database, await held.execute())
      const lost = held
        .leftJoin('sessions', 'sessions.id', 'reviews.session')
        .where(({ or, eb }) =>
          or([eb('sessions.id', 'is', null), eb('sessions.ended_at', 'is not', null), isOfNoGateway]),
        )
      return withAnswers(database, await lost.execute())
    }),
  }
}

async function ask(
  transaction: Transaction<StoreSchema>,
  review: Review,
  { limits, audit }: { readonly limits: AskLimits; readonly audit: AuditEntry },
): Promise<Asking> {
  // First of all, so that whoever asks at the same time waits here and is counted.
  const changed = await moveClock(transaction)
  const same = await transaction
    .selectFrom('reviews')
    .selectAll()
    .where(isOf(review.requester))
    .where('digest', '=', review.digest)
    .where('kind', '=', kindOf(review.subject))
    .where('state', '=', 'pending')
    .where('until', '>', review.askedAt.toISOString())
    .orderBy('asked_at')
    .limit(1)
    .executeTakeFirst()
  if (same?.kind === 'grant') return { kind: 'joined', stored: await only(transaction, same) }
  const because = await whyTooMuch(transaction, review, limits)
  if (because !== undefined) return { kind: 'refused', because }
  const row: ReviewRow = { ...writeQuestion(review), ...writeState(review), version: 1, changed }
  await transaction.insertInto('reviews').values(row).execute()
  const groups = [...new Set(review.demands.flatMap(({ terms }) => terms.groups))]
  if (groups.length > 0) {
    await transaction
      .insertInto('review_groups')
      .values(groups.map(member => ({ review: review.id, member })))
      .execute()
  }
  await insertAudit(transaction, audit)
  return { kind: 'asked', stored: readReview(row, []), repeated: same !== undefined }
}

async function whyTooMuch(
  transaction: Transaction<StoreSchema>,
  { requester, subject, askedAt }: Review,
  { pendingMax, recentMax, recentSince }: AskLimits,
): Promise<'pending' | 'recent' | undefined> {
  // What was given already is counted apart: no flood of questions shuts out an emergency, and it waits for weeks.
  const isAfterwards = kindOf(subject) === 'afterwards'
  const counted = () =>
    transaction
      .selectFrom('reviews')
      .select(({ fn }) => fn.countAll().as('count'))
      .where(isOf(requester))
      .where('kind', isAfterwards ? '=' : '!=', 'afterwards')
  const recent = await counted().where('asked_at', '>', recentSince.toISOString()).executeTakeFirstOrThrow()
  if (Number(recent.count) >= recentMax) return 'recent'
  if (isAfterwards) return undefined
  const pending = await counted()
    .where('state', '=', 'pending')
    .where('until', '>', askedAt.toISOString())
    .executeTakeFirstOrThrow()
  return Number(pending.count) >= pendingMax ? 'pending' : undefined
}

/** INVARIANT 6: of two that change a review from the same version, one does. */
async function change(
  transaction: Transaction<StoreSchema>,
  from: StoredReview,
  { to, audit }: { readonly to: Review; readonly audit: readonly AuditEntry[] },
): Promise<StoredReview | undefined> {
  const changed = await moveClock(transaction)
  const version = from.version + 1
  const result = await transaction
    .updateTable('reviews')
    .set({ ...writeState(to), version, changed })
    .where('id', '=', from.review.id)
    .where('version', '=', from.version)
    .where('state', '=', from.review.state)
    .executeTakeFirst()
  if (result.numUpdatedRows !== 1n) return undefined
  for (const [place, answer] of to.answers.entries()) {
    if (place < from.review.answers.length) continue
    await transaction
      .insertInto('review_answers')
      .values(writeAnswer(to, place, answer))
      .execute()
  }
  for (const entry of audit) await insertAudit(transaction, entry)
  return { review: to, version, changed }
}

/**
 * Moves the clock on and takes its row until the transaction ends: changes become visible in the order of their readings, so
 * that who reads what changed after one misses nothing.
 */
async function moveClock(transaction: Transaction<StoreSchema>): Promise<number> {
  await transaction
    .updateTable('review_clock')
    .set(({ eb }) => ({ reading: eb('reading', '+', 1) }))
    .where('id', '=', 1)
    .execute()
  return readClock(transaction)
}

async function readClock(database: Kysely<StoreSchema>): Promise<number> {
  const row = await database.selectFrom('review_clock').select('reading').executeTakeFirstOrThrow()
  return row.reading
}

function filtered(database: Kysely<StoreSchema>, filter: ReviewFilter) {
  const { reader, states, requester, connection, changedAfter, limit } = filter
  let query = database.selectFrom('reviews').selectAll('reviews').limit(boundedLimit(limit))
  if (reader !== undefined) query = query.where(isForReader(reader))
  if (states !== undefined) query = query.where('state', 'in', [...states])
  if (requester !== undefined) {
    query = query.where('issuer', '=', requester.issuer).where('subject', '=', requester.subject)
  }
  if (connection !== undefined) query = query.where('connection', '=', connection)
  if (changedAfter === undefined) return query.orderBy('asked_at', 'desc').orderBy('id', 'desc')
  return query.where('changed', '>', changedAfter).orderBy('changed')
}

function isForReader({ issuer, subject, name, groups }: Principal) {
  return ({ or, and, eb, exists, selectFrom }: ExpressionBuilder<StoreSchema, 'reviews'>) =>
    or([
      and([eb('reviews.issuer', '=', issuer), eb('reviews.subject', '=', subject)]),
      and([
        eb('reviews.manager_may', '=', 1),
        eb('reviews.issuer', '=', issuer),
        eb('reviews.manager', 'in', [subject, name]),
      ]),
      ...(groups.length === 0
        ? []
        : [
            exists(
              selectFrom('review_groups')
                .select(sql<number>`1`.as('one'))
                .whereRef('review_groups.review', '=', 'reviews.id')
                .where('review_groups.member', 'in', groups.slice(0, GROUPS_MAX)),
            ),
          ]),
    ])
}

/** Reviews of one person, by any of their accounts that the provider says are theirs. */
function isOf({ issuer, subject, person }: Principal) {
  return ({ or, and, eb }: ExpressionBuilder<StoreSchema, 'reviews'>) =>
    or([
      and([eb('issuer', '=', issuer), eb('subject', '=', subject)]),
      ...(person === undefined ? [] : [eb('person', '=', person)]),
    ])
}

async function withAnswers(
  database: Kysely<StoreSchema>,
  rows: readonly Selectable<ReviewRow>[],
): Promise<readonly StoredReview[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const answers = await database.selectFrom('review_answers').selectAll().where('review', 'in', ids).execute()
  return rows.map(row => readReview(row, answers))
}

async function only(database: Kysely<StoreSchema>, row: Selectable<ReviewRow>): Promise<StoredReview> {
  return readReview(
    row,
    await database.selectFrom('review_answers').selectAll().where('review', '=', row.id).execute(),
  )
}
