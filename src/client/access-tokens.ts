import { type CredentialStore, openCredentialStore } from '../identity/credential-store.js'
import { refreshProviderTokens } from '../identity/provider-session.js'
import { HoopError } from '../lib/hoop-error.js'
import type { TunnelPeer } from '../tunnel/stream-request.js'
import { GatewayApi } from './gateway-api.js'
import type { Environment, Settings } from './settings.js'

/** A token that ends sooner than this is renewed before it is used. */
const RENEW_BEFORE_MS = 30_000

export interface AccessTokensOptions {
  readonly env: Environment
  readonly settings: Settings
  readonly tell: (message: string) => void
}

interface AccessToken {
  readonly token: string
  readonly expiresAt: number
}

/** The gateway's access tokens of this machine's user: from memory, from the keychain, or new ones for the refresh token. */
export class AccessTokens {
  readonly #options: AccessTokensOptions
  #current: AccessToken | undefined

  constructor(options: AccessTokensOptions) {
    this.#options = options
  }

  /** A token that is good for a while yet. Fails with `not_logged_in` or `login_expired`. */
  async read(peer: TunnelPeer): Promise<string> {
    if (isFresh(this.#current)) return this.#current.token
    const store = await openStore(this.#options)
    const known = await readAccessToken(store, this.#options.settings.gateway)
    this.#current = isFresh(known) ? known : await this.#renew(peer, store)
    return this.#current.token
  }

  #renew(peer: TunnelPeer, store: CredentialStore): Promise<AccessToken> {
    const { gateway } = this.#options.settings
    // A provider that rotates burns the old refresh token: one command at a time, and each looks again when it is its turn.
    return store.withRefreshLock(gateway, async () => {
      const known = await readAccessToken(store, gateway)
      if (isFresh(known)) return known
      const refreshToken = await store.read(gateway)
      if (refreshToken === undefined) {
        throw new HoopError('not_logged_in', `Cannot use gateway "${gateway}": you are not logged in`, {
          hint: 'hoop login',
        })
      }
      const api = new GatewayApi(peer, undefined)
      const { provider } = await api.discovery()
      const tokens = await refreshProviderTokens({ ...provider, caFile: this.#options.settings.caFile }, refreshToken)
      if (tokens.refreshToken !== undefined) await store.write(gateway, tokens.refreshToken)
      return keepAccessToken(store, { gateway, api, idToken: tokens.idToken })
    })
  }
}

/** The credential store of this user, which says once when it is only a file. */
export function openStore({ env, settings, tell }: AccessTokensOptions): Promise<CredentialStore> {
  return openCredentialStore({ env, directory: settings.directory, warn: tell })
}

/** Exchanges an ID token for the gateway's own token, and keeps that for the next command. */
export async function keepAccessToken(
  store: CredentialStore,
  { gateway, api, idToken }: { readonly gateway: string; readonly api: GatewayApi; readonly idToken: string },
): Promise<AccessToken> {
  const { access_token: token, expires_in: seconds } = await api.exchange(idToken)
  const kept: AccessToken = { token, expiresAt: Date.now() + seconds * 1000 }
  await store.write(accessKey(gateway), JSON.stringify(kept))
  return kept
}

/** The name under which a gateway's access token is kept, beside the refresh token under the gateway's own. */
export function accessKey(gateway: string): string {
  return `${gateway}#access`
}

async function readAccessToken(store: CredentialStore, gateway: string): Promise<AccessToken | undefined> {
  const text = await store.read(accessKey(gateway))
  if (text === undefined) return undefined
  try {
    const kept: unknown = JSON.parse(text)
    if (kept === null || typeof kept !== 'object' || !('token' in kept) || !('expiresAt' in kept))
      return undefined
    const { token, expiresAt } = kept
    return typeof token === 'string' && typeof expiresAt === 'number' ? { token, expiresAt } : undefined
  } catch {
    return undefined
  }
}

function isFresh(token: AccessToken | undefined): token is AccessToken {
  return token !== undefined && token.expiresAt - Date.now() > RENEW_BEFORE_MS
}
