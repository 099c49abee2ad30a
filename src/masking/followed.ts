import type { CommandFacts, CopyUse } from '../domain/facts.js'
import type { Flow } from './flow.js'
import type { Trust } from './row-plan.js'

/** Why expressions of a statement can carry protected values. Closed: each has a sentence. */
export type Taint = 'carries' | 'foreign' | 'unknown-written'

/** Statements that run as one, with what their values can do. */
export interface Followed {
  readonly kind: 'followed'
  readonly flow: Flow
  readonly commands: readonly CommandFacts[]
  readonly taint: Taint | undefined
  /** It runs a name of the session, and nobody said what stands behind it. */
  readonly unresolved: boolean
  /** How much of its rows can be believed. */
  readonly trust: Trust
  readonly copies: readonly CopyUse[]
  readonly hidesMessages: boolean
}

/** A text whose values were followed as far as they can be. */
export interface FollowedText {
  readonly kind: 'followed'
  /** One for each statement of the text, in their order. */
  readonly followed: readonly Followed[]
  readonly unresolved: boolean
  /** For the text as a whole: without lineage where it has several statements. */
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
