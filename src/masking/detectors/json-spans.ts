import type { FoundSpan } from './found-spans.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const LETTER_U = 0x75
const UNICODE_ESCAPE_LENGTH = 6

/** Where in a JSON text a found span is. `number` spans are widened to the whole number, which becomes null. */
export interface JsonSpan extends FoundSpan {
  readonly place: 'string' | 'number'
}

/**
 * Fits spans into a JSON text (RFC 8259) so that replacing them keeps it valid: a span inside a string may not begin in
 * the middle of an escape, a span over a number takes all of it. Undefined when one fits nowhere; then the value is masked
 * whole. One pass over the text.
 */
export function placeInJson(text: string, spans: readonly FoundSpan[]): readonly JsonSpan[] | undefined {
  const placed: JsonSpan[] = []
  let next = 0
  for (let index = 0; index < text.length && next < spans.length; ) {
    const end = text.charCodeAt(index) === QUOTE ? stringEnd(text, index) : plainEnd(text, index)
    for (let span = spans[next]; span !== undefined && span.from < end; span = spans[next]) {
      if (span.to > end) return undefined
      const fitted = text.charCodeAt(index) === QUOTE ? inString(text, span, index) : inNumber(text, span)
      if (fitted === undefined) return undefined
      if (fitted.from >= (placed.at(-1)?.to ?? 0)) placed.push(fitted)
      next += 1
    }
    index = end
  }
  return placed
}

/** The place after the closing quote of the string that opens here. */
function stringEnd(text: string, open: number): number {
  for (let index = open + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === BACKSLASH) index += 1
    else if (code === QUOTE) return index + 1
  }
  return text.length
}

function plainEnd(text: string, from: number): number {
  const quote = text.indexOf('"', from)
  return quote < 0 ? text.length : quote
}

function inString(text: string, span: FoundSpan, open: number): JsonSpan | undefined {
  const from = afterEscape(text, span.from, open)
  // The quotes of a string are no part of a value.
  if (from <= open || from >= span.to || text.slice(from, span.to).includes('"')) return undefined
  return { ...span, from, place: 'string' }
}

/** Moves a start out of an escape that it is in the middle of. */
function afterEscape(text: string, from: number, open: number): number {
  for (let index = Math.max(open + 1, from - UNICODE_ESCAPE_LENGTH + 1); index < from; index += 1) {
    if (text.charCodeAt(index) !== BACKSLASH || !isOddBackslash(text, index, open)) continue
    const length = text.charCodeAt(index + 1) === LETTER_U ? UNICODE_ESCAPE_LENGTH : 2
    if (index + length > from) return index + length
  }
  return from
}

/** True when the backslash at this place opens an escape, and is not itself escaped. */
function isOddBackslash(text: string, at: number, open: number): boolean {
  let count = 0
  for (let index = at - 1; index > open && text.charCodeAt(index) === BACKSLASH; index -= 1) count += 1
  return count % 2 === 0
}

function inNumber(text: string, span: FoundSpan): JsonSpan | undefined {
  let { from, to } = span
  while (from > 0 && /[-+.0-9eE]/.test(text[from - 1] ?? '')) from -= 1
  while (to < text.length && /[-+.0-9eE]/.test(text[to] ?? '')) to += 1
  return /^-?[0-9.eE+-]+$/.test(text.slice(from, to)) ? { ...span, from, to, place: 'number' } : undefined
}
