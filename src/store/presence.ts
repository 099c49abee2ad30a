import { randomInt } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { HoopError } from '../lib/hoop-error.js'

/** Tells our advisory locks from those of other programs on the same database. */
const LOCK_CLASS = 0x68_6f_6f_71
/** Lock keys are positive and below this: PostgreSQL shows them as unsigned numbers. */
const KEY_MAX = 2 ** 31 - 1
const KEY_TRIES = 8
const CONNECT_TIMEOUT_MS = 10_000
const RETRY_MS = 1_000

/** A gateway that says on a PostgreSQL store that it runs. */
export interface Presence {
  /** New at each start. */
  readonly gateway: string
  readonly close: () => Promise<void>
}

/**
 * Says that this gateway runs, for as long as it does: an advisory lock on a connection of its own, which the server
 * lets go of when the process dies, also at SIGKILL. No clocks are compared and nothing stale is left. A connection
 * that breaks is opened again. The connection must be the server's own or a pooler's in session mode.
 */
export async function holdPresence(
  url: string,
  onConnectionError: (error: Error) => void,
): Promise<Presence> {
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let client: pg.Client | undefined
  const again = (key: number): void => {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(() => hold(key), RETRY_MS)
    timer.unref()
  }
  const hold = (key: number): void => {
    lock(url, key).then(
      taken => {
        if (taken === undefined) again(key)
        else if (closed) taken.end().catch(() => undefined)
        else watch(taken, key)
      },
      (error: Error) => {
        onConnectionError(error)
        again(key)
      },
    )
  }
  const watch = (held: pg.Client, key: number): void => {
    client = held
    held.on('error', onConnectionError)
    held.once('end', () => again(key))
  }
  const [first, key] = await takeAny(url)
  watch(first, key)
  return {
    gateway: String(key),
    close: async () => {
      closed = true
      clearTimeout(timer)
      await client?.end().catch(() => undefined)
    },
  }
}

/** A condition on `sessions`: no gateway that runs now has opened it. */
export const isOfNoGateway = sql<boolean>`(sessions.gateway is null or sessions.gateway not in (
    select objid::text from pg_catalog.pg_locks
    where locktype = 'advisory' and granted and classid = ${LOCK_CLASS} and objsubid = 2 and database = (
      select oid from pg_catalog.pg_database where datname = pg_catalog.current_database())))`

async function takeAny(url: string): Promise<readonly [pg.Client, number]> {
  for (let attempt = 0; attempt < KEY_TRIES; attempt += 1) {
    const key = randomInt(1, KEY_MAX)
    const client = await lock(url, key)
    if (client !== undefined) return [client, key]
  }
  throw new HoopError('store_unavailable', 'Cannot open the store: no lock is free for this gateway')
}

/** A connection that holds the lock, or nothing when another one does. */
async function lock(url: string, key: number): Promise<pg.Client | undefined> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'hoop-gateway',
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: CONNECT_TIMEOUT_MS,
    keepAlive: true,
  })
  // Without a listener a connection that breaks would end the process; who waits for the query learns of it too.
  client.on('error', () => undefined)
  try {
    await client.connect()
    const answer = await client.query('select pg_catalog.pg_try_advisory_lock($1, $2) as taken', [
      LOCK_CLASS,
      key,
    ])
    if (answer.rows[0]?.taken === true) return client
  } catch (error) {
    await client.end().catch(() => undefined)
    throw error
  }
  await client.end()
  return undefined
}
