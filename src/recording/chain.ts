import { hash } from 'node:crypto'

/** What the first line is linked to: nothing. */
export const CHAIN_START = ''

/** A link as it is written: SHA-256 in base64url without padding, RFC 4648, section 5. */
export const CHAIN_LENGTH = 43

/**
 * The link after `sealed`: base64url(SHA-256(previous link, as its 43 ASCII characters, then the bytes of the line
 * without its `chain` field)). Links are compared as text, because the last character of base64url has spare bits.
 */
export function makeChain(previous: string, sealed: string | Uint8Array): string {
  if (typeof sealed === 'string') return hash('sha256', previous + sealed, 'base64url')
  return hash('sha256', Buffer.concat([Buffer.from(previous, 'latin1'), sealed]), 'base64url')
}
