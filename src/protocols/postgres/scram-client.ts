import { timingSafeEqual } from 'node:crypto'
import {
  exclusiveOr,
  hmac,
  readAttributes,
  readBase64,
  SCRAM_NONCE,
  SCRAM_SHA_256,
  SCRAM_SHA_256_PLUS,
  saltPassword,
  scramKeys,
} from './scram.js'

/** More would let a target hold the gateway's one thread for long: this is 150 ms. */
const ITERATIONS_MAX = 600_000
const SALT_BYTES_MAX = 1024
/** PgBouncer read a nonce of any length from a hostile server (CVE-2026-6665). */
const MESSAGE_BYTES_MAX = 4096

export interface ScramClientOptions {
  readonly password: string
  /** Printable, without a comma, and never used before. */
  readonly nonce: string
  /** RFC 5929 `tls-server-end-point` data, where the connection has it. */
  readonly serverEndPoint: Buffer | undefined
  readonly mechanisms: readonly string[]
  /** In the place of computing it: one that remembers. */
  readonly saltPassword?: typeof saltPassword
}

/** What the client says next, or why it says nothing more. */
export type ScramStep =
  | { readonly kind: 'say'; readonly data: string }
  | { readonly kind: 'fault'; readonly reason: string }

/**
 * The client's side of one SCRAM-SHA-256 exchange, with channel binding where both sides have it. The server has to
 * prove that it knows the password too: without `isServerProven` nothing of it is to be believed.
 */
export class ScramClient {
  readonly mechanism: string
  readonly first: string
  readonly #options: ScramClientOptions
  readonly #bare: string
  readonly #gs2Header: string
  #serverSignature: Buffer | undefined
  #proven = false

  constructor(options: ScramClientOptions) {
    const binds = options.serverEndPoint !== undefined && options.mechanisms.includes(SCRAM_SHA_256_PLUS)
    this.#options = options
    this.mechanism = binds ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256
    // `y`: we could bind and you say you cannot. A server that can then knows that someone stripped its offer.
    const flag = binds ? 'p=tls-server-end-point' : options.serverEndPoint === undefined ? 'n' : 'y'
    this.#gs2Header = `${flag},,`
    // PostgreSQL takes the user's name from the StartupMessage and none from here.
    this.#bare = `n=,r=${options.nonce}`
    this.first = this.#gs2Header + this.#bare
  }

  get isServerProven(): boolean {
    return this.#proven
  }

  /** Takes server-first-message; gives client-final-message. */
  answer(serverFirst: string): ScramStep {
    if (serverFirst.length > MESSAGE_BYTES_MAX) return fault('its SCRAM message is too long')
    const [nonce = '', saltText = '', iterationsText = ''] = readAttributes(serverFirst, 'rsi') ?? []
    const continues = nonce.startsWith(this.#options.nonce) && nonce.length > this.#options.nonce.length
    if (!continues || !SCRAM_NONCE.test(nonce.slice(this.#options.nonce.length)))
      return fault('its SCRAM nonce is not ours')
    const salt = readBase64(saltText)
    if (salt === undefined || salt.length === 0 || salt.length > SALT_BYTES_MAX)
      return fault('its SCRAM salt is malformed')
    const iterations = /^[1-9]\d{0,6}$/.test(iterationsText) ? Number(iterationsText) : 0
    if (iterations < 1 || iterations > ITERATIONS_MAX) {
      return fault(`its SCRAM iteration count is not between 1 and ${ITERATIONS_MAX}`)
    }
    const salted = (this.#options.saltPassword ?? saltPassword)(this.#options.password, salt, iterations)
    return this.#prove(salted, nonce, serverFirst)
  }

  /** Takes server-final-message; undefined when the server has proved itself, otherwise why it has not. */
  verify(serverFinal: string): string | undefined {
    const expected = this.#serverSignature
    this.#serverSignature = undefined
    if (expected === undefined) return 'its SCRAM messages are out of order'
    const signature = readBase64(readAttributes(serverFinal, 'v')?.[0] ?? '')
    if (signature?.length !== expected.length || !timingSafeEqual(signature, expected)) {
      return 'it does not know the password of the role itself'
    }
    this.#proven = true
    return undefined
  }

  #prove(salted: Buffer, nonce: string, serverFirst: string): ScramStep {
    const { clientKey, storedKey, serverKey } = scramKeys(salted)
    const bound =
      this.mechanism === SCRAM_SHA_256_PLUS
        ? (this.#options.serverEndPoint ?? Buffer.alloc(0))
        : Buffer.alloc(0)
    const binding = Buffer.concat([Buffer.from(this.#gs2Header, 'latin1'), bound]).toString('base64')
    const withoutProof = `c=${binding},r=${nonce}`
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`
    const proof = exclusiveOr(clientKey, hmac(storedKey, authMessage)).toString('base64')
    this.#serverSignature = hmac(serverKey, authMessage)
    return { kind: 'say', data: `${withoutProof},p=${proof}` }
  }
}

function fault(reason: string): ScramStep {
  return { kind: 'fault', reason }
}
