import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  exportJWK,
  exportSPKI,
  generateKeyPair,
  importJWK,
  type JWTPayload,
  SignJWT,
  UnsecuredJWT,
} from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startDeviceLogin } from '../../src/identity/device-login.js'
import { type ClaimNames, readPrincipalClaims } from '../../src/identity/principal-claims.js'
import { makeProviderVerifier, type ProviderVerifier } from '../../src/identity/provider-tokens.js'
import { makeCertificates } from '../setup/certificates.js'
import { approveDeviceCode, type OpenIdProvider, startOpenIdProvider } from '../setup/openid-provider.js'
import { ANN, CLAIMS, CLIENT_ID, SCOPES } from './accounts.js'

let provider: OpenIdProvider
let verifier: ProviderVerifier
let nowMs = Date.now()
const clock = () => new Date(nowMs)

beforeAll(async () => {
  provider = await startOpenIdProvider({ accounts: [ANN], clientId: CLIENT_ID })
})
beforeEach(() => {
  nowMs = Date.now()
  provider.setReachable(true)
  verifier = newVerifier({})
})
afterAll(() => provider.stop())

function newVerifier(over: {
  readonly caFile?: string
  readonly issuer?: string
  readonly clientId?: string
  readonly claims?: ClaimNames
}) {
  const { issuer } = provider
  return makeProviderVerifier({
    issuer,
    clientId: CLIENT_ID,
    claims: CLAIMS,
    clock,
    keysCooldownMs: 0,
    ...over,
  })
}

const seconds = () => Math.floor(nowMs / 1000)
const claims = (over: JWTPayload = {}): JWTPayload => ({
  iss: provider.issuer,
  aud: CLIENT_ID,
  sub: 'u-1',
  iat: seconds(),
  exp: seconds() + 300,
  email: 'ann@shop.example',
  groups: ['engineers'],
  ...over,
})
const PRINCIPAL = { subject: 'u-1', name: 'ann@shop.example', groups: ['engineers'] }

test('the ID token of a real login becomes a principal', async () => {
  const { issuer } = provider
  const login = await startDeviceLogin({ issuer, clientId: CLIENT_ID, scopes: SCOPES, clock })
  await approveDeviceCode(provider, login.userCode, ANN)
  const tokens = await login.poll(new AbortController().signal)
  const { sub: subject, email: name, groups } = ANN
  expect(await verifier.verify(tokens.idToken)).toEqual({ issuer, subject, name, groups })
})

test('the person and the manager that a provider names are part of the principal', async () => {
  const { issuer } = provider
  const { verify } = newVerifier({ claims: { ...CLAIMS, person: 'person', manager: 'manager' } })
  provider.changeAccount(ANN.sub, { manager: 'grace@shop.example', person: 'employee-7' })
  const login = await startDeviceLogin({ issuer, clientId: CLIENT_ID, scopes: SCOPES, clock })
  await approveDeviceCode(provider, login.userCode, ANN)
  const { idToken } = await login.poll(new AbortController().signal)
  expect(await verify(idToken)).toMatchObject({ manager: 'grace@shop.example', person: 'employee-7' })
  // Claims that the configuration does not name say nothing.
  expect(await verifier.verify(idToken)).toEqual({ issuer, ...PRINCIPAL, groups: ANN.groups })
  expect(await verify(await provider.sign(claims()))).toEqual({ issuer, ...PRINCIPAL })
  for (const wrong of [7, '', ['a', 'b'], { id: 'a' }, 'a\u202Eb', 'x'.repeat(513)]) {
    await expect(verify(await provider.sign(claims({ person: wrong })))).rejects.toMatchObject({
      message: 'Cannot accept the login: the person in it is malformed',
    })
    await expect(verify(await provider.sign(claims({ manager: wrong })))).rejects.toMatchObject({
      message: 'Cannot accept the login: the manager in it is malformed',
    })
  }
})

