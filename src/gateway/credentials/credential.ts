import { inspect } from 'node:util'
import { HoopError } from '../../lib/hoop-error.js'
import type { DerivedKeyCache } from '../../protocols/protocol.js'

export interface CredentialOptions {
  readonly user: string
  readonly password: string
  /** Shared by the sessions that use the same role now. */
  readonly derivedKeys: DerivedKeyCache
  readonly onForget: () => void
}

/**
 * The account and password of a role at its target. INVARIANT 3: it lives in this process's memory for the length of a
 * session; printing or serialising it shows the account only.
 */
export class Credential {
  readonly user: string
  readonly #onForget: () => void
  readonly #users = new Set<() => void>()
  #secrets: { readonly password: string; readonly derivedKeys: DerivedKeyCache } | undefined

  constructor({ user, password, derivedKeys, onForget }: CredentialOptions) {
    this.user = user
    this.#secrets = { password, derivedKeys }
    this.#onForget = onForget
  }

  /** Fails with `session_ended` once the session is over. */
  get secrets(): { readonly password: string; readonly derivedKeys: DerivedKeyCache } {
    if (this.#secrets !== undefined) return this.#secrets
    throw new HoopError('session_ended', 'Cannot open the target: the session has ended')
  }

  /** Calls `end` when the credential is forgotten, or now when it is already. The result takes that back. */
  onceForgotten(end: () => void): () => void {
    if (this.#secrets === undefined) end()
    else this.#users.add(end)
    return () => void this.#users.delete(end)
  }

  /** The session is over; nothing opens the target with this any more. Idempotent. */
  forget(): void {
    if (this.#secrets === undefined) return
    this.#secrets = undefined
    for (const end of this.#users) end()
    this.#users.clear()
    this.#onForget()
  }

  toJSON(): { readonly user: string } {
    return { user: this.user }
  }

  [inspect.custom](): string {
    return `Credential(${this.user})`
  }
}
