import { timingSafeEqual } from 'node:crypto'
import type { LoopbackVerifier } from '../../domain/session.js'
import {
  exclusiveOr,
  hmac,
  readAttributes,
  readBase64,
  SCRAM_KEY_BYTES,
  SCRAM_NONCE,
  sha256,
} from './scram.js'

/** Longer than any client's: the gs2 header, a user name, a nonce. */
const MESSAGE_BYTES_MAX = 4096

/** What a server says to a SCRAM message. */
export type ScramAnswer =
  | { readonly kind: 'continue'; readonly data: string }
  | { readonly kind: 'accepted'; readonly data: string }
  /** Well said, and the wrong secret. */
  | { readonly kind: 'rejected' }
  /** No SCRAM at all, or a wish that is not granted. */
  | { readonly kind: 'fault'; readonly reason: string }

/**
 * The server's side of one SCRAM-SHA-256 exchange, RFC 5802 and 7677, without channel binding. It knows a verifier and
 * never the secret. Whose name the client gives does not matter: the secret is the session's.
 */
export class ScramServer {
  #challenge: { readonly gs2Header: string; readonly transcript: string; readonly nonce: string } | undefined

  constructor(
    readonly verifier: LoopbackVerifier,
    /** Printable, without a comma, and never used before. */
    readonly nonce: string,
  ) {}

  /** Takes client-first-message. Not to be called twice. */
  challenge(clientFirst: string): ScramAnswer {
    if (clientFirst.length > MESSAGE_BYTES_MAX) return fault('the message is too long')
    const header = /^([ny]),,/.exec(clientFirst)?.[0]
    // `p=` would bind to a TLS channel that is not there; a name between the commas asks to act for someone else.
    if (header === undefined) return fault('only "n,," and "y,," are taken in front of it')
    const bare = clientFirst.slice(header.length)
    const clientNonce = readAttributes(bare, 'nr')?.[1]
    if (clientNonce === undefined || !SCRAM_NONCE.test(clientNonce))
      return fault('client-first-message has no nonce')
    const { salt, iterations } = this.verifier
    const nonce = clientNonce + this.nonce
    const data = `r=${nonce},s=${salt},i=${iterations}`
    this.#challenge = { gs2Header: header, transcript: `${bare},${data}`, nonce }
    return { kind: 'continue', data }
  }

  /** Takes client-final-message. */
  verify(clientFinal: string): ScramAnswer {
    const challenge = this.#challenge
    this.#challenge = undefined
    if (challenge === undefined) return fault('client-final-message came first')
    if (clientFinal.length > MESSAGE_BYTES_MAX) return fault('the message is too long')
    const cut = clientFinal.lastIndexOf(',p=')
    const [binding, nonce] = readAttributes(clientFinal.slice(0, Math.max(cut, 0)), 'cr') ?? []
    if (binding !== Buffer.from(challenge.gs2Header, 'latin1').toString('base64')) {
      return fault('the channel binding is not the one of client-first-message')
    }
    if (nonce !== challenge.nonce) return fault('the nonce is not the one of this exchange')
    const proof = readBase64(clientFinal.slice(cut + 3))
    if (proof?.length !== SCRAM_KEY_BYTES) return fault('client-final-message has no proof')
    return this.#answerProof(proof, `${challenge.transcript},${clientFinal.slice(0, cut)}`)
  }

  #answerProof(proof: Buffer, authMessage: string): ScramAnswer {
    const storedKey = readBase64(this.verifier.storedKey)
    const serverKey = readBase64(this.verifier.serverKey)
    // A verifier that is not one lets nobody in.
    if (storedKey?.length !== SCRAM_KEY_BYTES || serverKey?.length !== SCRAM_KEY_BYTES)
      return { kind: 'rejected' }
    const clientKey = exclusiveOr(proof, hmac(storedKey, authMessage))
    if (!timingSafeEqual(sha256(clientKey), storedKey)) return { kind: 'rejected' }
    return { kind: 'accepted', data: `v=${hmac(serverKey, authMessage).toString('base64')}` }
  }
}

function fault(reason: string): ScramAnswer {
  return { kind: 'fault', reason }
}
