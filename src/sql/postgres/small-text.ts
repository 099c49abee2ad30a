/**
 * The longest text, in UTF-16 units, that is read on the main thread. The deepest trees a text of this length can make
 * (`- - -…`, `a[a[a[…`, `f(f(f(…`, `[[[[…`) stay far from the end of Node's default stack: measured in
 * `test/sql/small-text.test.ts`, which fails when the margin goes below four.
 */
export const SMALL_TEXT_LENGTH_MAX = 2048

/** `SET (a, b, …) = (…)` repeats its source for each column in the tree, so such trees grow with the square. */
const SQUARE_TEXT_LENGTH_MAX = 512

/** True when reading this text on the main thread can neither break the parser nor take long. */
export function isSmallText(text: string): boolean {
  if (text.length > SMALL_TEXT_LENGTH_MAX) return false
  return text.length <= SQUARE_TEXT_LENGTH_MAX || !/\bset\b/i.test(text)
}
