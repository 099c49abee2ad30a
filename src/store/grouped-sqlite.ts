import {
  type CompiledQuery,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type SqliteStatement,
} from 'kysely'
import type { SqliteConnection } from './sqlite-driver.js'

/** Writes of one commit: what waits meanwhile is the whole gateway, so a group stays small. */
const GROUP_MAX = 128
/** Statements kept prepared. The store has some forty. */
const STATEMENTS_MAX = 256

interface Waiting {
  readonly statement: SqliteStatement
  readonly parameters: readonly unknown[]
  readonly resolve: (result: QueryResult<never>) => void
  readonly reject: (error: unknown) => void
}

/**
 * An SQLite whose commits are shared. A commit waits for the disk and this process with it, so all writes that are asked
 * for in one turn of the event loop go to the disk together. Each promise still settles after its own write is there
 * (INVARIANT 12), and a write that fails takes no other with it. Kysely's own dialect commits each one alone.
 */
export class GroupedSqliteDialect implements Dialect {
  readonly #connection: SqliteConnection

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  createDriver(): Driver {
    return new GroupedSqliteDriver(this.#connection)
  }

  createQueryCompiler(): QueryCompiler {
    return new SqliteQueryCompiler()
  }

  createAdapter(): DialectAdapter {
    return new SqliteAdapter()
  }

  createIntrospector(database: Kysely<unknown>): DatabaseIntrospector {
    return new SqliteIntrospector(database)
  }
}

class GroupedSqliteDriver implements Driver {
  readonly #database: SqliteConnection
  readonly #statements = new Map<string, SqliteStatement>()
  #waiting: Waiting[] = []
  /** Who has a transaction open; everyone else waits for its end. */
  #holder: DatabaseConnection | undefined
  #released: Promise<void> = Promise.resolve()
  #release: () => void = () => {}

  constructor(database: SqliteConnection) {
    this.#database = database
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    const connection: DatabaseConnection = {
      executeQuery: query => this.#execute(connection, query),
      // biome-ignore lint/correctness/useYield: nothing in the store reads in pieces.
      streamQuery: async function* () {
        throw new Error('the embedded store does not stream')
      },
    }
    return connection
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    while (this.#holder !== undefined) await this.#released
    this.#commitWaiting()
    this.#database.exec('begin')
    this.#holder = connection
    this.#released = new Promise(resolve => {
      this.#release = resolve
    })
  }

  async commitTransaction(): Promise<void> {
    this.#database.exec('commit')
    this.#endTransaction()
  }

  async rollbackTransaction(): Promise<void> {
    if (this.#holder === undefined) return
    try {
      this.#database.exec('rollback')
    } finally {
      this.#endTransaction()
    }
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    if (this.#holder === connection) await this.rollbackTransaction()
  }

  async destroy(): Promise<void> {
    this.#commitWaiting()
    this.#database.close()
  }

  async #execute<Result>(connection: DatabaseConnection, query: CompiledQuery): Promise<QueryResult<Result>> {
    while (this.#holder !== undefined && this.#holder !== connection) await this.#released
    const statement = this.#prepare(query.sql)
    if (statement.reader) return { rows: readRows<Result>(statement, query.parameters) }
    if (this.#holder === connection) return runNow(statement, query.parameters)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ statement, parameters: query.parameters, resolve, reject })
      if (this.#waiting.length >= GROUP_MAX) this.#commitWaiting()
      else if (this.#waiting.length === 1) setImmediate(() => this.#commitWaiting())
    })
  }

  /** Everything that waits, in one commit. When anything of it fails, each on its own, as if there were no groups. */
  #commitWaiting(): void {
    const group = this.#waiting
    this.#waiting = []
    if (group.length > 1 && this.#commitTogether(group)) return
    for (const { statement, parameters, resolve, reject } of group) {
      try {
        resolve(runNow(statement, parameters))
      } catch (error) {
        reject(error)
      }
    }
  }

  /** True when the whole group is on the disk; false when nothing of it is. */
  #commitTogether(group: readonly Waiting[]): boolean {
    try {
      this.#database.exec('begin')
      const results = group.map(({ statement, parameters }) => runNow(statement, parameters))
      this.#database.exec('commit')
      for (const [at, result] of results.entries()) group[at]?.resolve(result)
      return true
    } catch {
      try {
        this.#database.exec('rollback')
      } catch {
        // SQLite has rolled it back by itself: a full disk does that.
      }
      return false
    }
  }

  #prepare(text: string): SqliteStatement {
    const known = this.#statements.get(text)
    if (known !== undefined) return known
    const statement = this.#database.prepare(text)
    if (this.#statements.size < STATEMENTS_MAX) this.#statements.set(text, statement)
    return statement
  }

  #endTransaction(): void {
    this.#holder = undefined
    this.#release()
  }
}

function readRows<Row>(statement: SqliteStatement, parameters: readonly unknown[]): Row[] {
  // The shape is what the query's types say, as in Kysely's own drivers.
  return statement.all(parameters) as Row[]
}

function runNow(statement: SqliteStatement, parameters: readonly unknown[]): QueryResult<never> {
  const { changes, lastInsertRowid } = statement.run(parameters)
  return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) }
}