describe('a token that the provider signed', () => {
  const REFUSED: readonly (readonly [string, () => JWTPayload, string])[] = [
    ['by another issuer', () => claims({ iss: 'https://evil.example' }), 'its claim "iss" does not fit'],
    ['for another client', () => claims({ aud: 'billing' }), 'its claim "aud" does not fit'],
    ['for nobody', () => without('aud'), 'its claim "aud" does not fit'],
    ['handed on by another client', () => claims({ azp: 'billing' }), 'it was made for another client'],
    [
      'as an access token of another client',
      () => claims({ client_id: 'billing' }),
      'it was made for another client',
    ],
    [
      'for several audiences without saying for whom',
      () => claims({ aud: [CLIENT_ID, 'billing'] }),
      'it is for several audiences and does not say which client',
    ],
    ['that is not valid yet', () => claims({ nbf: seconds() + 31 }), 'its claim "nbf" does not fit'],
    ['that comes from the future', () => claims({ iat: seconds() + 31 }), 'it was issued in the future'],
    ['without a time of issue', () => without('iat'), 'its claim "iat" does not fit'],
    ['without an end', () => without('exp'), 'its claim "exp" does not fit'],
    ['without a subject', () => without('sub'), 'its claim "sub" does not fit'],
    ['with an empty subject', () => claims({ sub: '' }), 'it has no subject'],
    [
      'with an escape sequence for a subject',
      () => claims({ sub: 'a\u001b[2J' }),
      'its subject is malformed',
    ],
    ['with a subject of 256 characters', () => claims({ sub: 'x'.repeat(256) }), 'its subject is malformed'],
    [
      'that is a logout',
      () => claims({ events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }),
      'it is not a login',
    ],
    [
      'with groups that are objects',
      () => claims({ groups: [{ name: 'engineers' }] }),
      'its groups are not names',
    ],
    [
      'with a group that fools a reader',
      () => claims({ groups: ['\u202Esreenigne'] }),
      'a group of it is malformed',
    ],
    ['with 501 groups', () => claims({ groups: Array(501).fill('g') }), 'it names more than 500 groups'],
  ]
  for (const [what, make, reason] of REFUSED) {
    test(`${what} is refused`, async () => {
      await expect(verifier.verify(await provider.sign(make()))).rejects.toMatchObject({
        code: 'unauthorized',
        message: `Cannot accept the login: ${reason}`,
        hint: 'hoop login',
      })
    })
  }

  test('is accepted with clocks up to 30 seconds apart', async () => {
    const late = await provider.sign(
      claims({ exp: seconds() - 29, iat: seconds() + 29, nbf: seconds() + 29 }),
    )
    expect(await verifier.verify(late)).toMatchObject(PRINCIPAL)
    await expect(verifier.verify(await provider.sign(claims({ exp: seconds() - 30 })))).rejects.toMatchObject(
      {
        code: 'login_expired',
      },
    )
  })

  test('is accepted for several audiences when it says that it is for us', async () => {
    const shared = await provider.sign(claims({ aud: ['api', CLIENT_ID], azp: CLIENT_ID }))
    expect(await verifier.verify(shared)).toMatchObject(PRINCIPAL)
  })

  test('may name one group without a list, or none', async () => {
    expect(await verifier.verify(await provider.sign(claims({ groups: 'engineers' })))).toMatchObject(
      PRINCIPAL,
    )
    expect(await verifier.verify(await provider.sign(without('groups')))).toMatchObject({ groups: [] })
  })

  test('names people by what can be shown, else by their subject', async () => {
    const named = async (over: JWTPayload) => (await verifier.verify(await provider.sign(claims(over)))).name
    expect(await named({ email: undefined, preferred_username: 'ann' })).toBe('ann')
    expect(await named({ email: 'a\u001b[31m', name: 'Ann Example' })).toBe('Ann Example')
    expect(await named({ email: 7, name: '' })).toBe('u-1')
  })
})

