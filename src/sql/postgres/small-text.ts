import { mayAssignSeveral } from './assignment-guard.js'

/**
 * The longest text, in UTF-16 units, that is read on the main thread. The deepest trees a text of this length can make
 * (`- - -…`, `a[a[a[…`, `f(f(f(…`, `[[[[…`) stay far from the end of Node's default stack: measured in
 * `test/sql/small-text.test.ts`, which fails when the margin goes below four.
 */
export const SMALL_TEXT_LENGTH_MAX = 2048

/**
 * True when reading this text on the main thread can neither break the parser nor take long. Assignments of several
 * columns grow with the square of the text and more, so they are never small.
 */
export function isSmallText(text: string): boolean {
  return text.length <= SMALL_TEXT_LENGTH_MAX && !mayAssignSeveral(text)
}
