const GROUP_DIGITS = 4
/** More groups of four digits than a card number can have before the point. */
const GROUPS_MAX = 6

/** The decimal digits of a binary int8; empty when it has too few to be of interest. */
export function int8Digits(value: Buffer): string {
  if (value.length !== 8 || value.readInt32BE(0) < 232) return ''
  return value.readBigInt64BE(0).toString()
}

/**
 * The decimal digits before the point of a binary numeric: groups in base 10 000 with a weight (`numeric_send`). Empty when
 * it is negative, not finite or too long to be of interest.
 */
export function numericDigits(value: Buffer): string {
  if (value.length < 8) return ''
  const groups = value.readUInt16BE(0)
  const weight = value.readInt16BE(2)
  const positive = value.readUInt16BE(4) === 0
  if (!positive || weight < 3 || weight >= GROUPS_MAX || value.length < 8 + groups * 2) return ''
  let digits = ''
  for (let index = 0; index <= weight; index += 1) {
    const group = index < groups ? value.readUInt16BE(8 + index * 2) : 0
    digits += index === 0 ? String(group) : String(group).padStart(GROUP_DIGITS, '0')
  }
  return digits
}
