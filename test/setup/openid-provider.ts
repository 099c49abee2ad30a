import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import type { Configuration, KoaContextWithOIDC, Provider } from 'oidc-provider'
import { codePage, confirmPage, loginPage, page } from './openid-pages.js'
import { makeStorage } from './openid-storage.js'

export { approveDeviceCode, denyDeviceCode } from './openid-browser.js'

const FORM_BYTES_MAX = 16 * 1024
const LOOPBACK = '127.0.0.1'

/** Somebody the provider knows. */
export interface ProviderAccount {
  readonly sub: string
  readonly email: string
  readonly name: string
  readonly groups: readonly string[]
  readonly password: string
  /** The claim `manager`. */
  readonly manager?: string
  /** The claim `person`. */
  readonly person?: string
}

/** How the provider starts. Lifetimes are seconds. */
export interface OpenIdProviderOptions {
  /** A free one by default. */
  readonly port?: number
  readonly accounts: readonly ProviderAccount[]
  readonly clientId: string
  readonly tls?: { readonly cert: string; readonly key: string; readonly caFile: string }
  readonly lifetimes?: Partial<Lifetimes>
  /** The pause between two questions of a device; 1 by default, the standard's own is 5. */
  readonly pollIntervalSeconds?: number
}

/** Seconds. */
export interface Lifetimes {
  readonly idToken: number
  readonly accessToken: number
  readonly refreshToken: number
  readonly deviceCode: number
}

/** A real OpenID provider: device flow, refresh tokens that rotate, revocation, ES256. */
export interface OpenIdProvider {
  readonly issuer: string
  readonly clientId: string
  readonly port: number
  readonly caFile: string | undefined
  readonly accounts: readonly ProviderAccount[]
  /** Changes lifetimes of what is issued from now on. */
  setLifetimes(lifetimes: Partial<Lifetimes>): void
  /** The next `times` answers of the token endpoint are this error (RFC 8628, section 3.5: `slow_down`). */
  failTokenRequests(error: string, times: number): void
  /** While it is not reachable, connections are accepted and cut. */
  setReachable(reachable: boolean): void
  /** Puts a new signing key in the place of the old one. What was issued stays valid until its key is asked for. */
  rotateKeys(): Promise<void>
  /** Changes what the provider says of an account from its next token on. */
  changeAccount(sub: string, change: Partial<Omit<ProviderAccount, 'sub' | 'password'>>): void
  /** Signs claims with the provider's key, for tokens that a provider would not make. */
  sign(claims: JWTPayload, header?: { readonly kid?: string; readonly typ?: string }): Promise<string>
  /** The public keys as they are published now. */
  publicKeys(): readonly JWK[]
  stop(): Promise<void>
}

interface SigningKey {
  readonly privateJwk: JWK
  readonly publicJwk: JWK
  readonly privateKey: CryptoKey
}

interface State {
  readonly options: OpenIdProviderOptions
  readonly issuer: string
  readonly lifetimes: { current: Lifetimes }
  readonly failures: string[]
  readonly changes: Map<string, Partial<ProviderAccount>>
}

/**
 * Starts the provider on the loopback interface. It also works by hand: open the address that a login shows, in any
 * browser.
 *
 * @example
 * const provider = await startOpenIdProvider({ accounts: [ann], clientId: 'hoop' })
 * await approveDeviceCode(provider, login.userCode, ann)
 */
export async function startOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  let reachable = true
  let handler = (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(503).end()
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (reachable) handler(request, response)
    else request.socket.destroy()
  }
  const server =
    options.tls === undefined ? createServer(listener) : createSecureServer(options.tls, listener)
  const port = await listen(server, options.port ?? 0)
  const issuer = options.tls === undefined ? `http://${LOOPBACK}:${port}` : `https://localhost:${port}`
  const state: State = {
    ...{ options, issuer, lifetimes: { current: initialLifetimes(options) }, failures: [] },
    changes: new Map(),
  }
  const storage = makeStorage()
  const makeProvider = await loadProvider()
  let key = await makeKey()
  const serve = (): void => {
    const provider = makeProvider(issuer, configuration(state, key, storage))
    addFaults(provider, state)
    const pages = addLogin(provider, state)
    const rest = provider.callback()
    handler = (request, response) =>
      void (request.url?.startsWith('/interaction/') === true
        ? pages(request, response)
        : rest(request, response))
  }
  serve()
  return {
    issuer,
    port,
    clientId: options.clientId,
    caFile: options.tls?.caFile,
    accounts: options.accounts,
    setLifetimes: lifetimes => {
      state.lifetimes.current = { ...state.lifetimes.current, ...lifetimes }
    },
    failTokenRequests: (error, times) => void state.failures.push(...Array<string>(times).fill(error)),
    setReachable: value => {
      reachable = value
    },
    changeAccount: (sub, change) => {
      state.changes.set(sub, { ...state.changes.get(sub), ...change })
    },
    rotateKeys: async () => {
      key = await makeKey()
      serve()
    },
    sign: (claims, header) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.publicJwk.kid ?? '', ...header })
        .sign(key.privateKey),
    publicKeys: () => [key.publicJwk],
    stop: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function initialLifetimes(options: OpenIdProviderOptions): Lifetimes {
  return { idToken: 600, accessToken: 600, refreshToken: 86_400, deviceCode: 600, ...options.lifetimes }
}

/** Loads the library without its remark about Node 20, on which it runs well. */
async function loadProvider(): Promise<(issuer: string, configuration: Configuration) => Provider> {
  const { warn } = console
  console.warn = (...values: readonly unknown[]) => {
    if (!String(values[0]).includes('Unsupported runtime')) warn(...values)
  }
  try {
    const library = await import('oidc-provider')
    return (issuer, config) => new library.Provider(issuer, config)
  } finally {
    console.warn = warn
  }
}

