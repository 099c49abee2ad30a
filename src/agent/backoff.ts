const FIRST_MS = 500
const LONGEST_MS = 30_000

/**
 * How long to wait before the next attempt, in milliseconds: doubling from half a second to half a minute, and anywhere
 * in the upper half of that, so that agents whose gateway restarted do not all come back at once.
 *
 * @param attempt how many have failed in a row, from 1
 * @param random 0 up to 1
 */
export function backoffMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(attempt, 16))
  return Math.round(longest / 2 + (longest / 2) * random)
}
