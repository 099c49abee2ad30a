import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLocalJWKSet, jwtVerify, SignJWT } from 'jose'
import { afterAll, describe, expect, test } from 'vitest'
import { type GatewayTokens, makeGatewayTokens } from '../../src/identity/gateway-tokens.js'
import type { ProviderVerifier } from '../../src/identity/provider-tokens.js'
import { openSigningKey } from '../../src/identity/signing-key.js'
import { makeTokenExchange } from '../../src/identity/token-exchange.js'
import { HoopError } from '../../src/lib/hoop-error.js'

const GATEWAY = 'https://gateway.example:8443'
const ANN = {
  issuer: 'https://id.example',
  subject: 'u-1',
  name: 'ann@shop.example',
  groups: ['engineers', 'Büro'],
}
const LIFETIME_MS = 300_000

const root = mkdtempSync(join(tmpdir(), 'hoop-tokens-'))
let cases = 0
let nowMs = Date.now()
afterAll(() => rmSync(root, { recursive: true, force: true }))

const newKeyFile = () => join(root, `case-${cases++}`, 'keys', 'gateway.pem')
const open = (over: { readonly keyFile?: string; readonly issuer?: string } = {}): Promise<GatewayTokens> =>
  makeGatewayTokens({
    issuer: GATEWAY,
    keyFile: newKeyFile(),
    lifetimeMs: LIFETIME_MS,
    clock: () => new Date(nowMs),
    randomBytes,
    ...over,
  })

describe('a token of the gateway', () => {
  test('carries issuer, subject, name and groups of the provider until its end', async () => {
    const tokens = await open()
    const { token, expiresAt } = await tokens.issue(ANN)
    expect(expiresAt.getTime() - nowMs).toBeGreaterThan(LIFETIME_MS - 1000)
    expect(await tokens.verify(token)).toEqual({ ...ANN, issuedAt: expect.any(Date), expiresAt })
    nowMs = expiresAt.getTime() - 1
    expect(await tokens.verify(token)).toEqual({ ...ANN, issuedAt: expect.any(Date), expiresAt })
    nowMs = expiresAt.getTime()
    const expired = { code: 'login_expired', hint: 'hoop login' }
    await expect(tokens.verify(token)).rejects.toMatchObject(expired)
    await expect(tokens.verify(token)).rejects.toMatchObject(expired)
  })

  test('carries the person and the manager where the provider names them', async () => {
    const tokens = await open()
    const known = { ...ANN, person: 'employee-7', manager: 'grace@shop.example' }
    const { token, expiresAt } = await tokens.issue(known)
    expect(await tokens.verify(token)).toEqual({
      ...known,
      issuedAt: new Date(expiresAt.getTime() - LIFETIME_MS),
      expiresAt,
    })
  })

  test('can be checked by anybody with the published keys', async () => {
    const tokens = await open()
    const { token } = await tokens.issue(ANN)
    const keys = createLocalJWKSet({ keys: [...tokens.jwks.keys] })
    const { payload, protectedHeader } = await jwtVerify(token, keys, { currentDate: new Date(nowMs) })
    expect(payload).toMatchObject({ iss: GATEWAY, aud: GATEWAY, sub: ANN.subject })
    expect(protectedHeader).toMatchObject({ typ: 'at+jwt', alg: 'ES256' })
    expect(JSON.stringify(tokens.jwks)).not.toContain('"d"')
  })

  test('is another one each time', async () => {
    const tokens = await open()
    expect((await tokens.issue(ANN)).token).not.toBe((await tokens.issue(ANN)).token)
  })

  test('outlives a restart, and is nothing to another gateway', async () => {
    const keyFile = newKeyFile()
    const { token } = await (await open({ keyFile })).issue(ANN)
    expect(await (await open({ keyFile })).verify(token)).toMatchObject(ANN)
    await expect((await open()).verify(token)).rejects.toMatchObject({ code: 'unauthorized' })
    const renamed = await open({ keyFile, issuer: 'https://other.example' })
    await expect(renamed.verify(token)).rejects.toMatchObject({ code: 'unauthorized' })
  })

  test('is refused when it is of another kind, even with our own signature', async () => {
    const keyFile = newKeyFile()
    const tokens = await open({ keyFile })
    const key = await openSigningKey(keyFile)
    const iat = Math.floor(nowMs / 1000)
    const payload = {
      provider: 'p',
      name: 'n',
      groups: [],
      iss: GATEWAY,
      aud: GATEWAY,
      sub: 's',
      jti: 'j',
      iat,
      exp: iat + 60,
    }
    const sign = (over: object, typ: string) =>
      new SignJWT({ ...payload, ...over }).setProtectedHeader({ alg: 'ES256', typ }).sign(key.privateKey)
    expect(await tokens.verify(await sign({}, 'at+jwt'))).toMatchObject({ subject: 's' })
    expect(await tokens.verify(await sign({ aud: [GATEWAY] }, 'at+jwt'))).toMatchObject({ subject: 's' })
    const wrong = [
      sign({ aud: 'https://other.example' }, 'at+jwt'),
      sign({ iss: 'https://other.example' }, 'at+jwt'),
      sign({}, 'JWT'),
      sign({ groups: 'admins' }, 'at+jwt'),
      sign({ groups: [1] }, 'at+jwt'),
      sign({ name: 1 }, 'at+jwt'),
      sign({ person: 7 }, 'at+jwt'),
      sign({ manager: ['grace'] }, 'at+jwt'),
    ]
    for (const token of await Promise.all(wrong)) {
      await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'unauthorized' })
    }
  })

  for (const text of ['', 'a.b.c', 'Bearer x', 'x'.repeat(20_000), '\0', 'eyJhbGciOiJub25lIn0.e30.']) {
    test(`is not ${JSON.stringify(text.slice(0, 20))}`, async () => {
      await expect((await open()).verify(text)).rejects.toMatchObject({ code: 'unauthorized' })
    })
  }
})

