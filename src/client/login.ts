import { startDeviceLogin } from '../identity/device-login.js'
import { revokeProviderToken } from '../identity/provider-session.js'
import { describeError, HoopError } from '../lib/hoop-error.js'
import { type AccessTokensOptions, accessKey, keepAccessToken, openStore } from './access-tokens.js'
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
    const store = await openStore(options)
    const { gateway } = settings
    const { token } = await keepAccessToken(store, { gateway, api: anonymous, idToken: tokens.idToken })
    const me = await new GatewayApi(peer, token).me()
    if (tokens.refreshToken !== undefined) await store.write(gateway, tokens.refreshToken)
    await saveSettings(settings)
    return { name: me.name, groups: me.groups, gateway, kept: store.description }
  } finally {
    peer.close()
  }
}

/** Forgets the login here and ends it at the provider; says what could not be done there. */
export async function logout(
  options: AccessTokensOptions,
): Promise<{ readonly gateway: string; readonly revoked: boolean }> {
  const { gateway } = options.settings
  const store = await openStore(options)
  const refreshToken = await store.read(gateway)
  if (refreshToken === undefined) {
    throw new HoopError('not_logged_in', `Cannot log out of "${gateway}": you are not logged in`)
  }
  await store.delete(accessKey(gateway))
  await store.delete(gateway)
  try {
    const peer = await dial(options)
    const { provider } = await new GatewayApi(peer, undefined).discovery().finally(() => peer.close())
    return { gateway, revoked: (await revokeProviderToken({ ...provider, caFile: options.settings.caFile }, refreshToken)) === 'revoked' }
  } catch (error) {
    options.tell(
      `the login is gone from this machine; the provider could not be told: ${describeError(error)}`,
    )
    return { gateway, revoked: false }
  }
}
