import type { Shape } from './detector.js'

const DIGIT = 1
const UPPER = 2
const TOKEN = 4
const AT = 8
const PLUS = 16
const DASH = 32
const SEPARATOR = 64

const CLASSES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => classOf(String.fromCharCode(byte)))

function classOf(character: string): number {
  let bits = 0
  if (/[0-9]/.test(character)) bits |= DIGIT
  if (/[A-Z]/.test(character)) bits |= UPPER
  if (/[A-Za-z0-9_\-+/=.]/.test(character)) bits |= TOKEN
  if (character === '@') bits |= AT
  if (character === '+') bits |= PLUS
  if (character === '-') bits |= DASH
  if (/[- ./()]/.test(character)) bits |= SEPARATOR
  return bits
}

/** A shape to fill. */
export function makeShape(): Shape {
  return {
    length: 0,
    digits: 0,
    upperCase: 0,
    at: false,
    plus: false,
    dash: false,
    separator: false,
    longestToken: 0,
  }
}

/** Fills a shape from a value: one pass, no allocation. */
export function readShape(value: Buffer, shape: Shape): void {
  const length = value.length
  let seen = 0
  let digits = 0
  let upperCase = 0
  let run = 0
  let longest = 0
  for (let index = 0; index < length; index += 1) {
    const bits = CLASSES[value[index] ?? 0] ?? 0
    seen |= bits
    digits += bits & DIGIT
    upperCase += (bits & UPPER) >> 1
    if ((bits & TOKEN) === 0) run = 0
    else {
      run += 1
      if (run > longest) longest = run
    }
  }
  shape.length = length
  shape.digits = digits
  shape.upperCase = upperCase
  shape.at = (seen & AT) !== 0
  shape.plus = (seen & PLUS) !== 0
  shape.dash = (seen & DASH) !== 0
  shape.separator = (seen & SEPARATOR) !== 0
  shape.longestToken = longest
}
