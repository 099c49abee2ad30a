import { type Detector, findAll, isWordCode, needs, type Span } from './detector.js'

/** Lengths by country (IBAN registry, ISO 13616). */
const LENGTHS =
  'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 ' +
  'FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 ' +
  'LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 ' +
  'RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
const LENGTH_BY_COUNTRY: ReadonlyMap<string, number> = new Map(
  LENGTHS.split(' ').map(entry => [entry.slice(0, 2), Number(entry.slice(2))]),
)
const SHORTEST = 15
const CANDIDATE = /(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}/g

/** International bank account numbers, in groups of any size or in one piece, with the check digits of ISO 7064. */
export const iban: Detector = {
  name: 'iban',
  needs: needs({ upperCase: 2, digitsAndUpperCase: SHORTEST }),
  find: text => {
    const spans: Span[] = []
    for (const { from: index } of findAll(CANDIDATE, text)) {
      const to = ibanEnd(text, index)
      if (to !== undefined) spans.push({ from: index, to })
    }
    return spans
  },
}

/** Where the number that starts here ends; undefined when it is none. Looks at the length of its country only. */
function ibanEnd(text: string, from: number): number | undefined {
  const length = LENGTH_BY_COUNTRY.get(text.slice(from, from + 2))
  if (length === undefined) return undefined
  let compact = ''
  let index = from
  for (; compact.length < length && index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if ((code >= 48 && code <= 57) || (code >= 65 && code <= 90)) compact += text[index]
    else if (text[index] !== ' ' || text[index - 1] === ' ') return undefined
  }
  if (compact.length < length || isWordCode(text.charCodeAt(index))) return undefined
  return remainder97(compact.slice(4) + compact.slice(0, 4)) === 1 ? index : undefined
}

function remainder97(characters: string): number {
  let remainder = 0
  for (const character of characters) {
    const value = Number.parseInt(character, 36)
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97
  }
  return remainder
}
