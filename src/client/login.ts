import { startDeviceLogin } from '../identity/device-login.js'
import { revokeProviderToken } from '../identity/provider-session.js'
import { describeError, HoopError } from '../lib/hoop-error.js'
import { type AccessTokensOptions, exchangeToken, openStore } from './access-tokens.js'
import { dial } from './gateway.js'
import { GatewayApi } from './gateway-api.js'
import { saveSettings } from './settings.js'

export interface LoginOptions extends AccessTokensOptions {
  /** Shows a person what to do; called once. */
  readonly show: (code: DeviceCode) => Promise<void>
  readonly signal: AbortSignal
}

/** What a person needs to sign in on another screen. */
export interface DeviceCode {
  readonly userCode: string
  readonly address: string
  readonly addressWithCode: string | undefined
  readonly expiresInSeconds: number
}

/** Who signed in, and where the login is kept. */
export interface LoginResult {
  readonly name: string
  readonly groups: readonly string[]
  readonly gateway: string
  readonly kept: string
}

/** Signs in by device code (RFC 8628) and keeps the login. Interrupted, it leaves nothing. */
export async function login(options: LoginOptions): Promise<LoginResult> {
  const { settings } = options
  const peer = await dial(options)
  try {
    const anonymous = new GatewayApi(peer, undefined)
    const { provider } = await anonymous.discovery()
    const device = await startDeviceLogin({ ...provider, caFile: settings.caFile, clock: () => new Date() })
    await options.show({
      userCode: device.userCode,
      address: device.verificationUri,
      addressWithCode: device.verificationUriComplete,
      expiresInSeconds: device.expiresInSeconds,
    })
    const tokens = await device.poll(options.signal)
    const gatewayToken = await exchangeToken(anonymous, tokens.idToken)
    const me = await new GatewayApi(peer, gatewayToken.token).me()
    const store = openStore(options)
    const { issuer, clientId } = provider
    await store.write(settings.gateway, { issuer, clientId, refreshToken: tokens.refreshToken, gatewayToken })
    await saveSettings(settings)
    return { name: me.name, groups: me.groups, gateway: settings.gateway, kept: store.description }
  } finally {
    peer.close()
  }
}

/** Forgets the login here and ends it at the provider; says what could not be done there. */
export async function logout(
  options: AccessTokensOptions,
): Promise<{ readonly gateway: string; readonly revoked: boolean }> {
  const { gateway } = options.settings
  const store = openStore(options)
  const login = await store.read(gateway)
  if (login === undefined) {
    throw new HoopError('not_logged_in', `Cannot log out of "${gateway}": you are not logged in`)
  }
  await store.delete(gateway)
  if (login.refreshToken === undefined) return { gateway, revoked: false }
  try {
    const { caFile } = options.settings
    return {
      gateway,
      revoked: (await revokeProviderToken({ ...login, caFile }, login.refreshToken)) === 'revoked',
    }
  } catch (error) {
    options.tell(
      `the login is gone from this machine; the provider could not be told: ${describeError(error)}`,
    )
    return { gateway, revoked: false }
  }
}
