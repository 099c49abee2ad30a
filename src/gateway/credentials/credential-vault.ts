import type { Role, SecretReference } from '../../domain/connection.js'
import type { ConnectionName } from '../../domain/names.js'
import type { DerivedKeyCache } from '../../protocols/protocol.js'
import { Credential } from './credential.js'

/** Keys kept for one role: one for each salt its target has used of late. */
const KEYS_PER_ROLE_MAX = 8

interface Shared {
  readonly keys: DerivedKeyCache
  holders: number
}

/**
 * Hands out credentials. A key derived from a password (4096 rounds of PBKDF2) is as good as the password and costs
 * milliseconds, so it is shared by the sessions that use a role at the same time, and gone with the last of them.
 */
export class CredentialVault {
  readonly #shared = new Map<string, Shared>()

  /** Reads the role's secret now, for one session, which must `forget` it at its end. */
  take(connection: ConnectionName, role: Role, resolve: (reference: SecretReference) => string): Credential {
    const password = resolve(role.password)
    const name = `${connection}\0${role.name}`
    const shared = this.#shared.get(name) ?? { keys: new DerivedKeys(), holders: 0 }
    shared.holders += 1
    this.#shared.set(name, shared)
    const onForget = (): void => {
      shared.holders -= 1
      if (shared.holders === 0) this.#shared.delete(name)
    }
    return new Credential({ user: role.user, password, derivedKeys: shared.keys, onForget })
  }
}

class DerivedKeys implements DerivedKeyCache {
  readonly #keys = new Map<string, Buffer>()

  recall(digest: string): Buffer | undefined {
    return this.#keys.get(digest)
  }

  keep(digest: string, key: Buffer): void {
    const oldest = this.#keys.keys().next()
    if (this.#keys.size >= KEYS_PER_ROLE_MAX && !oldest.done) this.#keys.delete(oldest.value)
    this.#keys.set(digest, key)
  }
}