function configuration(
  state: State,
  key: SigningKey,
  adapter: NonNullable<Configuration['adapter']>,
): Configuration {
  const { options } = state
  const lifetimeOf = (name: keyof Lifetimes) => () => state.lifetimes.current[name]
  return {
    adapter,
    jwks: { keys: [{ ...key.privateJwk, use: 'sig', alg: 'ES256' }] } as NonNullable<Configuration['jwks']>,
    cookies: { keys: ['only for tests and demonstrations'] },
    clients: [
      {
        client_id: options.clientId,
        token_endpoint_auth_method: 'none',
        grant_types: ['urn:ietf:params:oauth:grant-type:device_code', 'refresh_token'],
        response_types: [],
        redirect_uris: [],
        id_token_signed_response_alg: 'ES256',
      },
    ],
    claims: { openid: ['sub'], email: ['email'], profile: ['name', 'manager', 'person'], groups: ['groups'] },
    scopes: ['openid', 'offline_access'],
    conformIdTokenClaims: false,
    rotateRefreshToken: true,
    ttl: {
      IdToken: lifetimeOf('idToken'),
      AccessToken: lifetimeOf('accessToken'),
      RefreshToken: lifetimeOf('refreshToken'),
      DeviceCode: lifetimeOf('deviceCode'),
      Interaction: 600,
      Session: 86_400,
      Grant: 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      revocation: {
        enabled: true,
        allowedPolicy: (_ctx, client, token) => token.clientId === client.clientId,
      },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: (ctx, form, _out, error) => show(ctx, codePage(form, describeCodeError(error))),
        userCodeConfirmSource: (ctx, form, client, _info, code) =>
          show(ctx, confirmPage(form, code, client.clientId)),
        successSource: ctx =>
          show(ctx, page('Signed in', '<p>You can close this page and go back to your terminal.</p>')),
      },
    },
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    loadExistingGrant: grantWhatIsAsked,
    findAccount: (_ctx, id) => {
      const account = options.accounts.find(({ sub }) => sub === id)
      if (account === undefined) return undefined
      return { accountId: id, claims: () => claimsOf({ ...account, ...state.changes.get(id) }) }
    },
  }
}

function claimsOf({ sub, email, name, groups, manager, person }: ProviderAccount) {
  return {
    ...{ sub, email, name, groups: [...groups] },
    ...(manager === undefined ? {} : { manager }),
    ...(person === undefined ? {} : { person }),
  }
}

/** Consent is the confirmed code: a company's own provider does not ask a second time for its own tool. */
async function grantWhatIsAsked(ctx: KoaContextWithOIDC) {
  const { provider, session, client, params } = ctx.oidc
  const clientId = client?.clientId
  const accountId = session?.accountId
  if (clientId === undefined || accountId === undefined) return undefined
  const grant = new provider.Grant({ clientId, accountId })
  grant.addOIDCScope(String(params?.scope ?? 'openid'))
  await grant.save()
  return grant
}

function describeCodeError(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  if (error.name === 'AbortedError') return 'The sign-in was cancelled.'
  return 'userCode' in error
    ? 'That code is wrong, was used already, or is too old.'
    : 'Something went wrong.'
}

function show(ctx: KoaContextWithOIDC, html: string): void {
  ctx.type = 'html'
  ctx.body = html
}

function addFaults(provider: Provider, state: State): void {
  provider.use(async (ctx, next) => {
    const failure = ctx.path === '/token' ? state.failures.shift() : undefined
    if (failure !== undefined) {
      ctx.status = 400
      ctx.body = { error: failure }
      return
    }
    await next()
    if (ctx.path === '/device/auth' && ctx.status === 200) {
      ctx.body = { ...Object(ctx.body), interval: state.options.pollIntervalSeconds ?? 1 }
    }
  })
}

/** The page that asks who somebody is, and checks it. */
function addLogin(provider: Provider, state: State) {
  const { accounts, clientId } = state.options
  return async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const { uid } = await provider.interactionDetails(request, response)
      const action = `/interaction/${uid}`
      const form = request.method === 'POST' ? await readForm(request) : undefined
      const account = accounts.find(
        ({ email, password }) => email === form?.get('email') && password === form.get('password'),
      )
      if (account !== undefined) {
        await provider.interactionFinished(request, response, { login: { accountId: account.sub } })
        return
      }
      const error = form === undefined ? {} : { error: 'The e-mail address or the password is wrong.' }
      answerHtml(
        response,
        form === undefined ? 200 : 401,
        loginPage({ action, clientId, accounts, ...error }),
      )
    } catch {
      answerHtml(
        response,
        400,
        page('Sign in', '<p>This sign-in is over. Start again from your terminal.</p>'),
      )
    }
  }
}

function answerHtml(response: ServerResponse, status: number, html: string): void {
  response
    .writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
    .end(html)
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  let text = ''
  for await (const chunk of request) {
    text += String(chunk)
    if (text.length > FORM_BYTES_MAX) throw new Error('a form that is too large')
  }
  return new URLSearchParams(text)
}

async function makeKey(): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
  const publicJwk = await exportJWK(publicKey)
  const kid = `${await calculateJwkThumbprint(publicJwk)}-${randomUUID().slice(0, 8)}`
  const names = { kid, alg: 'ES256', use: 'sig' }
  return {
    privateKey,
    privateJwk: { ...(await exportJWK(privateKey)), ...names },
    publicJwk: { ...publicJwk, ...names },
  }
}

function listen(server: ReturnType<typeof createServer>, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port))
  })
}