describe("the gateway's key", () => {
  test('is ours alone, in a folder that is ours alone', async () => {
    const keyFile = newKeyFile()
    await open({ keyFile })
    expect(statSync(keyFile).mode & 0o777).toBe(0o600)
    expect(statSync(join(keyFile, '..')).mode & 0o777).toBe(0o700)
  })

  test('is one, also when several gateways start at once', async () => {
    const keyFile = newKeyFile()
    const keys = await Promise.all([1, 2, 3, 4, 5].map(() => openSigningKey(keyFile)))
    expect(new Set(keys.map(key => key.id)).size).toBe(1)
  })

  test('that others can read is refused', async () => {
    const keyFile = newKeyFile()
    await open({ keyFile })
    chmodSync(keyFile, 0o640)
    await expect(open({ keyFile })).rejects.toMatchObject({
      code: 'configuration',
      message: `Cannot use the signing key in "${keyFile}": other accounts can open it`,
    })
  })

  test('behind a symbolic link, or that is no key, is refused without a word of its content', async () => {
    const keyFile = newKeyFile()
    await open({ keyFile })
    symlinkSync(keyFile, `${keyFile}.link`)
    await expect(open({ keyFile: `${keyFile}.link` })).rejects.toMatchObject({ code: 'configuration' })
    const broken = readFileSync(keyFile, 'utf8')
      .replace(/[A-Z]{2}/, 'zz')
      .slice(0, 120)
    writeFileSync(keyFile, broken)
    const error: unknown = await open({ keyFile }).catch((caught: unknown) => caught)
    expect(error).toMatchObject({ code: 'configuration' })
    expect(error).not.toHaveProperty('cause')
    expect(String(error)).not.toContain(broken.slice(40, 60))
  })
})

