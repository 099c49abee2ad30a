import type { RecordedValue } from './event.js'
import type { StatementFacts } from './facts.js'
import type { ReviewId } from './ids.js'

/** The prepared statements and cursors a client connection has, by the name a later statement would use. */
export interface SessionNames {
  /**
   * The statements a name may stand for; more than one when it was used again. Undefined when the name is unknown.
   * SQL's PREPARE and the protocol's named statements share one space of names, so do cursors and portals.
   */
  behind(kind: 'prepared' | 'cursor', name: string): readonly StatementFacts[] | undefined
  /** The texts that made what the name may stand for, for whoever is asked about it. Absent: nobody is asked. */
  textsBehind?(kind: 'prepared' | 'cursor', name: string): readonly string[]
  /** The review that let the cursor be opened; absent when none did, or when it cannot be told which cursor it is. */
  openedBy?(cursor: string): ReviewId | undefined
  /** True when the cursor may be a portal that was given values beside its text. Absent: nobody is asked. */
  isBound?(cursor: string): boolean
}

/** Values that a statement is run with, beside those in its text. */
export interface BoundValues {
  readonly values: readonly RecordedValue[]
  /** SHA-256, hexadecimal, of the values as they came, with the formats they came in. */
  readonly digest: string
  /** The types as far as they are known; 0 leaves it to the target. */
  readonly types: readonly number[]
  /** False when `values` shows one of them cut: nobody can be asked about what they cannot see. */
  readonly isWhole: boolean
}

/**
 * The transaction that an operation would run in. `open`: it may hold locks, as far as can be told before it runs; so
 * does a pipeline whose other operations are at the target already. `failed`: it can only be rolled back.
 */
export type TransactionState = 'none' | 'open' | 'failed'

/** One thing asked of a target, as it is put to policy. */
export interface Operation {
  readonly text: string
  /** `prepare` when the text is only parsed now, `run` when it runs. */
  readonly step: 'prepare' | 'run'
  readonly names: SessionNames
  /** Absent where there are none. */
  readonly bound?: BoundValues
  /** Absent where nothing is asked of people. */
  readonly transaction?: TransactionState
  /** Its transaction changed definitions, or may have: nobody outside sees what a name stands for in it. */
  readonly definesUncommitted?: true
  /** The review that let its portal begin: more rows of what runs already. */
  readonly continues?: ReviewId
}
