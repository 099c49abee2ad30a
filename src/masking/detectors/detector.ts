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
  at: boolean
  plus: boolean
  dash: boolean
  /** A dash, a space, a dot, a slash or a bracket: what stands between groups of digits. */
  separator: boolean
  /** The longest run of letters, digits and `_ - + / = .`. */
  longestToken: number
}

/** Finds values of one kind by their look. Pure, and linear in the length of the text. */
export interface Detector {
  readonly name: DetectorName
  /** False when nothing can be found in a value of this shape. Must be cheap. */
  mayHold(shape: Shape): boolean
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
  for (const match of text.matchAll(expression)) {
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