describe('a token that the provider did not sign', () => {
  const refused = { code: 'unauthorized' }

  test('is refused without a signature', async () => {
    const token = new UnsecuredJWT(claims()).encode()
    await expect(verifier.verify(token)).rejects.toMatchObject(refused)
  })

  test('is refused when the public key was used as a shared secret', async () => {
    const [jwk = {}] = provider.publicKeys()
    const key = await importJWK(jwk, 'ES256', { extractable: true })
    if (key instanceof Uint8Array) throw new Error('the provider has a symmetric key')
    const secrets = [JSON.stringify(jwk), await exportSPKI(key)].map(text => new TextEncoder().encode(text))
    for (const secret of secrets) {
      const header = { alg: 'HS256', kid: jwk.kid ?? '' }
      const token = await new SignJWT(claims()).setProtectedHeader(header).sign(secret)
      await expect(verifier.verify(token)).rejects.toMatchObject(refused)
    }
  })

  test('is refused under the key id of the provider, an unknown one, or a key of its own', async () => {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
    const own = await exportJWK(publicKey)
    const headers = [
      { alg: 'ES256', kid: provider.publicKeys()[0]?.kid ?? '' },
      { alg: 'ES256', kid: 'unknown' },
      { alg: 'ES256', jwk: own },
      { alg: 'ES256', kid: 'unknown', jku: 'https://evil.example/keys' },
    ]
    for (const header of headers) {
      const token = await new SignJWT(claims()).setProtectedHeader(header).sign(privateKey)
      await expect(verifier.verify(token)).rejects.toMatchObject(refused)
    }
  })

  test('is refused when one character of it is another', async () => {
    const token = await provider.sign(claims())
    const places = fc.integer({ min: 0, max: token.length - 1 })
    await fc.assert(
      fc.asyncProperty(places, fc.constantFrom('A', 'B', '.', '_', ' '), async (place, character) => {
        const other = token.slice(0, place) + character + token.slice(place + 1)
        // The last digits of the signature stand for bits that do not exist: the bytes can be the same.
        fc.pre(signedBytes(other) !== signedBytes(token))
        await expect(verifier.verify(other)).rejects.toMatchObject(refused)
      }),
      { numRuns: 60 },
    )
  })

  test('is refused whatever it is', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async text => {
        await expect(verifier.verify(text)).rejects.toMatchObject(refused)
      }),
      { numRuns: 50 },
    )
    await expect(verifier.verify('x'.repeat(70_000))).rejects.toMatchObject(refused)
  })

  test('never appears in the error', async () => {
    const token = await provider.sign(claims({ aud: 'billing' }))
    const error: unknown = await verifier.verify(token).catch((caught: unknown) => caught)
    expect(`${String(error)} ${JSON.stringify(error)}`).not.toContain(token.slice(-40))
  })
})

describe('the keys of the provider', () => {
  test('are followed when they are rotated', async () => {
    expect(await verifier.verify(await provider.sign(claims()))).toMatchObject(PRINCIPAL)
    await provider.rotateKeys()
    expect(await verifier.verify(await provider.sign(claims()))).toMatchObject(PRINCIPAL)
  })

  test('that were taken back no longer count', async () => {
    const old = await provider.sign(claims())
    await provider.rotateKeys()
    await expect(verifier.verify(old)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('are kept while the provider is away', async () => {
    const token = await provider.sign(claims())
    await verifier.verify(token)
    provider.setReachable(false)
    expect(await verifier.verify(token)).toMatchObject(PRINCIPAL)
  })

  test('of a provider that is away are an error of their own, and it is asked again later', async () => {
    const token = await provider.sign(claims())
    provider.setReachable(false)
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'provider_unavailable' })
    provider.setReachable(true)
    // It is not asked by every request: the pause has to pass first.
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'provider_unavailable' })
    nowMs += 1000
    expect(await verifier.verify(token)).toMatchObject(PRINCIPAL)
  })
})

test('a provider with a private authority is trusted only with its certificate', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-provider-'))
  const tls = await makeCertificates(directory)
  const secure = await startOpenIdProvider({ accounts: [ANN], clientId: CLIENT_ID, tls })
  const { issuer } = secure
  const token = await secure.sign(claims({ iss: issuer }))
  await expect(newVerifier({ issuer }).verify(token)).rejects.toMatchObject({ code: 'provider_unavailable' })
  expect(await newVerifier({ issuer, caFile: tls.caFile }).verify(token)).toMatchObject({
    issuer,
    ...PRINCIPAL,
  })
  await secure.stop()
  rmSync(directory, { recursive: true, force: true })
})

test('reading claims is total', () => {
  const names = { name: 'email', groups: 'groups', person: '__proto__', manager: 'manager' }
  const anyClaims = fc.dictionary(
    fc.constantFrom('sub', 'email', 'groups', 'name', 'manager', '__proto__'),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(anyClaims, record => {
      const reading = readPrincipalClaims(record, { issuer: 'https://id.example', names })
      expect(['principal', 'refused']).toContain(reading.kind)
    }),
  )
})

function signedBytes(token: string): string {
  const end = token.lastIndexOf('.')
  return token.slice(0, end) + Buffer.from(token.slice(end), 'base64url').toString('hex')
}

function without(name: string): JWTPayload {
  return Object.fromEntries(Object.entries(claims()).filter(([key]) => key !== name))
}
