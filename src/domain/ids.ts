import type { Brand } from '../lib/brand.js'

export type GrantId = Brand<string, 'GrantId'>
export type SessionId = Brand<string, 'SessionId'>
export type ReviewId = Brand<string, 'ReviewId'>

/** Length of the random part of an identifier, in Crockford base 32 digits (5 bits each): 80 bits. */
const RANDOM_DIGITS = 16
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'

/** Makes random bytes; the platform's in production, a fixed sequence in tests. */
export type RandomBytes = (size: number) => Uint8Array

/** A new grant's identifier: `g-` and 80 random bits. */
export function makeGrantId(randomBytes: RandomBytes): GrantId {
  return `g-${randomDigits(randomBytes)}` as GrantId
}

/** A new session's identifier: `s-` and 80 random bits. It names, it does not authorise. */
export function makeSessionId(randomBytes: RandomBytes): SessionId {
  return `s-${randomDigits(randomBytes)}` as SessionId
}

/** A new review's identifier: `r-` and 80 random bits. It names, it does not authorise. */
export function makeReviewId(randomBytes: RandomBytes): ReviewId {
  return `r-${randomDigits(randomBytes)}` as ReviewId
}

/** Reads a grant's identifier from outside. */
export function readGrantId(text: string): GrantId | undefined {
  return /^g-[0-9a-hjkmnp-tv-z]{16}$/.test(text) ? (text as GrantId) : undefined
}

/** Reads a session's identifier from outside. Safe as a file name. */
export function readSessionId(text: string): SessionId | undefined {
  return /^s-[0-9a-hjkmnp-tv-z]{16}$/.test(text) ? (text as SessionId) : undefined
}

/** Reads a review's identifier from outside. */
export function readReviewId(text: string): ReviewId | undefined {
  return /^r-[0-9a-hjkmnp-tv-z]{16}$/.test(text) ? (text as ReviewId) : undefined
}

function randomDigits(randomBytes: RandomBytes): string {
  return Array.from(randomBytes(RANDOM_DIGITS), byte => DIGITS[byte & 31]).join('')
}
