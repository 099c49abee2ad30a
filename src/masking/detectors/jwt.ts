import { type Detector, findAll, needs } from './detector.js'

const HEADER_CHARACTERS_MAX = 4096
const SHORTEST = 'eyJhbGciOiJub25lIn0.e30.'.length
/** One run of base64url characters and dots; a run starts once, so that a long one is read once. */
const RUN = /(?<![A-Za-z0-9_.-])eyJ[A-Za-z0-9_.-]*/g

/** JSON Web Tokens (RFC 7519), signed or encrypted: base64url parts whose first is a JSON object with `alg`. */
export const jwt: Detector = {
  name: 'jwt',
  needs: needs({ longestToken: SHORTEST - 1 }),
  find: text => findAll(RUN, text).filter(({ from, to }) => isToken(text, from, to)),
}

function isToken(text: string, from: number, to: number): boolean {
  const headerEnd = text.indexOf('.', from)
  if (headerEnd < 0 || headerEnd >= to || headerEnd - from > HEADER_CHARACTERS_MAX) return false
  const secondEnd = text.indexOf('.', headerEnd + 1)
  if (secondEnd < 0 || secondEnd >= to) return false
  return isHeader(Buffer.from(text.slice(from, headerEnd), 'base64url').toString('utf8'))
}

function isHeader(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && 'alg' in value && typeof value.alg === 'string'
  } catch {
    return false
  }
}
