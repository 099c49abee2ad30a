import { recoverRecordings } from '../gateway/recordings/recover-recordings.js'
import { describeError } from '../lib/hoop-error.js'
import type { Store } from '../store/store.js'
import type { Log } from '../tunnel/log.js'

export interface LostSessionsOptions {
  readonly store: Store
  readonly directory: string
  readonly now: () => Date
  readonly log: Log
}

/** Ends, in the store and in their recordings, the sessions that a killed gateway left open. */
export async function adoptLostSessions({ store, directory, now, log }: LostSessionsOptions): Promise<void> {
  const open = await store.sessions.listOpen()
  const recoveries = await recoverRecordings({
    directory,
    clock: now,
    sessions: open.map(session => session.id),
  })
  for (const recovery of recoveries) {
    const { session, kind } = recovery
    if (kind === 'failed') {
      log.error({ session, cause: describeError(recovery.error) }, 'a recording could not be recovered')
      continue
    }
    const known = kind === 'missing' ? { head: undefined, operations: 0, refused: 0 } : recovery
    const { head, operations, refused } = known
    const reason = kind === 'ended' ? recovery.reason : 'gateway_lost'
    await store.sessions.end(session, { at: now(), reason, head, operations, refused })
    log.warn({ session, kind, reason }, 'a session of a gateway that was killed has been ended')
  }
}
