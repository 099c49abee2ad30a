import type { StatementFacts } from './facts.js'

/** The prepared statements and cursors a client connection has, by the name a later statement would use. */
export interface SessionNames {
  /**
   * The statements a name may stand for; more than one when it was used again. Undefined when the name is unknown.
   * SQL's PREPARE and the protocol's named statements share one space of names, so do cursors and portals.
   */
  behind(kind: 'prepared' | 'cursor', name: string): readonly StatementFacts[] | undefined
}

/** One thing asked of a target, as it is put to policy. */
export interface Operation {
  readonly text: string
  /** `prepare` when the text is only parsed now, `run` when it runs. */
  readonly step: 'prepare' | 'run'
  readonly names: SessionNames
}
