import type { ObjectVersions, VersionQuestion } from '../../domain/object-versions.js'
import type { Admission } from '../access/admission.js'
import { catalogKey } from './catalogs.js'
import { openOwnTarget } from './open-own-target.js'
import type { OwnConnections } from './own-connections.js'
import type { TargetOptions } from './target.js'

/** How long the versions may take. The target itself gives up before. */
const ANSWER_MS = 6_000

/** Where to ask: the target of a session, as its clients open it. */
export interface VersionReading {
  readonly admission: Admission
  readonly target: Omit<TargetOptions, 'settings'>
  readonly connections: OwnConnections
}

/**
 * The versions of everything that names resolve to at a target now, over the gateway's own connection. Definitions that
 * are not committed yet are not seen. Fails with `target_unavailable`, `target_refused`, `agent_unavailable`,
 * `limit_exceeded` or `session_ended`; whoever asks then denies.
 *
 * @example await readObjectVersions({ admission, target, connections }, versionQuestion(statements))
 */
export function readObjectVersions(
  { admission, target, connections }: VersionReading,
  question: VersionQuestion,
): Promise<ObjectVersions> {
  return connections.ask(catalogKey(admission, target.database), {
    reader: () => target.protocol.readObjectVersions(question),
    open: () => openOwnTarget(admission, target),
    purpose: 'read the versions of what the statement names',
    answerMs: ANSWER_MS,
  })
}
