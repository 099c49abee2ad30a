import { whyGrantIsDead } from '../../domain/grant.js'
import { versionQuestion } from '../../domain/object-versions.js'
import { describeError } from '../../lib/hoop-error.js'
import { estimateRows } from './estimate-rows.js'
import { type Hold, makeHold } from './hold.js'
import type { Judge } from './judge.js'
import type { LiveSession } from './live-session.js'
import { readObjectVersions } from './read-object-versions.js'
import type { ServeDeps } from './serve-client.js'
import type { TargetOptions } from './target.js'

/** One client connection whose operations may be held. */
export interface SessionHoldOptions {
  readonly live: LiveSession
  readonly deps: ServeDeps
  readonly client: number
  readonly target: TargetOptions
  readonly judge: Judge
}

/** Makes the hold of a client connection of a live session. */
export function sessionHold({ live, deps, client, target, judge }: SessionHoldOptions): Hold {
  const { catalogs, reviews, publicUrl, log, now } = deps
  const { session, recorder } = live
  const reading = () => ({ admission: live.admission, target, connections: catalogs.connections })
  return makeHold({
    desk: reviews,
    recorder,
    session,
    client,
    database: target.database,
    settings: target.settings,
    reason: live.admission.grant.reason,
    until: live.admission.grant.until,
    judge,
    readVersions: statements => readObjectVersions(reading(), versionQuestion(statements)),
    estimateRows: statements => estimateRows(reading(), statements),
    // INVARIANT 5: the sweep that ends sessions may be a moment late.
    whyEnded: () => live.endReason ?? whyGrantIsDead(live.admission.grant, now()),
    reviewUrl: id => new URL(`/reviews/${id}`, publicUrl).href,
    onFault: error =>
      log.error(
        { session: session.id, cause: describeError(error) },
        'a question could not be brought to its end',
      ),
  })
}
