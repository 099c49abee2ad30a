/** What it takes to approve something: one entry of `approvals` in `hoop.yaml`. */
export interface ApprovalTerms {
  /** The name rules refer to it by. */
  readonly name: string
  /** Members of any of these groups may answer; never the person who asks, by any account. */
  readonly groups: readonly string[]
  /** The requester's manager may answer too, as the provider's claim names them. */
  readonly manager: boolean
  /** Distinct people who must say yes; one no denies. From 1. */
  readonly count: number
  /** How long the question waits for its answer. */
  readonly waitMs: number
  /** The same while a transaction is open and holds locks. */
  readonly waitInTransactionMs: number
  /** How long a yes can be used. */
  readonly validMs: number
  /** Without a reason the question is not even asked. */
  readonly reasonRequired: boolean
}
