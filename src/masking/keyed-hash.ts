import { createHmac } from 'node:crypto'

const HASH_HEX_DIGITS = 16

/**
 * A stand-in for a text value: `h:` and 16 hexadecimal digits of HMAC-SHA-256. The same value gives the same stand-in
 * under the same key, so that rows can still be joined; without the key it cannot be found by trying values.
 */
export function hashText(value: Buffer, key: Buffer): Buffer {
  const digest = createHmac('sha256', key).update('text\0').update(value).digest('hex')
  return Buffer.from(`h:${digest.slice(0, HASH_HEX_DIGITS)}`, 'latin1')
}

/**
 * A stand-in for a UUID: a UUID of version 8 (RFC 9562, section 5.8) made of HMAC-SHA-256 over its 16 bytes, so that
 * text and binary format give the same one. Undefined when the value is no UUID.
 */
export function hashUuid(value: Buffer, key: Buffer, format: 'text' | 'binary'): Buffer | undefined {
  const bytes = format === 'binary' ? value : Buffer.from(value.toString('latin1').replaceAll('-', ''), 'hex')
  if (bytes.length !== 16) return undefined
  const digest = createHmac('sha256', key).update('uuid\0').update(bytes).digest().subarray(0, 16)
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80
  if (format === 'binary') return Buffer.from(digest)
  const hex = digest.toString('hex')
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  return Buffer.from(parts.join('-'), 'latin1')
}
