import type { RecordedValue } from '../domain/event.js'

/** A value for people. NULL is `NULL`; the text of that name is quoted, so that nobody takes one for the other. */
export function describeValue(value: RecordedValue): string {
  if (value === null) return 'NULL'
  return /^"*NULL"*$/.test(value) ? `"${value}"` : value
}