describe('the exchange of tokens', () => {
  const GRANT_TYPE = 'urn:ietf:params:oauth:grant-type:token-exchange'
  const ID_TOKEN = 'urn:ietf:params:oauth:token-type:id_token'
  const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'
  const FORM = { grant_type: GRANT_TYPE, subject_token: 'good', subject_token_type: ID_TOKEN }

  const verifier: ProviderVerifier = {
    verify: async token => {
      if (token === 'good') return ANN
      if (token === 'down')
        throw new HoopError('provider_unavailable', 'Cannot reach the identity provider at "x"')
      if (token === 'bug') throw new Error('a bug')
      throw new HoopError('unauthorized', 'Cannot accept the login: its claim "aud" does not fit')
    },
  }
  const exchange = async (form: Readonly<Record<string, string>> | URLSearchParams) => {
    const tokens = await open()
    const options = { verifier, tokens, gateway: GATEWAY, clientId: 'hoop', clock: () => new Date(nowMs) }
    return { tokens, answer: await makeTokenExchange(options)(new URLSearchParams(form)) }
  }

  test('gives a token of minutes for a token of the provider', async () => {
    const { tokens, answer } = await exchange(FORM)
    expect(answer).toMatchObject({
      kind: 'issued',
      status: 200,
      principal: ANN,
      body: { issued_token_type: ACCESS_TOKEN, token_type: 'Bearer' },
    })
    if (answer.kind !== 'issued') throw new Error('no token')
    expect(answer.body.expires_in).toBeGreaterThanOrEqual(299)
    expect(await tokens.verify(answer.body.access_token)).toMatchObject(ANN)
  })

  const ACCEPTED: readonly Readonly<Record<string, string>>[] = [
    { audience: GATEWAY },
    { resource: GATEWAY, client_id: 'hoop' },
    { requested_token_type: ACCESS_TOKEN },
    { subject_token_type: ACCESS_TOKEN },
    { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' },
  ]
  for (const more of ACCEPTED) {
    test(`takes ${JSON.stringify(more)}`, async () => {
      expect((await exchange({ ...FORM, ...more })).answer.status).toBe(200)
    })
  }

  const REFUSED: readonly (readonly [Readonly<Record<string, string>>, number, string])[] = [
    [{ grant_type: '' }, 400, 'invalid_request'],
    [{ grant_type: 'password' }, 400, 'unsupported_grant_type'],
    [{ subject_token: '' }, 400, 'invalid_request'],
    [{ subject_token: 'bad' }, 400, 'invalid_request'],
    [{ subject_token: 'down' }, 503, 'temporarily_unavailable'],
    [{ subject_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 400, 'invalid_request'],
    [{ subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' }, 400, 'invalid_request'],
    [{ requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }, 400, 'invalid_request'],
    [{ audience: 'https://other.example' }, 400, 'invalid_target'],
    [{ resource: 'https://other.example' }, 400, 'invalid_target'],
    [{ actor_token: 'x', actor_token_type: ID_TOKEN }, 400, 'invalid_request'],
    [{ scope: 'admin' }, 400, 'invalid_request'],
    [{ client_id: 'other' }, 401, 'invalid_client'],
    [{ client_secret: 'x' }, 400, 'invalid_request'],
  ]
  for (const [more, status, error] of REFUSED) {
    test(`refuses ${JSON.stringify(more)} with ${error}`, async () => {
      const { answer } = await exchange({ ...FORM, ...more })
      expect(answer).toMatchObject({ kind: 'refused', status, body: { error } })
      if (answer.kind === 'refused')
        expect(answer.body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    })
  }

  test('refuses a parameter that is given twice', async () => {
    const form = new URLSearchParams(FORM)
    form.append('subject_token', 'bad')
    expect((await exchange(form)).answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
  })

  test('does not take a bug for a refusal', async () => {
    await expect(exchange({ ...FORM, subject_token: 'bug' })).rejects.toThrow('a bug')
  })
})
