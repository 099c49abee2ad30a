import { type Detector, isDigitCode, isWordCode, needs, type Span } from './detector.js'

const DIGITS_MIN = 13
const DIGITS_MAX = 19

interface Issuer {
  readonly prefix: RegExp
  readonly lengths: readonly number[]
}

/** Issuer identification ranges (ISO/IEC 7812) with the lengths that are in use. */
const ISSUERS: readonly Issuer[] = [
  { prefix: /^4/, lengths: [13, 16, 19] },
  { prefix: /^(5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  { prefix: /^3[47]/, lengths: [15] },
  { prefix: /^(6011|64[4-9]|65|62|81)/, lengths: [16, 17, 18, 19] },
  { prefix: /^(30[0-5]|3095|36|38|39)/, lengths: [14, 16, 19] },
  { prefix: /^35(2[89]|[3-8])/, lengths: [16, 17, 18, 19] },
  { prefix: /^(5018|5020|5038|5893|6304|6759|676[1-3])/, lengths: [13, 14, 15, 16, 17, 18, 19] },
]

/** Numbers of payment cards: 13 to 19 digits, in groups or not, of a known issuer, with the check digit of Luhn. */
export const cardNumber: Detector = {
  name: 'card-number',
  needs: needs({ digits: DIGITS_MIN }),
  find: text => {
    const spans: Span[] = []
    const groups = digitGroups(text)
    for (let index = 0; index < groups.length; ) {
      const end = cardFrom(text, groups, index)
      if (end === undefined) index += 1
      else {
        spans.push({ from: groups[index]?.from ?? 0, to: groups[end]?.to ?? 0 })
        index = end + 1
      }
    }
    return spans
  },
}

/** True for the digits of a card number, without separators. */
export function isCardNumber(digits: string): boolean {
  const { length } = digits
  if (length < DIGITS_MIN || length > DIGITS_MAX) return false
  const known = ISSUERS.some(issuer => issuer.lengths.includes(length) && issuer.prefix.test(digits))
  return known && passesLuhn(digits)
}

function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let index = 0; index < digits.length; index += 1) {
    const digit = digits.charCodeAt(digits.length - 1 - index) - 48
    const weighed = index % 2 === 0 ? digit : digit * 2
    sum += weighed > 9 ? weighed - 9 : weighed
  }
  return sum % 10 === 0
}

interface Group extends Span {
  /** One space or dash stands between this group and the one before. */
  readonly joined: boolean
  /** A letter, or a dot and a digit, touches it: a part of something else. */
  readonly touchedBefore: boolean
  readonly touchedAfter: boolean
}

function digitGroups(text: string): readonly Group[] {
  const groups: Group[] = []
  let previousTo = -2
  for (let index = 0; index < text.length; index += 1) {
    if (!isDigitCode(text.charCodeAt(index))) continue
    const from = index
    while (index < text.length && isDigitCode(text.charCodeAt(index))) index += 1
    const between = text[from - 1]
    groups.push({
      from,
      to: index,
      joined: previousTo === from - 1 && (between === ' ' || between === '-'),
      touchedBefore:
        isWordCode(text.charCodeAt(from - 1)) || (between === '.' && isDigitCode(text.charCodeAt(from - 2))),
      touchedAfter:
        isWordCode(text.charCodeAt(index)) ||
        (text[index] === '.' && isDigitCode(text.charCodeAt(index + 1))),
    })
    previousTo = index
  }
  return groups
}

/** The last group of the longest card number that starts with this one. At most 19 groups are looked at. */
function cardFrom(text: string, groups: readonly Group[], start: number): number | undefined {
  if (groups[start]?.touchedBefore !== false) return undefined
  let digits = ''
  let found: number | undefined
  for (let index = start; index < groups.length; index += 1) {
    const group = groups[index]
    if (group === undefined || (index > start && !group.joined)) break
    if (digits.length + group.to - group.from > DIGITS_MAX) break
    digits += text.slice(group.from, group.to)
    if (!group.touchedAfter && isCardNumber(digits)) found = index
  }
  return found
}
