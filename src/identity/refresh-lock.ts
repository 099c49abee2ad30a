import { createHash, randomUUID } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { open, readFile, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { HoopError } from '../lib/hoop-error.js'
import { makePrivateDirectory } from './private-file.js'

const WAIT_MAX_MS = 30_000
const POLL_MS = 25
const HEARTBEAT_MS = 2000
/** A lock that nobody touched for this long belongs to nobody: its holder is stopped, or on a machine that is gone. */
const STALE_AFTER_MS = 15_000
const LOCK_BYTES_MAX = 1024

/** Which lock, and how long to wait for it. */
export interface FileLockOptions {
  readonly path: string
  /** What the lock protects, for the message: `the login`. */
  readonly purpose: string
  readonly waitMs?: number
  readonly signal?: AbortSignal
}

/**
 * Lets parallel commands refresh one after the other. With refresh tokens that rotate, two at once would burn the token
 * that the other one is about to store, and the provider would take it for theft and end the login. Inside, read the
 * credential again: another command may have refreshed it meanwhile.
 *
 * @throws HoopError `conflict` when another command holds it for longer than the wait
 */
export async function withRefreshLock<Result>(
  options: {
    readonly directory: string
    readonly gateway: string
    readonly waitMs?: number
    readonly signal?: AbortSignal
  },
  work: () => Promise<Result>,
): Promise<Result> {
  const { directory, gateway, ...rest } = options
  await makePrivateDirectory(directory, 'the login')
  const name = createHash('sha256').update(gateway).digest('hex').slice(0, 16)
  return withFileLock({ ...rest, path: join(directory, `refresh-${name}.lock`), purpose: 'the login' }, work)
}

/**
 * Runs `work` while no other process does so with the same path. The holder touches the file every two seconds; a lock
 * whose process has died, or that nobody touches any more, is taken over.
 */
export async function withFileLock<Result>(
  options: FileLockOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const nonce = await acquire(options)
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(options.path, now, now).catch(() => undefined)
  }, HEARTBEAT_MS)
  heartbeat.unref()
  try {
    return await work()
  } finally {
    clearInterval(heartbeat)
    const holder = await readHolder(options.path)
    if (holder?.nonce === nonce) await rm(options.path, { force: true })
  }
}

interface Holder {
  readonly pid: number
  readonly place: string
  readonly nonce: string
}

async function acquire(options: FileLockOptions): Promise<string> {
  const deadline = performance.now() + (options.waitMs ?? WAIT_MAX_MS)
  const nonce = randomUUID()
  const self = JSON.stringify({ pid: process.pid, place: processPlace(), nonce } satisfies Holder)
  let seen: { readonly mark: string; readonly sinceMs: number } | undefined
  for (;;) {
    options.signal?.throwIfAborted()
    if (await create(options.path, self)) return nonce
    const mark = await markOf(options.path)
    if (mark !== undefined && mark !== seen?.mark) seen = { mark, sinceMs: performance.now() }
    const untouchedMs = seen === undefined ? 0 : performance.now() - seen.sinceMs
    if (mark !== undefined && (untouchedMs > STALE_AFTER_MS || (await isDead(options.path)))) {
      await breakLock(options.path, mark)
      continue
    }
    if (performance.now() > deadline) {
      throw new HoopError('conflict', `Cannot use ${options.purpose}: another hoop command is busy with it`, {
        hint: `try again, or remove "${options.path}" when no other hoop command runs`,
      })
    }
    await sleep(POLL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal })
  }
}

/**
 * Removes a dead lock. Only one process may do that at a time, and it looks again first: otherwise the second of two
 * would remove the lock that the first has just taken.
 */
async function breakLock(path: string, mark: string): Promise<void> {
  const guard = `${path}.break`
  if (!(await create(guard, ''))) {
    const since = await stat(guard).catch(() => undefined)
    // The guard is held for a moment only. One that is old was left by a process that was killed in that moment.
    if (since !== undefined && Date.now() - since.mtimeMs > STALE_AFTER_MS) await rm(guard, { force: true })
    else await sleep(POLL_MS)
    return
  }
  try {
    if ((await markOf(path)) === mark) await rm(path, { force: true })
  } finally {
    await rm(guard, { force: true })
  }
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600)
    await file.writeFile(text).finally(() => file.close())
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
    throw error
  }
}

/** Changes whenever the lock is touched or taken by somebody else. */
async function markOf(path: string): Promise<string | undefined> {
  const status = await stat(path, { bigint: true }).catch(() => undefined)
  return status === undefined ? undefined : `${status.ino}-${status.mtimeNs}`
}

/** True only when the holder certainly does not run any more: a process of this very machine that is not there. */
async function isDead(path: string): Promise<boolean> {
  const holder = await readHolder(path)
  if (holder === undefined || holder.place !== processPlace()) return false
  try {
    process.kill(holder.pid, 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).slice(0, LOCK_BYTES_MAX)
    const holder: unknown = JSON.parse(text)
    if (typeof holder !== 'object' || holder === null) return undefined
    const { pid, place, nonce } = { pid: undefined, place: undefined, nonce: undefined, ...holder }
    if (typeof pid !== 'number' || typeof place !== 'string' || typeof nonce !== 'string') return undefined
    return Number.isSafeInteger(pid) && pid > 0 ? { pid, place, nonce } : undefined
  } catch {
    return undefined
  }
}

/** Where process ids mean the same: this host since it was started, and on Linux this container. */
function processPlace(): string {
  const boot = attempt(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
  const container = attempt(() => readlinkSync('/proc/self/ns/pid'))
  return [hostname(), boot, container].join(' ')
}

function attempt(read: () => string): string {
  try {
    return read()
  } catch {
    return ''
  }
}
