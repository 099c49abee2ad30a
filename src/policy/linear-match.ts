import { RE2JS } from 're2js'

/** Longest pattern, in UTF-16 code units: a pattern costs memory by its length. */
const PATTERN_LENGTH_MAX = 1000

interface Pattern {
  readonly expression: RE2JS
  text: string | undefined
  found: boolean
}

/**
 * `matches()` of CEL for the rules of one policy, by RE2: linear in the text, whatever the pattern, so that no client can
 * stop the gateway with a statement. Only patterns that were there when the policy was compiled are known.
 */
export class LinearMatch {
  readonly #patterns = new Map<string, Pattern>()

  /** Makes a pattern usable. Says what is wrong with it, or nothing. */
  add(pattern: string): string | undefined {
    if (this.#patterns.has(pattern)) return undefined
    if (pattern.length > PATTERN_LENGTH_MAX)
      return `a pattern is longer than ${PATTERN_LENGTH_MAX} characters`
    try {
      this.#patterns.set(pattern, { expression: RE2JS.compile(pattern), text: undefined, found: false })
      return undefined
    } catch (error) {
      const reason = error instanceof Error ? error.message : 'unknown syntax'
      return `the pattern is not a regular expression of RE2: ${reason}`
    }
  }

  /** True when the pattern is found anywhere in the text. Throws for a pattern that was never added. */
  test(text: string, pattern: string): boolean {
    const known = this.#patterns.get(pattern)
    if (known === undefined) throw new Error('the pattern was not compiled with the policy')
    // The same text is asked for once for each command in it: the last answer is kept.
    if (known.text !== text) {
      known.found = known.expression.test(text)
      known.text = text
    }
    return known.found
  }
}
