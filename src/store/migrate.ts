import { type Kysely, sql } from 'kysely'
import { HoopError } from '../lib/hoop-error.js'
import type { Migration, StoreKind } from './migrations.js'
import type { StoreSchema } from './schema.js'

/** Names the advisory lock that serialises gateways that start at once on one PostgreSQL: "hoop" in ASCII. */
const MIGRATION_LOCK = 0x68_6f_6f_70

type MigrationTable = {
  readonly hoop_migrations: { readonly name: string; readonly applied_at: string }
}

/**
 * Brings the database to the newest schema: all steps or none, in one transaction, under a lock. Refuses a database that
 * holds a step this program does not know, since a newer program wrote it. Ours and not Kysely's `Migrator`, because
 * that runs without a transaction on SQLite and would leave half a step behind after a crash.
 */
export async function migrate(
  database: Kysely<StoreSchema>,
  options: { readonly kind: StoreKind; readonly migrations: readonly Migration[]; readonly now: Date },
): Promise<void> {
  await database.transaction().execute(async transaction => {
    if (options.kind === 'postgres')
      await sql`select pg_advisory_xact_lock(${MIGRATION_LOCK})`.execute(transaction)
    const steps = transaction.withTables<MigrationTable>()
    await steps.schema
      .createTable('hoop_migrations')
      .ifNotExists()
      .addColumn('name', 'text', column => column.primaryKey().notNull())
      .addColumn('applied_at', 'text', column => column.notNull())
      .execute()
    const rows = await steps.selectFrom('hoop_migrations').select('name').orderBy('name').execute()
    for (const migration of pendingSteps(
      rows.map(row => row.name),
      options.migrations,
    )) {
      await migration.up(transaction, options.kind)
      await steps
        .insertInto('hoop_migrations')
        .values({ name: migration.name, applied_at: options.now.toISOString() })
        .execute()
    }
  })
}

/** The steps still to run. Refuses unknown steps and gaps: both mean that this is not the program for this database. */
function pendingSteps(applied: readonly string[], migrations: readonly Migration[]): readonly Migration[] {
  const unknown = applied.find(name => !migrations.some(migration => migration.name === name))
  if (unknown !== undefined) {
    throw new HoopError(
      'store_unavailable',
      `Cannot open the store: its schema "${unknown}" is newer than this program`,
      {
        hint: 'run the newest hoopd that has used this store, or restore a copy from before it',
      },
    )
  }
  const gap = applied.findIndex((name, place) => name !== migrations[place]?.name)
  if (gap >= 0)
    throw new HoopError(
      'store_unavailable',
      `Cannot open the store: schema step ${gap + 1} was never applied`,
    )
  return migrations.slice(applied.length)
}
