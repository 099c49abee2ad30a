import { createRequire } from 'node:module'
import type { SqliteDatabase, SqliteStatement } from 'kysely'

/** What the store needs of an SQLite: Kysely's part, and statements without parameters. */
export interface SqliteConnection extends SqliteDatabase {
  readonly exec: (text: string) => void
}

/** The first Node release line whose `node:sqlite` is stable and prints no warning. */
const NODE_SQLITE_MAJOR = 24

/** The least of `node:sqlite` that is used here. */
interface NodeSqlite {
  readonly DatabaseSync: new (
    file: string,
  ) => {
    exec(text: string): void
    close(): void
    prepare(text: string): NodeStatement
  }
}

interface NodeStatement {
  columns(): readonly unknown[]
  all(...parameters: readonly unknown[]): unknown[]
  run(...parameters: readonly unknown[]): {
    readonly changes: number | bigint
    readonly lastInsertRowid: number | bigint
  }
  iterate(...parameters: readonly unknown[]): IterableIterator<unknown>
}

/** The same of libsql, whose API is that of better-sqlite3. */
type Libsql = new (
  file: string,
) => { exec(text: string): unknown; close(): unknown; prepare(text: string): SqliteStatement }

/**
 * Opens a database file with the SQLite at hand: Node's own where it is stable, else libsql. Both are synchronous; a
 * commit takes well under a millisecond on a local disk.
 */
export function openSqlite(file: string, nodeVersion: string): SqliteConnection {
  const load = createRequire(import.meta.url)
  return Number.parseInt(nodeVersion, 10) >= NODE_SQLITE_MAJOR
    ? openNodeSqlite(load('node:sqlite'), file)
    : openLibsql(load('libsql'), file)
}

function openLibsql(Database: Libsql, file: string): SqliteConnection {
  const database = new Database(file)
  return {
    exec: text => void database.exec(text),
    close: () => void database.close(),
    prepare: text => database.prepare(text),
  }
}

function openNodeSqlite({ DatabaseSync }: NodeSqlite, file: string): SqliteConnection {
  const database = new DatabaseSync(file)
  return {
    exec: text => database.exec(text),
    close: () => database.close(),
    prepare: text => {
      const statement = database.prepare(text)
      return {
        reader: statement.columns().length > 0,
        all: parameters => statement.all(...parameters),
        run: parameters => statement.run(...parameters),
        iterate: parameters => statement.iterate(...parameters),
      }
    },
  }
}
