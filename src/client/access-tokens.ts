import { type Credential, type CredentialStore, openCredentialStore } from '../identity/credential-store.js'
import { withRefreshLock } from '../identity/refresh-lock.js'
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

/** The gateway's token as it is kept: short-lived, and good for nothing but the gateway. */
export type GatewayToken = NonNullable<Credential['gatewayToken']>

/** The gateway's access tokens of this machine's user: from memory, from the store, or new ones for the refresh token. */
export class AccessTokens {
  readonly #options: AccessTokensOptions
  readonly #store: CredentialStore
  #current: GatewayToken | undefined

  constructor(options: AccessTokensOptions) {
    this.#options = options
    this.#store = openStore(options)
  }

  /** A token that is good for a while yet. Fails with `not_logged_in` or `login_expired`. */
  async read(peer: TunnelPeer): Promise<string> {
    if (!isFresh(this.#current)) {
      const { gatewayToken } = await this.#credential()
      this.#current = isFresh(gatewayToken) ? gatewayToken : await this.#renew(peer)
    }
    return this.#current.token
  }

  #renew(peer: TunnelPeer): Promise<GatewayToken> {
    const { gateway, directory, caFile } = this.#options.settings
    // A provider that rotates burns the old refresh token: one command at a time, and each looks again when it is its turn.
    return withRefreshLock({ directory, gateway }, async () => {
      const { gatewayToken, ...login } = await this.#credential()
      if (isFresh(gatewayToken)) return gatewayToken
      if (login.refreshToken === undefined) throw loginExpired(gateway)
      // Loaded when it is needed, which is once in some minutes: it is large.
      const { refreshProviderTokens } = await import('../identity/provider-session.js')
      const tokens = await refreshProviderTokens({ ...login, caFile }, login.refreshToken)
      const kept = { ...login, refreshToken: tokens.refreshToken ?? login.refreshToken }
      // Stored before it is used: the one before is burnt already.
      await this.#store.write(gateway, { ...kept, gatewayToken: undefined })
      const renewed = await exchangeToken(new GatewayApi(peer, undefined), tokens.idToken)
      await this.#store.write(gateway, { ...kept, gatewayToken: renewed })
      return renewed
    })
  }

  async #credential(): Promise<Credential> {
    const { gateway } = this.#options.settings
    const credential = await this.#store.read(gateway)
    if (credential !== undefined) return credential
    throw new HoopError('not_logged_in', `Cannot use gateway "${gateway}": you are not logged in`, {
      hint: 'hoop login',
    })
  }
}

/** The credential store of this user, which says once when it is only a file. */
export function openStore({ env, settings, tell }: AccessTokensOptions): CredentialStore {
  return openCredentialStore({ env, directory: settings.directory, warn: tell })
}

/** Exchanges an ID token for the gateway's own token (RFC 8693). */
export async function exchangeToken(api: GatewayApi, idToken: string): Promise<GatewayToken> {
  const { access_token: token, expires_in: seconds } = await api.exchange(idToken)
  return { token, expiresAt: new Date(Date.now() + seconds * 1000) }
}

function isFresh(token: GatewayToken | undefined): token is GatewayToken {
  return token !== undefined && token.expiresAt.getTime() - Date.now() > RENEW_BEFORE_MS
}

function loginExpired(gateway: string): HoopError {
  return new HoopError('login_expired', `Cannot use gateway "${gateway}": the login has ended`, {
    hint: 'hoop login',
  })
}
