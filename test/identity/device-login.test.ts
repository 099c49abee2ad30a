import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { startDeviceLogin } from '../../src/identity/device-login.js'
import { refreshProviderTokens, revokeProviderToken } from '../../src/identity/provider-session.js'
import {
  approveDeviceCode,
  denyDeviceCode,
  type OpenIdProvider,
  startOpenIdProvider,
} from '../setup/openid-provider.js'
import { ANN, CLIENT_ID, SCOPES } from './accounts.js'

let provider: OpenIdProvider
let skipped: number[]
let nowMs: number

beforeAll(async () => {
  provider = await startOpenIdProvider({ accounts: [ANN], clientId: CLIENT_ID })
})
afterAll(() => provider.stop())
afterEach(() => {
  provider.setReachable(true)
  provider.setLifetimes({ deviceCode: 600 })
})

/** A login whose waits take no time: the test's clock jumps instead, and the waits are written down. */
function login() {
  skipped = []
  nowMs = Date.now()
  return startDeviceLogin({
    issuer: provider.issuer,
    clientId: CLIENT_ID,
    scopes: SCOPES,
    clock: () => new Date(nowMs),
    wait: async milliseconds => {
      skipped.push(milliseconds)
      nowMs += milliseconds
    },
  })
}

const client = () => ({ issuer: provider.issuer, clientId: CLIENT_ID })
const patience = () => new AbortController().signal

async function signIn() {
  const started = await login()
  await approveDeviceCode(provider, started.userCode, ANN)
  return started.poll(patience())
}

test('a person who confirms the code is signed in, with groups in the ID token', async () => {
  const tokens = await signIn()
  expect(decodeJwt(tokens.idToken)).toMatchObject({
    iss: provider.issuer,
    aud: CLIENT_ID,
    sub: ANN.sub,
    email: ANN.email,
    groups: ANN.groups,
  })
  expect(tokens.refreshToken).toBeTypeOf('string')
  expect(tokens.expiresAt.getTime()).toBeGreaterThan(Date.now())
})

test('what is shown to the person is a short code and an address of the provider', async () => {
  const started = await login()
  expect(started.userCode).toMatch(/^[A-Z]{4}-[A-Z]{4}$/)
  expect(started.verificationUri).toBe(`${provider.issuer}/device`)
  expect(started.verificationUriComplete).toBe(`${provider.issuer}/device?user_code=${started.userCode}`)
  expect(started.expiresInSeconds).toBe(600)
})

test('a login is waited for as long as nobody has answered', async () => {
  const started = await startDeviceLogin({ ...client(), scopes: SCOPES, clock: () => new Date() })
  const polling = started.poll(patience())
  await approveDeviceCode(provider, started.userCode, ANN)
  expect((await polling).idToken).toBeTypeOf('string')
})

test('a wrong password signs nobody in', async () => {
  const started = await login()
  const impostor = { email: ANN.email, password: 'guess' }
  await expect(approveDeviceCode(provider, started.userCode, impostor)).rejects.toThrow(
    'did not sign in: 401',
  )
  provider.failTokenRequests('expired_token', 1)
  await expect(started.poll(patience())).rejects.toMatchObject({ code: 'login_expired' })
})

test('slow_down adds five seconds to every pause from then on', async () => {
  const started = await login()
  await approveDeviceCode(provider, started.userCode, ANN)
  provider.failTokenRequests('slow_down', 2)
  await started.poll(patience())
  expect(skipped).toEqual([1000, 6000, 11_000])
})

test('a login that was refused says so', async () => {
  const started = await login()
  await denyDeviceCode(provider, started.userCode)
  await expect(started.poll(patience())).rejects.toMatchObject({
    code: 'login_denied',
    message: 'Cannot sign in: it was refused at the identity provider',
    hint: 'hoop login',
  })
})

test('a code that nobody confirmed in time is over, by our clock', async () => {
  const started = await login()
  provider.failTokenRequests('authorization_pending', 600)
  await expect(started.poll(patience())).rejects.toMatchObject({ code: 'login_expired' })
  expect(skipped.reduce((sum, pause) => sum + pause, 0)).toBeLessThanOrEqual(600_000)
  await startOver()
})

test('a code that the provider calls expired is over', async () => {
  const started = await login()
  provider.failTokenRequests('expired_token', 1)
  await expect(started.poll(patience())).rejects.toMatchObject({
    code: 'login_expired',
    message: 'Cannot sign in: the code was not confirmed in time',
  })
})

test('a provider that is away for a while is asked again, with growing pauses', async () => {
  const started = await login()
  await approveDeviceCode(provider, started.userCode, ANN)
  provider.setReachable(false)
  const back = () => provider.setReachable(skipped.length >= 4)
  const polling = started.poll(patience())
  const watch = setInterval(back, 1)
  await polling.finally(() => clearInterval(watch))
  expect(skipped.slice(0, 4)).toEqual([1000, 2000, 4000, 8000])
})

test('a provider that stays away ends the login with the reason', async () => {
  const started = await login()
  provider.setReachable(false)
  await expect(started.poll(patience())).rejects.toMatchObject({ code: 'provider_unavailable' })
})

