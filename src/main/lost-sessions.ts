import type { SessionId } from '../domain/ids.js'
import { recoverRecordings } from '../gateway/recordings/recover-recordings.js'
import { describeError } from '../lib/hoop-error.js'
import type { Store } from '../store/store.js'
import type { Log } from '../tunnel/log.js'

/** Sessions that the store lists at once. */
const LISTED_MAX = 1000

export interface LostSessionsOptions {
  readonly store: Store
  readonly directory: string
  readonly now: () => Date
  readonly log: Log
}

/**
 * Ends, in the store and in their recordings, the sessions that a killed gateway left open. INVARIANT: what another
 * gateway runs on the same store is left alone, its session and its recording, also when both write to one folder.
 */
export async function adoptLostSessions(options: LostSessionsOptions): Promise<void> {
  for (let ended = 1; ended > 0; ) {
    const lost = await options.store.sessions.listLost()
    ended = await adopt(
      options,
      lost.map(session => session.id),
    )
    // The list is a page: what is behind it comes when its sessions have ended.
    if (lost.length < LISTED_MAX) return
  }
}

/** How many of them have ended by it. */
async function adopt(
  { store, directory, now, log }: LostSessionsOptions,
  lost: readonly SessionId[],
): Promise<number> {
  const isLost = new Set(lost)
  const isLive = (session: SessionId): boolean => store.kind === 'postgres' && !isLost.has(session)
  const recoveries = await recoverRecordings({ directory, clock: now, sessions: lost, isLive })
  let ended = 0
  for (const recovery of recoveries) {
    const { session, kind } = recovery
    if (kind === 'failed') {
      log.error({ session, cause: describeError(recovery.error) }, 'a recording could not be recovered')
      continue
    }
    const known = kind === 'missing' ? { head: undefined, operations: 0, refused: 0 } : recovery
    const { head, operations, refused } = known
    const reason = kind === 'ended' ? recovery.reason : 'gateway_lost'
    if (await store.sessions.end(session, { at: now(), reason, head, operations, refused })) ended += 1
    log.warn({ session, kind, reason }, 'a session of a gateway that was killed has been ended')
  }
  return ended
}
