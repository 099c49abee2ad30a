import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'

/** The mechanisms' names. RFC 7677; `-PLUS` is with channel binding. */
export const SCRAM_SHA_256 = 'SCRAM-SHA-256'
export const SCRAM_SHA_256_PLUS = 'SCRAM-SHA-256-PLUS'

/** Bytes of every key and of a proof: SHA-256. */
export const SCRAM_KEY_BYTES = 32
/** Printable ASCII but the comma; RFC 5802, section 7, with a limit of ours. */
export const SCRAM_NONCE = /^[\x21-\x2b\x2d-\x7e]{1,256}$/
/** Random bytes in a nonce of ours, as many as PostgreSQL takes. */
export const SCRAM_NONCE_BYTES = 18

/** SaltedPassword, RFC 5802, section 3. One millisecond for 4096 iterations. */
export function saltPassword(password: string, salt: Buffer, iterations: number): Buffer {
  return pbkdf2Sync(preparePassword(password), salt, iterations, SCRAM_KEY_BYTES, 'sha256')
}

/** The keys that follow from a SaltedPassword: the client's, its hash that a server stores, and the server's. */
export function scramKeys(saltedPassword: Buffer): {
  readonly clientKey: Buffer
  readonly storedKey: Buffer
  readonly serverKey: Buffer
} {
  const clientKey = hmac(saltedPassword, 'Client Key')
  return { clientKey, storedKey: sha256(clientKey), serverKey: hmac(saltedPassword, 'Server Key') }
}

/** HMAC-SHA-256. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest()
}

/** SHA-256. */
export function sha256(bytes: Buffer | string): Buffer {
  return createHash('sha256').update(bytes).digest()
}

/** Bytewise exclusive or of two keys. */
export function exclusiveOr(one: Buffer, other: Buffer): Buffer {
  return Buffer.from(one.map((byte, at) => byte ^ (other[at] ?? 0)))
}

/** Reads base64 of exactly the standard form, or nothing: `Buffer.from` would skip what it does not know. */
export function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64')
  return bytes.toString('base64') === text ? bytes : undefined
}

/**
 * The attributes of a SCRAM message, `r=…,s=…,i=…`, in the order that the standard fixes; undefined when the message
 * does not begin with exactly these letters. Extensions after them come as they are.
 */
export function readAttributes(message: string, letters: string): readonly string[] | undefined {
  const parts = message.split(',')
  if (parts.length < letters.length) return undefined
  const fits = [...letters].every((letter, at) => parts[at]?.startsWith(`${letter}=`))
  return fits ? parts.slice(0, letters.length).map(part => part.slice(2)) : undefined
}

const OTHER_SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu
const MAPPED_TO_NOTHING =
  /\u00ad|\u034f|\u1806|[\u180b-\u180d]|[\u200c\u200d]|\u2060|[\ufe00-\ufe0f]|\ufeff/gu
const PROHIBITED =
  /[\p{Cc}\p{Co}\p{Cn}\p{Cs}\u06dd\u070f\u200e\u200f\u2028-\u202e\u2061-\u206f\u2ff0-\u2ffb\ufff9-\ufffd]|\u0340|\u0341/u

/**
 * SASLprep (RFC 4013) as PostgreSQL applies it: a password that it prohibits is taken as it is. Texts that mix
 * directions are normalised here and not there; with such a password the sign-in fails, closed.
 */
function preparePassword(password: string): string {
  const prepared = password.replace(OTHER_SPACES, ' ').replace(MAPPED_TO_NOTHING, '').normalize('NFKC')
  return prepared === '' || PROHIBITED.test(prepared) ? password : prepared
}