test('a provider that is away from the beginning is an error that names it', async () => {
  provider.setReachable(false)
  await expect(login()).rejects.toMatchObject({
    code: 'provider_unavailable',
    message: expect.stringContaining(`Cannot reach the identity provider at "127.0.0.1:${provider.port}"`),
  })
})

test('an unknown client is a mistake in the configuration', async () => {
  const options = { issuer: provider.issuer, clientId: 'stranger', scopes: SCOPES, clock: () => new Date() }
  await expect(startDeviceLogin(options)).rejects.toMatchObject({ code: 'configuration' })
})

test('an abort ends the wait at once, with the reason that was given', async () => {
  const started = await startDeviceLogin({ ...client(), scopes: SCOPES, clock: () => new Date() })
  const stop = new AbortController()
  const polling = started.poll(stop.signal)
  const reason = new Error('Ctrl-C')
  stop.abort(reason)
  await expect(polling).rejects.toBe(reason)
  await expect(started.poll(AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('a refresh gives new tokens, and a refresh token that was used before ends the login', async () => {
  const first = await signIn()
  const second = await refreshProviderTokens(client(), first.refreshToken ?? '')
  expect(second.refreshToken).not.toBe(first.refreshToken)
  expect(decodeJwt(second.idToken).groups).toEqual(ANN.groups)
  const reused = refreshProviderTokens(client(), first.refreshToken ?? '')
  await expect(reused).rejects.toMatchObject({
    code: 'login_expired',
    message: 'Cannot refresh the login: the login has ended at the identity provider',
    hint: 'hoop login',
  })
  // Somebody has a copy of the token: the provider ends the whole family, also for us.
  await expect(refreshProviderTokens(client(), second.refreshToken ?? '')).rejects.toMatchObject({
    code: 'login_expired',
  })
})

test('a revoked login cannot be refreshed', async () => {
  const tokens = await signIn()
  expect(await revokeProviderToken(client(), tokens.refreshToken ?? '')).toBe('revoked')
  await expect(refreshProviderTokens(client(), tokens.refreshToken ?? '')).rejects.toMatchObject({
    code: 'login_expired',
  })
})

test('no error of a login has a token in it', async () => {
  const token = 'a-refresh-token-that-is-secret'
  const error: unknown = await refreshProviderTokens(client(), token).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'login_expired' })
  expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(token)
})

const HOSTILE = [
  { device: { verification_uri: 'javascript:alert(1)' }, why: 'an address that is a script' },
  { device: { verification_uri: 'http://evil.example/device' }, why: 'an address without TLS' },
  { device: { verification_uri: '--profile=/tmp' }, why: 'an address that is an option' },
  { device: { verification_uri_complete: 'file:///etc/passwd' }, why: 'a complete address that is a file' },
  { device: { user_code: '\u001b]0;owned\u0007' }, why: 'a code that moves the cursor' },
  { device: { user_code: 'x'.repeat(1000) }, why: 'a code that fills the screen' },
  { device: { device_code: 7 }, why: 'a device code that is a number' },
]
for (const { device, why } of HOSTILE) {
  test(`a provider that gives ${why} is refused`, async () => {
    const hostile = await startHostileProvider(device)
    const options = { issuer: hostile.issuer, clientId: CLIENT_ID, scopes: SCOPES, clock: () => new Date() }
    await expect(startDeviceLogin(options)).rejects.toMatchObject({ code: 'provider_unavailable' })
    hostile.stop()
  })
}

test('a provider whose discovery document names another issuer is refused', async () => {
  const hostile = await startHostileProvider({}, { issuer: provider.issuer })
  const options = { issuer: hostile.issuer, clientId: CLIENT_ID, scopes: SCOPES, clock: () => new Date() }
  await expect(startDeviceLogin(options)).rejects.toMatchObject({ code: 'provider_unavailable' })
  hostile.stop()
})

test('a provider without TLS is only spoken to on this machine', async () => {
  const options = {
    issuer: 'http://id.example',
    clientId: CLIENT_ID,
    scopes: SCOPES,
    clock: () => new Date(),
  }
  await expect(startDeviceLogin(options)).rejects.toMatchObject({ code: 'configuration' })
})

/** Uses up what a test has left of the answers it asked the provider to give. */
async function startOver(): Promise<void> {
  await provider.stop()
  provider = await startOpenIdProvider({ accounts: [ANN], clientId: CLIENT_ID })
}

async function startHostileProvider(device: object, document: object = {}) {
  const server = createServer((request, response) => {
    const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const body = request.url?.startsWith('/.well-known/')
      ? {
          issuer,
          token_endpoint: `${issuer}/token`,
          device_authorization_endpoint: `${issuer}/device/auth`,
          jwks_uri: `${issuer}/jwks`,
          ...document,
        }
      : {
          device_code: 'd',
          user_code: 'ABCD',
          verification_uri: `${issuer}/device`,
          expires_in: 60,
          ...device,
        }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return { issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, stop: () => server.close() }
}
