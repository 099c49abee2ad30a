import type { CommandFacts } from '../domain/facts.js'
import type { Flow } from './flow.js'
import type { Trust } from './row-plan.js'

/** Why expressions of a statement can carry protected values. Closed: each has a sentence. */
export type Taint = 'carries' | 'foreign' | 'unknown-written'

/** Statements that run as one, with what their values can do. */
export interface Followed {
  readonly flow: Flow
  readonly commands: readonly CommandFacts[]
  readonly taint: Taint | undefined
}

/** A text whose values were followed as far as they can be. */
export interface FollowedText {
  readonly kind: 'followed'
  readonly followed: readonly Followed[]
  /** It runs a name of the session, and nobody said what stands behind it. */
  readonly unresolved: boolean
  readonly trust: Trust
  readonly hidesMessages: boolean
}

/**
 * Says why expressions can carry protected values; undefined when they cannot. A plan of EXPLAIN shows what the client
 * typed, and results of functions that were computed while planning.
 */
export function findTaint({ touched, carries, foreign, calls }: Flow, explains: boolean): Taint | undefined {
  if (explains) return foreign && calls.untraceable ? 'foreign' : undefined
  if (carries) return 'carries'
  if (foreign) return 'foreign'
  return touched.unknownWritten ? 'unknown-written' : undefined
}
