import type { DetectorName } from '../../domain/masking-rule.js'

/** A run of characters, `to` is the first one after it. */
export interface Span {
  readonly from: number
  readonly to: number
}

/**
 * What one pass over the bytes of a value has seen: enough to say that most detectors need not look. One object is filled
 * again and again, because this runs for every cell.
 */
export interface Shape {
  length: number
  digits: number
  upperCase: number
  /** The longest run of letters, digits and `_ - + / = .`. */
  longestToken: number
  /** The signs that were seen, as bits of `SIGNS`. */
  signs: number
}

/** Signs that a value is made of beside letters and digits. */
export const SIGNS = {
  at: 1,
  dash: 2,
  /** What stands before or between groups of digits: `+ - / . ( )` and the space. */
  separator: 4,
} as const

/**
 * What a value must at least have for a detector to find something in it. Numbers and not a function: eight calls for
 * every cell would cost more than the pass over its bytes.
 */
export interface Needs {
  readonly length: number
  readonly digits: number
  readonly upperCase: number
  /** Digits and upper-case letters together. */
  readonly digitsAndUpperCase: number
  readonly longestToken: number
  /** All of these bits of `SIGNS`. */
  readonly signs: number
}

/** Spells out what a detector needs; what is not named is not needed. */
export function needs(some: Partial<Needs>): Needs {
  return { length: 0, digits: 0, upperCase: 0, digitsAndUpperCase: 0, longestToken: 0, signs: 0, ...some }
}

/** True when a value of this shape has what is needed. */
export function mayHold(shape: Shape, need: Needs): boolean {
  return (
    shape.length >= need.length &&
    shape.digits >= need.digits &&
    (shape.signs & need.signs) === need.signs &&
    shape.upperCase >= need.upperCase &&
    shape.digits + shape.upperCase >= need.digitsAndUpperCase &&
    shape.longestToken >= need.longestToken
  )
}

/** Finds values of one kind by their look. Pure, and linear in the length of the text. */
export interface Detector {
  readonly name: DetectorName
  readonly needs: Needs
  /** Where the values are, in order, without overlaps. The text has one character for each byte (latin1). */
  find(text: string): readonly Span[]
}

/** True for an ASCII letter or digit. */
export function isWordCode(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}

/** True for an ASCII digit. */
export function isDigitCode(code: number): boolean {
  return code >= 48 && code <= 57
}

/** The spans of a global regular expression: whole matches, or the group named `secret` where there is one. */
export function findAll(expression: RegExp, text: string): readonly Span[] {
  const spans: Span[] = []
  // `matchAll` would copy the expression for every value.
  expression.lastIndex = 0
  for (let match = expression.exec(text); match !== null; match = expression.exec(text)) {
    const [whole] = match
    const part = match.groups?.secret ?? whole
    const from = match.index + whole.lastIndexOf(part)
    spans.push({ from, to: from + part.length })
  }
  return spans
}

/** Spans in order, without those that begin inside of an earlier one. */
export function withoutOverlaps(spans: readonly Span[]): readonly Span[] {
  const kept: Span[] = []
  for (const span of [...spans].sort((one, other) => one.from - other.from || other.to - one.to)) {
    if (span.from >= (kept.at(-1)?.to ?? 0)) kept.push(span)
  }
  return kept
}
