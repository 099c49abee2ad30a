/**
 * `pending` → `approved` | `denied` | `withdrawn` | `expired`; `approved` → `used` | `voided` | `withdrawn` | `expired`. A
 * question about what was given already (`afterwards`) goes from `pending` to `used` with the last yes. A review never
 * leaves one of the last states. `voided`: what was approved is not what would run now.
 */
export type ReviewState = (typeof REVIEW_STATES)[number]

/** Every state of a review. */
export const REVIEW_STATES = [
  'pending',
  'approved',
  'denied',
  'withdrawn',
  'expired',
  'used',
  'voided',
] as const
