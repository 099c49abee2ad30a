/**
 * One SELECT, UPDATE or DELETE of words, plain operators and a single integer of at most nine digits: the way in which
 * rows are looked up by their number. No parenthesis (no call, no subquery, no cast), no quote, no comment, no dollar,
 * no minus and no second digit anywhere.
 */
const LOOKUP =
  /^((?:select|update|delete)[ \n][a-z_ \n.,*=<>]*[ \n=<>])[1-9]\d{0,8}((?:[ \n][a-z_ \n.,*=<>]*)?;?)$/i

/**
 * What texts have in common that differ in one integer and in nothing that facts are made of; undefined for every text
 * of which that is not certain. Facts see a constant only where it is compared with another one, is the value of a
 * setting or stands in a call, and none of these has room in such a text. Two texts of one shape have equal facts, as
 * long as they are understood: `test/sql/lookup-shape.test.ts` holds the reader to it.
 *
 * @example lookupShape('SELECT name FROM users WHERE id = 4711') // 'SELECT name FROM users WHERE id = 1'
 */
export function lookupShape(text: string): string | undefined {
  const found = LOOKUP.exec(text)
  return found === null ? undefined : `${found[1]}1${found[2]}`
}
