import type { TargetStartOptions } from '../protocol.js'
import { AUTHENTICATION, passwordMessage, saslInitialResponse, saslResponse } from './codec.js'
import { md5Password } from './md5.js'
import { SCRAM_NONCE_BYTES, SCRAM_SHA_256, SCRAM_SHA_256_PLUS, saltPassword, sha256 } from './scram.js'
import { ScramClient } from './scram-client.js'

const MECHANISMS_MAX = 16
const MD5_SALT_BYTES = 4

/** What to say to the target now, or why there is nothing to say. */
export type SignInStep =
  | { readonly kind: 'say'; readonly bytes: Buffer }
  | { readonly kind: 'listen' }
  | { readonly kind: 'fault'; readonly reason: string }

/** Nothing was asked; a password or digest was given; SCRAM under way; SCRAM done and the target proven. */
type Phase = 'begin' | 'given' | 'challenge' | 'final' | 'proven'

/** Proves the role to the target with its credential, as the target asks. Never says more than was asked for. */
export class TargetSignIn {
  readonly #options: TargetStartOptions
  #phase: Phase = 'begin'
  #scram: ScramClient | undefined

  constructor(options: TargetStartOptions) {
    this.#options = options
  }

  /**
   * Why AuthenticationOk is not to be believed now. A target that asks for nothing is `trust`, which is its own affair;
   * one that leaves SCRAM half-way has not shown that it knows the password.
   */
  whyNotOver(bytesBehind: number): string | undefined {
    if (bytesBehind > 0) return 'its AuthenticationOk is malformed'
    const isOver = this.#phase === 'begin' || this.#phase === 'given' || this.#phase === 'proven'
    return isOver ? undefined : 'it ended SCRAM half-way, without proving itself'
  }

  /** Answers an Authentication message of this kind. */
  answer(kind: number, data: Buffer): SignInStep {
    if (this.#phase === 'begin') return this.#begin(kind, data)
    if (this.#phase === 'challenge' && kind === AUTHENTICATION.saslContinue) return this.#challenge(data)
    if (this.#phase === 'final' && kind === AUTHENTICATION.saslFinal) return this.#final(data)
    return fault('its requests for authentication are out of order')
  }

  #begin(kind: number, data: Buffer): SignInStep {
    const { user, password, tls } = this.#options
    if (kind === AUTHENTICATION.cleartextPassword) {
      if (tls === 'disable') return fault('it asks for the password in clear text, without TLS')
      this.#phase = 'given'
      return say(passwordMessage(password))
    }
    if (kind === AUTHENTICATION.md5Password) {
      if (data.length !== MD5_SALT_BYTES) return fault('its salt for MD5 is malformed')
      this.#phase = 'given'
      return say(passwordMessage(md5Password({ user, password, salt: data })))
    }
    if (kind === AUTHENTICATION.sasl) return this.#chooseMechanism(data)
    return fault(
      `it asks for authentication of kind ${kind}, and only SCRAM-SHA-256, MD5 and passwords are spoken`,
    )
  }

  #chooseMechanism(data: Buffer): SignInStep {
    const mechanisms = data
      .toString('latin1')
      .split('\0')
      .filter(name => name !== '')
    if (mechanisms.length > MECHANISMS_MAX) return fault('it offers too many SASL mechanisms')
    if (!mechanisms.includes(SCRAM_SHA_256) && !mechanisms.includes(SCRAM_SHA_256_PLUS)) {
      return fault('it offers no SCRAM-SHA-256')
    }
    const { password, randomBytes, serverEndPoint, tls } = this.#options
    const endPoint = tls === 'disable' ? undefined : serverEndPoint?.()
    if (endPoint === undefined && !mechanisms.includes(SCRAM_SHA_256)) {
      return fault('it offers SCRAM with channel binding only, and its certificate allows none')
    }
    this.#scram = new ScramClient({
      password,
      nonce: Buffer.from(randomBytes(SCRAM_NONCE_BYTES)).toString('base64'),
      serverEndPoint: endPoint,
      mechanisms,
      saltPassword: (...input) => this.#saltPassword(...input),
    })
    this.#phase = 'challenge'
    return say(saslInitialResponse(this.#scram.mechanism, this.#scram.first))
  }

  #challenge(data: Buffer): SignInStep {
    const step = this.#scram?.answer(data.toString('utf8')) ?? {
      kind: 'fault',
      reason: 'SCRAM was not begun',
    }
    this.#phase = 'final'
    return step.kind === 'say' ? say(saslResponse(step.data)) : step
  }

  #final(data: Buffer): SignInStep {
    const reason = this.#scram?.verify(data.toString('utf8'))
    if (reason !== undefined || this.#scram?.isServerProven !== true)
      return fault(reason ?? 'it has not proved itself')
    this.#phase = 'proven'
    return { kind: 'listen' }
  }

  #saltPassword(password: string, salt: Buffer, iterations: number): Buffer {
    const { derivedKeys } = this.#options
    if (derivedKeys === undefined) return saltPassword(password, salt, iterations)
    // Each part has its length known or is a digest itself, so that no two inputs meet in one text.
    const digest = sha256(`${iterations}:${salt.toString('base64')}:${password}`).toString('base64')
    const known = derivedKeys.recall(digest)
    if (known !== undefined) return known
    const salted = saltPassword(password, salt, iterations)
    derivedKeys.keep(digest, salted)
    return salted
  }
}

function say(bytes: Buffer): SignInStep {
  return { kind: 'say', bytes }
}

function fault(reason: string): SignInStep {
  return { kind: 'fault', reason }
}
