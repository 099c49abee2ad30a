import { type Detector, isWordCode, needs, SIGNS, type Span } from './detector.js'

const LOCAL_CHARACTERS_MAX = 64
const DOMAIN_CHARACTERS_MAX = 253
const SHORTEST = 'a@b.co'.length
const LOCAL_SIGNS: ReadonlySet<number> = codes('._%+-~!#$&*^')
const DOMAIN_SIGNS: ReadonlySet<number> = codes('.-')
const TOP_LEVEL = /\.[A-Za-z\x80-\xff][A-Za-z0-9\x80-\xff-]*[A-Za-z0-9\x80-\xff]$/

/** E-mail addresses (RFC 5321 without quoted local parts), also with letters beyond ASCII. */
export const email: Detector = {
  name: 'email',
  needs: needs({ length: SHORTEST, signs: SIGNS.at }),
  find: text => {
    const spans: Span[] = []
    let after = 0
    for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
      const span = addressAround(text, at, after)
      if (span === undefined) continue
      spans.push(span)
      after = span.to
    }
    return spans
  },
}

/** Grows from the sign in both directions, each bounded, so that many signs stay linear. */
function addressAround(text: string, at: number, after: number): Span | undefined {
  const first = Math.max(after, at - LOCAL_CHARACTERS_MAX)
  let from = at
  while (from > first && isLocal(text.charCodeAt(from - 1))) from -= 1
  while (from < at && text[from] === '.') from += 1
  const last = Math.min(text.length, at + 1 + DOMAIN_CHARACTERS_MAX)
  let to = at + 1
  while (to < last && isDomain(text.charCodeAt(to))) to += 1
  while (to > at + 1 && !isName(text.charCodeAt(to - 1))) to -= 1
  const domain = text.slice(at + 1, to)
  if (from === at || !isName(domain.charCodeAt(0)) || !TOP_LEVEL.test(domain)) return undefined
  return { from, to }
}

function isName(code: number): boolean {
  return isWordCode(code) || (code >= 0x80 && code <= 0xff)
}

function isLocal(code: number): boolean {
  return isName(code) || LOCAL_SIGNS.has(code)
}

function isDomain(code: number): boolean {
  return isName(code) || DOMAIN_SIGNS.has(code)
}

function codes(characters: string): ReadonlySet<number> {
  return new Set([...characters].map(character => character.charCodeAt(0)))
}
