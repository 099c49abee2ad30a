import { type Kysely, sql } from 'kysely'
import { makeReviews } from './review-migration.js'
import type { StoreSchema } from './schema.js'

export type StoreKind = 'sqlite' | 'postgres'

/** One step of the schema. Steps are added at the end and never changed: databases out there have run them. */
export interface Migration {
  readonly name: string
  readonly up: (database: Kysely<StoreSchema>, kind: StoreKind) => Promise<void>
}

/** Every step, in the order in which they run. */
export const MIGRATIONS: readonly Migration[] = [
  { name: '0001-grants-sessions', up: makeGrantsAndSessions },
  { name: '0002-agents', up: makeAgents },
  { name: '0003-principals', up: makePrincipals },
  { name: '0004-audit', up: makeAudit },
  { name: '0005-session-gateway', up: noteGateways },
  { name: '0006-deliveries', up: makeDeliveries },
  { name: '0007-reviews', up: makeReviews },
  { name: '0008-grant-review', up: noteReviews },
]

async function makeGrantsAndSessions(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('grants')
    .addColumn('id', 'text', column => column.primaryKey().notNull())
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('groups', 'text', column => column.notNull())
    .addColumn('connection', 'text', column => column.notNull())
    .addColumn('role', 'text', column => column.notNull())
    .addColumn('reason', 'text')
    .addColumn('rule', 'text', column => column.notNull())
    .addColumn('granted_at', 'text', column => column.notNull())
    .addColumn('until', 'text', column => column.notNull())
    .addColumn('revoked_at', 'text')
    .addColumn('revoked_by', 'text')
    .execute()
  await database.schema
    .createIndex('grants_by_principal')
    .on('grants')
    .columns(['issuer', 'subject', 'granted_at'])
    .execute()
  await database.schema
    .createTable('sessions')
    .addColumn('id', 'text', column => column.primaryKey().notNull())
    .addColumn('grant_id', 'text', column => column.notNull().references('grants.id'))
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('groups', 'text', column => column.notNull())
    .addColumn('connection', 'text', column => column.notNull())
    .addColumn('role', 'text', column => column.notNull())
    .addColumn('protocol', 'text', column => column.notNull())
    .addColumn('address', 'text', column => column.notNull())
    .addColumn('started_at', 'text', column => column.notNull())
    .addColumn('ended_at', 'text')
    .addColumn('end_reason', 'text')
    .addColumn('operations', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('refused', 'integer', column => column.notNull().defaultTo(0))
    .addColumn('head', 'text')
    .execute()
  await indexSessions(database)
}

async function indexSessions(database: Kysely<StoreSchema>): Promise<void> {
  const index = (
    name: string,
    columns: readonly ('issuer' | 'subject' | 'connection' | 'started_at' | 'id')[],
  ) =>
    database.schema
      .createIndex(name)
      .on('sessions')
      .columns([...columns])
      .execute()
  await index('sessions_by_start', ['started_at', 'id'])
  await index('sessions_by_principal', ['issuer', 'subject', 'started_at', 'id'])
  await index('sessions_by_connection', ['connection', 'started_at', 'id'])
  await sql`create index sessions_open on sessions (started_at) where ended_at is null`.execute(database)
}

async function makeAgents(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('agents')
    .addColumn('name', 'text', column => column.primaryKey().notNull())
    .addColumn('public_key', 'text', column => column.notNull())
    .addColumn('enrolled_at', 'text', column => column.notNull())
    .addColumn('last_seen_at', 'text')
    .execute()
  await database.schema
    .createTable('used_enrollment_tokens')
    .addColumn('digest', 'text', column => column.primaryKey().notNull())
    .addColumn('agent', 'text', column => column.notNull())
    .addColumn('used_at', 'text', column => column.notNull())
    .execute()
}

async function makePrincipals(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('principals')
    .addColumn('issuer', 'text', column => column.notNull())
    .addColumn('subject', 'text', column => column.notNull())
    .addColumn('name', 'text', column => column.notNull())
    .addColumn('groups', 'text', column => column.notNull())
    .addColumn('last_seen_at', 'text', column => column.notNull())
    .addPrimaryKeyConstraint('principals_key', ['issuer', 'subject'])
    .execute()
}

/** What several gateways on one store must know of each other: who opened a session, and what was just revoked. */
async function noteGateways(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema.alterTable('sessions').addColumn('gateway', 'text').execute()
  const revoked = sql`create index grants_revoked on grants (revoked_at) where revoked_at is not null`
  await revoked.execute(database)
}

/** A review gives one grant: the index holds also against a mistake in a later query. */
async function noteReviews(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema.alterTable('grants').addColumn('review', 'text').execute()
  await database.schema.alterTable('grants').addColumn('break_glass', 'integer').execute()
  const once = sql`create unique index grants_by_review on grants (review) where review is not null`
  await once.execute(database)
}

async function makeDeliveries(database: Kysely<StoreSchema>): Promise<void> {
  await database.schema
    .createTable('deliveries')
    .addColumn('id', 'text', column => column.primaryKey().notNull())
    .addColumn('channel', 'text', column => column.notNull())
    .addColumn('event', 'text', column => column.notNull())
    .addColumn('review', 'text', column => column.notNull())
    .addColumn('requester', 'text', column => column.notNull())
    .addColumn('created_at', 'text', column => column.notNull())
    .addColumn('due_at', 'text', column => column.notNull())
    .addColumn('attempts', 'integer', column => column.notNull())
    .addColumn('state', 'text', column => column.notNull())
    .addColumn('error', 'text')
    .addColumn('done_at', 'text')
    .execute()
  const waiting = sql`create index deliveries_waiting on deliveries (due_at) where state = 'waiting'`
  await waiting.execute(database)
  await database.schema
    .createIndex('deliveries_by_requester')
    .on('deliveries')
    .columns(['channel', 'requester', 'event', 'created_at'])
    .execute()
  await database.schema.createIndex('deliveries_by_time').on('deliveries').columns(['created_at']).execute()
}

/** INVARIANT 12: the audit log only grows. The triggers hold also against a mistake in a later query. */
async function makeAudit(database: Kysely<StoreSchema>, kind: StoreKind): Promise<void> {
  await database.schema
    .createTable('audit')
    .addColumn('sequence', kind === 'sqlite' ? 'integer' : 'bigserial', column =>
      kind === 'sqlite' ? column.primaryKey().autoIncrement() : column.primaryKey(),
    )
    .addColumn('at', 'text', column => column.notNull())
    .addColumn('actor', 'text', column => column.notNull())
    .addColumn('action', 'text', column => column.notNull())
    .addColumn('subject', 'text')
    .addColumn('rule', 'text')
    .addColumn('address', 'text')
    .addColumn('detail', 'text')
    .execute()
  const statements = kind === 'sqlite' ? SQLITE_APPEND_ONLY : POSTGRES_APPEND_ONLY
  for (const statement of statements) await sql.raw(statement).execute(database)
}

const SQLITE_APPEND_ONLY = ['update', 'delete'].map(
  verb =>
    `create trigger audit_no_${verb} before ${verb} on audit begin select raise(abort, 'the audit log only grows'); end`,
)

const POSTGRES_APPEND_ONLY = [
  `create function refuse_audit_change() returns trigger language plpgsql as
   $$ begin raise exception 'the audit log only grows'; end $$`,
  `create trigger audit_no_change before update or delete or truncate on audit
   for each statement execute function refuse_audit_change()`,
]
