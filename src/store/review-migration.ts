import { type Kysely, sql } from 'kysely'
import type { StoreSchema } from './schema.js'

/** Questions to people, their answers, and what of a person decides who may answer. */
export async function makeReviews(database: Kysely<StoreSchema>): Promise<void> {
  for (const table of ['grants', 'sessions', 'principals'] as const) {
    for (const column of ['person', 'manager'] as const) {
      await database.schema.alterTable(table).addColumn(column, 'text').execute()
    }
  }
  await makeReviewTable(database)
  await makeAnswerTable(database)
  await database.schema
    .createTable('review_groups')
    .addColumn('review', 'text', column => column.notNull().references('reviews.id'))
    .addColumn('member', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('review_groups_key', ['member', 'review'])
    .execute()
  await database.schema
    .createTable('review_clock')
    .addColumn('id', 'integer', column => column.primaryKey().notNull())
    .addColumn('reading', 'bigint', column => column.notNull())
    .execute()
  await database.insertInto('review_clock').values({ id: 1, reading: 0 }).execute()
}

async function makeReviewTable(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('reviews')
    .addColumn('id', 'text', column => column.primaryKey().notNull())
    .addColumn('version', 'integer', column => column.notNull())
    .addColumn('changed', 'bigint', column => column.notNull())
    .addColumn('kind', 'text', column => column.notNull())
    .addColumn('session', 'text')
    .addColumn('connection', 'text', column => column.notNull())
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('groups', 'text', column => column.notNull())
    .addColumn('person', 'text')
    .addColumn('manager', 'text')
    .addColumn('manager_may', 'integer', column => column.notNull())
    .addColumn('asked', 'text', column => column.notNull())
    .addColumn('demands', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('digest', 'text', column => column.notNull())
    .addColumn('asked_at', 'text', column => column.notNull())
    .addColumn('until', 'text', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('state_at', 'text', column => column.notNull())
    .addColumn('why', 'text')
    .execute()
  await sql`create unique index reviews_changed on reviews (changed)`.execute(database)
  await sql`create index reviews_open on reviews (until) where state in ('pending', 'approved')`.execute(
    database,
  )
  await sql`create index reviews_by_requester on reviews (issuer, subject, asked_at)`.execute(database)
  await sql`create index reviews_by_manager on reviews (manager) where manager_may = 1`.execute(database)
}

async function makeAnswerTable(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('review_answers')
    .addColumn('review', 'text', column => column.notNull().references('reviews.id'))
    .addColumn('place', 'integer', column => column.notNull())
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('groups', 'text', column => column.notNull())
    .addColumn('person', 'text')
    .addColumn('manager', 'text')
    .addColumn('verdict', 'text', column => column.notNull())
    .addColumn('comment', 'text')
    .addColumn('at', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('review_answers_key', ['review', 'place'])
    .execute()
}
