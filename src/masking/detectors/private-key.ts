import { type Detector, needs, SIGNS, type Span } from './detector.js'

const BEGIN = /-----BEGIN (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g
const END = /-----END (?:[A-Z0-9]{1,16} ){0,3}PRIVATE KEY(?: BLOCK)?-----/g
const SHORTEST = '-----BEGIN PRIVATE KEY-----'.length

/** Private keys in PEM (RFC 7468), OpenSSH and OpenPGP form. One that is cut off is masked to the end of the value. */
export const privateKey: Detector = {
  name: 'private-key',
  needs: needs({ length: SHORTEST, upperCase: 10, signs: SIGNS.dash }),
  find: text => {
    const spans: Span[] = []
    let after = 0
    for (const begin of text.matchAll(BEGIN)) {
      if (begin.index < after) continue
      END.lastIndex = begin.index
      const end = END.exec(text)
      after = end === null ? text.length : end.index + end[0].length
      spans.push({ from: begin.index, to: after })
    }
    return spans
  },
}
