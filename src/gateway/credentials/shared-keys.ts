import type { DerivedKeyCache } from '../../protocols/protocol.js'

/** Keys kept for one account: one for each salt its target has used of late. */
const KEYS_PER_ACCOUNT_MAX = 8

interface Shared {
  readonly keys: DerivedKeyCache
  holders: number
}

/**
 * Keys derived from passwords. One (4096 rounds of PBKDF2) is as good as the password and costs milliseconds, so it is
 * shared by those who use an account at the same time, and gone with the last of them (invariant 3).
 */
export class SharedKeys {
  readonly #shared = new Map<string, Shared>()

  /** `release` is to be called exactly once. */
  hold(account: string): { readonly keys: DerivedKeyCache; readonly release: () => void } {
    const shared = this.#shared.get(account) ?? { keys: new DerivedKeys(), holders: 0 }
    shared.holders += 1
    this.#shared.set(account, shared)
    const release = (): void => {
      shared.holders -= 1
      if (shared.holders === 0) this.#shared.delete(account)
    }
    return { keys: shared.keys, release }
  }
}

/** The keys of one account, the oldest gives way. */
export class DerivedKeys implements DerivedKeyCache {
  readonly #keys = new Map<string, Buffer>()

  recall(digest: string): Buffer | undefined {
    return this.#keys.get(digest)
  }

  keep(digest: string, key: Buffer): void {
    const oldest = this.#keys.keys().next()
    if (this.#keys.size >= KEYS_PER_ACCOUNT_MAX && !oldest.done) this.#keys.delete(oldest.value)
    this.#keys.set(digest, key)
  }
}
