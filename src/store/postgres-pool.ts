import pg from 'pg'

const CONNECTIONS_MAX = 10
const CONNECT_TIMEOUT_MS = 10_000
const STATEMENT_TIMEOUT_MS = 10_000
const IDLE_TIMEOUT_MS = 30_000

/** The OID of PostgreSQL's 64-bit integer, which `pg` would give as text. */
const INT8_OID = 20

/**
 * A pool of connections to the PostgreSQL store. Every wait has an end, so that a database that hangs is an error that
 * denies and not a gateway that hangs. A commit is on the disk when it is answered (INVARIANT 12), whatever the
 * server's or the account's default is.
 */
export function openPostgresPool(url: string, onConnectionError: (error: Error) => void): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    application_name: 'hoop-gateway',
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    idleTimeoutMillis: IDLE_TIMEOUT_MS,
    statement_timeout: STATEMENT_TIMEOUT_MS,
    query_timeout: STATEMENT_TIMEOUT_MS + CONNECT_TIMEOUT_MS,
    idle_in_transaction_session_timeout: STATEMENT_TIMEOUT_MS,
    // Before any query of ours. Not a start-up option: poolers refuse those.
    onConnect: async client => {
      await client.query('set synchronous_commit = on')
    },
    types: {
      getTypeParser: (oid, format) =>
        oid === INT8_OID && format !== 'binary' ? Number : pg.types.getTypeParser(oid, format),
    },
  })
  // The pool listens to idle connections only. One that breaks while a query has it would end the process: the query
  // itself fails, and that is all there is to know.
  pool.on('connect', client => void client.on('error', () => undefined))
  // Without a listener the loss of an idle connection would end the process.
  pool.on('error', onConnectionError)
  return pool
}
