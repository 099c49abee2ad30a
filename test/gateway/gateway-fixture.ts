import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/read-config.js'
import type { ErrorResponse, GrantView, SessionOpened, SessionRequest } from '../../src/domain/api.js'
import type { Principal } from '../../src/domain/principal.js'
import type { Session } from '../../src/domain/session.js'
import { Policies } from '../../src/gateway/access/policies.js'
import { AgentHub } from '../../src/gateway/agents/hub.js'
import { type ApiDeps, makeApi } from '../../src/gateway/api/api.js'
import { Archive } from '../../src/gateway/recordings/archive.js'
import { openRecorder } from '../../src/gateway/recordings/file-recorder.js'
import type { Recorder } from '../../src/gateway/recordings/recorder.js'
import { StoreReviewDesk } from '../../src/gateway/reviews/review-desk.js'
import { Catalogs } from '../../src/gateway/session/catalogs.js'
import { FactsCache } from '../../src/gateway/session/facts-cache.js'
import { Sessions } from '../../src/gateway/session/sessions.js'
import { makeGatewayTokens } from '../../src/identity/gateway-tokens.js'
import { openStore, type Store } from '../../src/store/store.js'
import type { Log } from '../../src/tunnel/log.js'

export const ADDRESS = '192.0.2.7'
export const GATEWAY = 'https://hoop.example.com'
const ISSUER = 'https://login.example.com'

/** A principal with these groups; the name is the subject's. */
export function person(name: string, ...groups: readonly string[]): Principal {
  return { issuer: ISSUER, subject: `u-${name}`, name: `${name}@example.com`, groups }
}

export const ADA = person('ada', 'engineering')
export const BOB = person('bob', 'engineering')
export const GRACE = person('grace', 'auditors')
export const EVE = person('eve', 'sales')

/** `hoop.yaml` with one connection; further YAML goes behind it. */
export function configText(more = '', { connection = '', port = 5432 } = {}): string {
  return `listen: { address: "127.0.0.1:8443", tls: { cert_file: cert.pem, key_file: key.pem } }
public_url: ${GATEWAY}
data_directory: data
identity: { issuer: ${ISSUER}, client_id: hoop }
auditors: [auditors]
connections:
  - name: prod-db
    type: postgres
    address: 127.0.0.1:${port}
    tls: { mode: disable }
    database: postgres
    roles:
      - { name: reader, user: reader, password: "env:READER_PASSWORD" }
      - { name: writer, user: writer, password: "env:WRITER_PASSWORD" }
${connection}
  - name: hidden-db
    type: postgres
    address: 127.0.0.1:${port}
    database: postgres
    roles: [{ name: reader, user: reader, password: "env:READER_PASSWORD" }]
access:
  - { name: engineers-read, groups: [engineering], connections: [prod-db], roles: [reader], for: 1h }
  - { name: engineers-write, groups: [engineering], connections: [prod-db], roles: [writer], for: 30m, reason_required: true }
${more}`
}

/** A verifier of the right form; nothing in these tests proves anything against it. */
export const VERIFIER: SessionRequest['verifier'] = {
  kind: 'scram-sha-256',
  salt: Buffer.alloc(16, 1).toString('base64'),
  iterations: 4096,
  storedKey: Buffer.alloc(32, 2).toString('base64'),
  serverKey: Buffer.alloc(32, 3).toString('base64'),
}

export interface FixtureOptions {
  readonly config?: string
  /** What the store is for the gateway: the real one with something broken. */
  readonly breakStore?: (store: Store) => Store
  readonly openRecorder?: (session: Session, open: () => Recorder) => Recorder
  readonly exchange?: ApiDeps['exchange']
  readonly enrollAgent?: ApiDeps['enrollAgent']
}

/** One entry of the gateway's log. */
interface LogLine {
  readonly level: keyof Log
  readonly fields: object
  readonly message: string
}

/** A gateway without a port: real store, tokens, sessions and recordings in a folder of its own, and a clock by hand. */
export type GatewayFixture = Awaited<ReturnType<typeof makeGateway>>

