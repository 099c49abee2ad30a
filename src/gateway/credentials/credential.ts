import { inspect } from 'node:util'
import type { Role } from '../../domain/connection.js'
import { HoopError } from '../../lib/hoop-error.js'

/**
 * The account and password of a role at its target. INVARIANT 3: it lives in this process's memory for the length of a
 * session; printing or serialising it shows the account only.
 */
export class Credential {
  #password: string | undefined

  private constructor(
    readonly user: string,
    password: string,
  ) {
    this.#password = password
  }

  /** Reads the role's secret now; `resolve` is the configuration's way from a reference to its value. */
  static of(role: Role, resolve: (reference: Role['password']) => string): Credential {
    return new Credential(role.user, resolve(role.password))
  }

  /** Fails with `session_ended` once the session is over. */
  get password(): string {
    if (this.#password === undefined) {
      throw new HoopError('session_ended', 'Cannot open the target: the session has ended')
    }
    return this.#password
  }

  /** The session is over; nothing opens the target with this any more. */
  forget(): void {
    this.#password = undefined
  }

  toJSON(): { readonly user: string } {
    return { user: this.user }
  }

  [inspect.custom](): string {
    return `Credential(${this.user})`
  }
}
