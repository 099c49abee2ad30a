import type { LoopbackVerifier } from '../../domain/session.js'
import { HoopError } from '../../lib/hoop-error.js'

/** RFC 7677, section 4: no fewer; the upper bound keeps a client from making itself wait. */
const ITERATIONS_MIN = 4_096
const ITERATIONS_MAX = 1_000_000
const SALT_BYTES_MIN = 12
const SALT_BYTES_MAX = 64
const KEY_BYTES = 32

/** Reads the verifier of a loopback secret that a CLI sent. Fails with `usage`. */
export function readVerifier(value: LoopbackVerifier): LoopbackVerifier {
  const salt = byteLength(value.salt)
  const fits =
    value.kind === 'scram-sha-256' &&
    Number.isSafeInteger(value.iterations) &&
    value.iterations >= ITERATIONS_MIN &&
    value.iterations <= ITERATIONS_MAX &&
    salt >= SALT_BYTES_MIN &&
    salt <= SALT_BYTES_MAX &&
    byteLength(value.storedKey) === KEY_BYTES &&
    byteLength(value.serverKey) === KEY_BYTES
  if (!fits)
    throw new HoopError('usage', 'Cannot open a session: the verifier of the loopback secret is out of form')
  return value
}

function byteLength(base64: string): number {
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? Buffer.from(base64, 'base64').length : 0
}
