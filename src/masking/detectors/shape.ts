import { type Shape, SIGNS } from './detector.js'

const DIGIT = 8
const UPPER = 16
const TOKEN = 32
const SIGN_BITS = SIGNS.at | SIGNS.dash | SIGNS.separator

const CLASSES: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => classOf(String.fromCharCode(byte)))

function classOf(character: string): number {
  let bits = 0
  if (/[0-9]/.test(character)) bits |= DIGIT
  if (/[A-Z]/.test(character)) bits |= UPPER
  if (/[A-Za-z0-9_\-+/=.]/.test(character)) bits |= TOKEN
  if (character === '@') bits |= SIGNS.at
  if (character === '-') bits |= SIGNS.dash
  if (/[-+ ./()]/.test(character)) bits |= SIGNS.separator
  return bits
}

/** A shape to fill. */
export function makeShape(): Shape {
  return { length: 0, digits: 0, upperCase: 0, longestToken: 0, signs: 0 }
}

/** Fills a shape from a value: one pass, no allocation. */
export function readShape(value: Buffer, shape: Shape): void {
  const { length } = value
  let signs = 0
  let digits = 0
  let upperCase = 0
  let run = 0
  let longest = 0
  for (let index = 0; index < length; index += 1) {
    const bits = CLASSES[value[index] ?? 0] ?? 0
    signs |= bits
    digits += bits & DIGIT
    upperCase += bits & UPPER
    if ((bits & TOKEN) !== 0) run += 1
    else {
      if (run > longest) longest = run
      run = 0
    }
  }
  shape.length = length
  shape.digits = digits / DIGIT
  shape.upperCase = upperCase / UPPER
  shape.longestToken = Math.max(run, longest)
  shape.signs = signs & SIGN_BITS
}
