import type { Adapter, AdapterPayload } from 'oidc-provider'

interface Kept {
  readonly payload: AdapterPayload
  readonly expiresAtMs: number
}

/** What a provider remembers, in memory, one for each provider: it survives a change of keys. */
export function makeStorage(): new (model: string) => Adapter {
  const kept = new Map<string, Kept>()
  const grants = new Map<string, Set<string>>()

  return class MemoryStorage implements Adapter {
    constructor(readonly model: string) {}

    async upsert(id: string, payload: AdapterPayload, expiresInSeconds: number): Promise<void> {
      const key = this.#key(id)
      const lifetimeMs = expiresInSeconds > 0 ? expiresInSeconds * 1000 : Number.POSITIVE_INFINITY
      kept.set(key, { payload, expiresAtMs: Date.now() + lifetimeMs })
      if (payload.grantId !== undefined) {
        const members = grants.get(payload.grantId) ?? new Set<string>()
        grants.set(payload.grantId, members.add(key))
      }
    }

    async find(id: string): Promise<AdapterPayload | undefined> {
      return this.#read(this.#key(id))
    }

    async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
      return this.#findBy(payload => payload.userCode === userCode)
    }

    async findByUid(uid: string): Promise<AdapterPayload | undefined> {
      return this.#findBy(payload => payload.uid === uid)
    }

    async consume(id: string): Promise<void> {
      const payload = this.#read(this.#key(id))
      if (payload !== undefined) payload.consumed = Math.floor(Date.now() / 1000)
    }

    async destroy(id: string): Promise<void> {
      kept.delete(this.#key(id))
    }

    async revokeByGrantId(grantId: string): Promise<void> {
      for (const key of grants.get(grantId) ?? []) kept.delete(key)
      grants.delete(grantId)
    }

    #key(id: string): string {
      return `${this.model}:${id}`
    }

    #read(key: string): AdapterPayload | undefined {
      const found = kept.get(key)
      return found !== undefined && found.expiresAtMs > Date.now() ? found.payload : undefined
    }

    #findBy(matches: (payload: AdapterPayload) => boolean): AdapterPayload | undefined {
      const keys = [...kept.keys()].filter(key => key.startsWith(`${this.model}:`))
      return keys.map(key => this.#read(key)).find(payload => payload !== undefined && matches(payload))
    }
  }
}
