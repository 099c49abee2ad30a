import { chmodSync, closeSync, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { HoopError } from '../lib/hoop-error.js'
import { openSqlite, type SqliteConnection } from './sqlite-driver.js'

/** How long a query waits for somebody else's lock, a backup or a `sqlite3` shell. It blocks the process, so it is short. */
const BUSY_TIMEOUT_MS = 1000

/** An SQLite file that is ours for as long as it is open. */
export interface OwnedSqlite {
  readonly connection: SqliteConnection
  /** Lets another gateway have the file. The operating system does it too when the process dies. */
  readonly release: () => void
}

/**
 * Opens the embedded store, private to this account (file 0600, folder 0700 when made here) and to this process.
 *
 * Node has no `flock`, so the lock is SQLite's own: a transaction that never ends on a database of its own beside the
 * store. It holds record locks of the operating system, which vanish with the process, also at SIGKILL: nothing stale
 * is left to clean up, and nothing to guess from a process id.
 */
export function openOwnedSqlite(file: string, nodeVersion: string): OwnedSqlite {
  makePrivate(file)
  const lock = takeLock(`${file}.lock`, file, nodeVersion)
  try {
    const connection = openSqlite(file, nodeVersion)
    connection.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`)
    connection.exec('pragma journal_mode = wal')
    // INVARIANT 12: an answered write is on the disk. NORMAL would lose the last ones when the power goes.
    connection.exec('pragma synchronous = full')
    connection.exec('pragma foreign_keys = on')
    connection.exec('pragma trusted_schema = off')
    return { connection, release: () => lock.close() }
  } catch (cause) {
    lock.close()
    throw new HoopError(
      'store_unavailable',
      `Cannot open the store "${file}": it is not a readable database`,
      { cause },
    )
  }
}

function takeLock(lockFile: string, file: string, nodeVersion: string): SqliteConnection {
  makePrivate(lockFile)
  let lock: SqliteConnection | undefined
  try {
    lock = openSqlite(lockFile, nodeVersion)
    lock.exec('pragma busy_timeout = 0')
    lock.exec('pragma journal_mode = delete')
    lock.exec('begin exclusive')
    return lock
  } catch (cause) {
    lock?.close()
    throw new HoopError('store_unavailable', `Cannot open the store "${file}": another gateway is using it`, {
      hint: 'stop the other gateway, or use a PostgreSQL store for more than one',
      cause,
    })
  }
}

function makePrivate(file: string): void {
  const folder = dirname(file)
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    if ((statSync(folder).mode & 0o002) !== 0) {
      throw new HoopError(
        'store_unavailable',
        `Cannot open the store "${file}": everybody can write to its folder`,
        {
          hint: `chmod o-w ${folder}`,
        },
      )
    }
    // Opened only when it is new: closing any handle of a locked file would drop this process's record locks on it.
    if (statSync(file, { throwIfNoEntry: false }) === undefined) closeSync(openSync(file, 'ax', 0o600))
    chmodSync(file, 0o600)
  } catch (cause) {
    if (cause instanceof HoopError) throw cause
    throw new HoopError('store_unavailable', `Cannot open the store "${file}": the file cannot be made`, {
      cause,
    })
  }
}
