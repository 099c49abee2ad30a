import type { Operation } from '../../domain/operation.js'
import type { ClientNotice, Verdict } from '../../protocols/protocol.js'
import type { LiveSession } from './live-session.js'

/** What somebody who broke the glass is told when a statement runs that people would have had to agree to. */
export interface LiftedNoticeOptions {
  readonly operation: Pick<Operation, 'step'>
  readonly verdict: Pick<Verdict, 'decision'>
  /** Its grant has the review that looks at the broken glass afterwards. */
  readonly live: LiveSession
}

/** The notice, once for each time that a statement runs; undefined where no rule was lifted. */
export function liftedNotice({ operation, verdict, live }: LiftedNoticeOptions): ClientNotice | undefined {
  const { decision } = verdict
  // Parse runs nothing: the notice comes with Execute.
  if (operation.step !== 'run' || decision.kind !== 'allow' || decision.lifted === undefined) return undefined
  const names = decision.lifted.map(rule => `"${rule}"`).join(' and ')
  const { review } = live.admission.grant
  const looked = review === undefined ? '' : `, review ${review}`
  return {
    message: `${decision.lifted.length === 1 ? 'rule' : 'rules'} ${names} would have held this; the glass is broken${looked}`,
  }
}
