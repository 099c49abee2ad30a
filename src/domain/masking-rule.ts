import type { RuleName } from './names.js'

/** How a value is made unreadable. What does not fit a type becomes NULL. */
export type MaskStrategy =
  | { readonly kind: 'redact' }
  | { readonly kind: 'keep-last'; readonly count: number }
  | { readonly kind: 'hash' }
  | { readonly kind: 'null' }

/**
 * How far masking goes. `net`: detectors alone. `lineage`: columns by rule, and whatever can come from one. `strict`: the
 * same, and what would tell something about a masked column without showing it is refused.
 */
export const MASKING_MODES = ['net', 'lineage', 'strict'] as const
export type MaskingMode = (typeof MASKING_MODES)[number]

/** The detectors that look at values, whatever their column. */
export const DETECTORS = [
  'card-number',
  'email',
  'us-ssn',
  'iban',
  'phone',
  'jwt',
  'private-key',
  'cloud-key',
] as const
export type DetectorName = (typeof DETECTORS)[number]

/** A masking rule as it applies to a session: those of other connections and exempt groups are already left out. */
export type MaskingRule =
  | {
      readonly kind: 'column'
      readonly name: RuleName
      /** Globs over `schema.table.column`. */
      readonly columns: readonly string[]
      readonly strategy: MaskStrategy
      /** A role that is made for a session must have no privilege to read the columns, or the session does not start. */
      readonly strong?: true
    }
  | {
      readonly kind: 'detector'
      readonly name: RuleName
      readonly detectors: readonly DetectorName[]
      readonly strategy: MaskStrategy
    }