/** Makes the gateway; it ends with the test. */
export async function makeGateway(options: FixtureOptions = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-gateway-'))
  const clock = { now: new Date('2026-03-10T12:00:00Z').getTime() }
  const now = (): Date => new Date(clock.now)
  const real = await openStore({ kind: 'sqlite', file: join(directory, 'hoop.db') })
  const store = options.breakStore?.(real) ?? real
  const { log, lines } = makeLog()
  const current = { policies: readPolicies(options.config ?? configText(), now) }
  let sweeps = 0
  const policies = (): Policies => current.policies
  const facts = await FactsCache.open()
  const agents = new AgentHub({
    findKey: name => store.agents.findKey(name),
    seen: async () => undefined,
    clock: now,
    randomBytes,
    log,
  })
  const recordings = join(directory, 'recordings')
  const monotonic = (): number => clock.now
  const openReal = (session: Session) =>
    openRecorder({ directory: recordings, session: session.id, clock: now, monotonic })
  const catalogs = new Catalogs(monotonic)
  const reviews = new StoreReviewDesk({ store, now, randomBytes, log })
  const sessions = new Sessions({
    store,
    reviews,
    publicUrl: GATEWAY,
    policies,
    agents,
    catalogs,
    facts,
    log,
    now: () => {
      sweeps += 1
      return now()
    },
    openRecorder: session => options.openRecorder?.(session, () => openReal(session)) ?? openReal(session),
  })
  const tokens = await makeGatewayTokens({
    issuer: GATEWAY,
    keyFile: join(directory, 'token-signing.pem'),
    lifetimeMs: 300_000,
    clock: now,
    randomBytes,
  })
  const deps: ApiDeps = {
    discovery: {
      gateway: GATEWAY,
      version: '0.0.0',
      tokenEndpoint: `${GATEWAY}/v1/token`,
      provider: { issuer: ISSUER, clientId: 'hoop', scopes: ['openid'] },
    },
    store,
    policies,
    sessions,
    agents,
    reviews,
    log,
    now,
    archive: new Archive({ directory: recordings }),
    endSessions: grant => sessions.endGrant(grant.id, 'grant_revoked'),
    verifyToken: token => tokens.verify(token),
    exchange: options.exchange ?? (() => Promise.reject(new Error('no exchange in this test'))),
    enrollAgent: options.enrollAgent ?? (() => Promise.reject(new Error('no enrolment in this test'))),
  }
  const api = makeApi(deps)
  onTestFinished(async () => {
    await sessions.drain()
    reviews.close()
    agents.close()
    await facts.close()
    await real.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    api,
    deps,
    store: real,
    sessions,
    reviews,
    recordings,
    directory,
    clock,
    facts,
    /** How often the sessions looked at the clock; a sweep does once. */
    sweeps: () => sweeps,
    lines,
    tokens,
    /** Puts another configuration in force, as SIGHUP does. */
    reload: (text: string) => {
      current.policies = readPolicies(text, now)
    },
    /** One request, as the tunnel hands it over; `as` is whose token it carries. */
    fetch: async (method: string, path: string, { as, body, headers }: Asked = {}) => {
      const bearer = as === undefined ? {} : { authorization: `Bearer ${(await tokens.issue(as)).token}` }
      const init = { method, headers: { ...bearer, ...headers }, body: spellBody(body) }
      return api.fetch(new Request(`${GATEWAY}${path}`, init), { address: ADDRESS })
    },
    audited: async () =>
      [...(await real.audit.list({ limit: 1000 }))]
        .reverse()
        .map(({ action, subject, rule }) => [action, subject, rule].filter(Boolean).join(' ')),
  }
}

export const NO_GRANT = 'g-0000000000000000'
export const NO_SESSION = 's-0000000000000000'

/** The body of an answer, of a shape that the caller knows. */
export async function bodyOf<Body>(response: Response): Promise<Body> {
  const body: Body = JSON.parse(await response.text())
  return body
}

/** The error of an answer outside of 2xx. */
export async function errorOf(response: Response): Promise<ErrorResponse['error']> {
  return (await bodyOf<ErrorResponse>(response)).error
}

/** A grant on `prod-db`, given to this person. */
export async function grantFor(
  gateway: GatewayFixture,
  as: Principal,
  more: object = {},
): Promise<GrantView> {
  const response = await gateway.fetch('POST', '/v1/grants', { as, body: { connection: 'prod-db', ...more } })
  expect(response.status).toBe(201)
  return bodyOf(response)
}

/** A session on a grant of its own. */
export async function sessionFor(gateway: GatewayFixture, as: Principal): Promise<SessionOpened> {
  const { id: grant } = await grantFor(gateway, as)
  const response = await gateway.fetch('POST', '/v1/sessions', { as, body: { grant, verifier: VERIFIER } })
  expect(response.status).toBe(201)
  return bodyOf(response)
}

/** A request: who asks, and with what. A text is sent as it is, anything else as JSON. */
interface Asked {
  readonly as?: Principal | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>> | undefined
}

function spellBody(body: unknown): string | null {
  if (body === undefined) return null
  return typeof body === 'string' ? body : JSON.stringify(body)
}

/** The passwords of the shared server's accounts. */
const PASSWORDS = new Map([
  ['READER_PASSWORD', 'reader-secret'],
  ['WRITER_PASSWORD', 'writer-secret'],
])

function readPolicies(text: string, now: () => Date): Policies {
  const read = readConfig(text, { file: 'hoop.yaml', directory: '/etc/hoop' })
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  return new Policies({
    config: read.config,
    resolveSecret: reference => (reference.kind === 'env' ? (PASSWORDS.get(reference.name) ?? '') : ''),
    now,
  })
}

function makeLog(): { readonly log: Log; readonly lines: readonly LogLine[] } {
  const lines: LogLine[] = []
  const take = (level: keyof Log) => (fields: object, message: string) =>
    void lines.push({ level, fields, message })
  return {
    log: { debug: take('debug'), info: take('info'), warn: take('warn'), error: take('error') },
    lines,
  }
}
