import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { performance } from 'node:perf_hooks'
import type { Config } from '../config/config.js'
import { diffConfig } from '../config/diff-config.js'
import { loadConfig } from '../config/load-config.js'
import type { GrantId } from '../domain/ids.js'
import type { Principal } from '../domain/principal.js'
import { Policies } from '../gateway/access/policies.js'
import { enrollAgent } from '../gateway/agents/enrollment.js'
import { AgentHub } from '../gateway/agents/hub.js'
import { type ApiDeps, makeApi } from '../gateway/api/api.js'
import { streamRecording } from '../gateway/api/read-recording.js'
import { EphemeralRoles } from '../gateway/credentials/ephemeral-roles.js'
import { openGatewayId } from '../gateway/credentials/gateway-id.js'
import { RoleJanitor } from '../gateway/credentials/role-janitor.js'
import { Archive } from '../gateway/recordings/archive.js'
import { openRecorder } from '../gateway/recordings/file-recorder.js'
import { StoreReviewDesk } from '../gateway/reviews/review-desk.js'
import { Catalogs } from '../gateway/session/catalogs.js'
import { FactsCache } from '../gateway/session/facts-cache.js'
import { Sessions } from '../gateway/session/sessions.js'
import { makeGatewayTokens } from '../identity/gateway-tokens.js'
import { makeProviderVerifier } from '../identity/provider-tokens.js'
import { makeTokenExchange } from '../identity/token-exchange.js'
import { describeError } from '../lib/hoop-error.js'
import { openStore, type Store } from '../store/store.js'
import type { Log } from '../tunnel/log.js'
import { createTunnelServer, type TunnelServer } from '../tunnel/server.js'
import { followRevocations } from './follow-revocations.js'
import { adoptLostSessions } from './lost-sessions.js'
import { makeNotifications } from './notifications.js'
import { readSecret } from './read-secret.js'
import { readVersion } from './version.js'

/** How long streams may go on after the gateway was told to stop. */
const CLOSE_GRACE_MS = 5_000

const now = (): Date => new Date()

export interface GatewayOptions {
  /** Path of `hoop.yaml`. */
  readonly file: string
  readonly log: Log
}

/** A gateway while it runs. */
export interface RunningGateway {
  readonly port: number
  /** Reads the configuration again, whole or not at all. */
  reload(): void
  close(): Promise<void>
}

/** Puts the gateway together from its configuration file and opens its port. */
export async function startGateway({ file, log }: GatewayOptions): Promise<RunningGateway> {
  const config = loadConfig(file, {
    warn: warning => log.warn({ warning }, 'the configuration has a doubtful place'),
  })
  const current = { config, policies: makePolicies(config) }
  const store = await openConfiguredStore(config, log)
  const notifications = makeNotifications({ store, config: () => current.config, now, randomBytes, log })
  const reviews = new StoreReviewDesk({ store, now, randomBytes, log, observer: notifications.observer })
  // Before the sessions that held them are ended: a crash between the two finds them again.
  await reviews.withdrawLost()
  await adoptLostSessions({ store, directory: config.recordings.directory, now, log })
  const agents = new AgentHub({
    findKey: name => store.agents.findKey(name),
    seen: (name, at) => store.agents.seen(name, at),
    clock: now,
    randomBytes,
    log,
  })
  const facts = await FactsCache.open()
  const policies = () => current.policies
  const { roles, janitor } = await makeRoles({ agents, log, current })
  const sessions = makeSessions({ config, store, agents, log, policies, facts, roles, reviews })
  const endGrant = (grant: GrantId) => sessions.endGrant(grant, 'grant_revoked')
  const noteClaims = (principal: Principal, at: Date) => sessions.claims.note(principal, at)
  const unfollow = followRevocations({ store, now, endGrant, noteClaims, log })
  const deps = await assembleApi({ config, store, agents, sessions, log, policies, reviews })
  const server = makeServer(deps, config)
  await server.listen(config.listen.host, config.listen.port)
  janitor.start()
  reviews.start()
  notifications.start()
  log.info({ port: server.port, publicUrl: config.publicUrl, policy: config.digest }, 'the gateway is ready')
  return {
    port: server.port,
    reload: () => reload({ file, log, server, current }),
    close: async () => {
      janitor.close()
      await sessions.drain()
      unfollow()
      // Whoever waits for news of a review is answered, so that the server need not cut them.
      reviews.close()
      await notifications.close()
      await server.close(CLOSE_GRACE_MS)
      agents.close()
      await facts.close()
      await store.close()
    },
  }
}

interface Current {
  config: Config
  policies: Policies
}

/** Takes the new configuration whole or not at all. */
function reload({
  file,
  log,
  server,
  current,
}: GatewayOptions & { server: TunnelServer; current: Current }): void {
  try {
    const next = loadConfig(file)
    const policies = makePolicies(next)
    const { certFile, keyFile } = next.listen
    server.renewCertificate(readFileSync(certFile, 'utf8'), readFileSync(keyFile, 'utf8'))
    log.info(
      { changes: diffConfig(current.config, next), policy: next.digest },
      'the configuration was read again',
    )
    current.config = next
    current.policies = policies
  } catch (error) {
    const fields = { cause: describeError(error) }
    log.error(fields, 'the configuration was not read again: the one before stays in force')
  }
}

type SessionParts = Omit<Assembly, 'sessions'> & {
  readonly facts: FactsCache
  readonly roles: EphemeralRoles
}

function makeSessions(parts: SessionParts): Sessions {
  const { config, ...rest } = parts
  const { directory } = config.recordings
  const monotonic = () => performance.now()
  return new Sessions({
    ...rest,
    now,
    publicUrl: config.publicUrl,
    catalogs: new Catalogs(monotonic),
    openRecorder: session => openRecorder({ directory, session: session.id, clock: now, monotonic }),
  })
}

/** Who makes roles that live as long as a session, and who cleans up after a crash. Both follow a reload. */
async function makeRoles({
  agents,
  log,
  current,
}: Pick<Assembly, 'agents' | 'log'> & { readonly current: Current }): Promise<{
  readonly roles: EphemeralRoles
  readonly janitor: RoleJanitor
}> {
  const owner = await openGatewayId(join(current.config.dataDirectory, 'keys', 'gateway-id'), randomBytes)
  const roles = new EphemeralRoles({ owner, agents, log, resolveSecret: readSecret })
  const janitor = new RoleJanitor({ roles, owner, now, log, connections: () => current.config.connections })
  return { roles, janitor }
}

function makeServer(deps: ApiDeps, { listen }: Config): TunnelServer {
  const api = makeApi(deps)
  return createTunnelServer({
    cert: readFileSync(listen.certFile, 'utf8'),
    key: readFileSync(listen.keyFile, 'utf8'),
    onRequest: async (request, { address }) => api.fetch(request, { address }),
    onStream: request => {
      if (!streamRecording(deps, request)) deps.sessions.stream(request)
    },
    onAgent: connection => deps.agents.accept(connection),
    log: deps.log,
  })
}

function makePolicies(config: Config): Policies {
  return new Policies({ config, resolveSecret: readSecret, now })
}

function openConfiguredStore(config: Config, log: Log): Promise<Store> {
  const onConnectionError = (error: Error): void =>
    log.warn({ cause: describeError(error) }, 'a store connection broke')
  if (config.store.kind === 'sqlite') return openStore(config.store)
  return openStore({ kind: 'postgres', url: readSecret(config.store.url), onConnectionError })
}

interface Assembly {
  readonly config: Config
  readonly store: Store
  readonly agents: AgentHub
  readonly sessions: Sessions
  readonly log: Log
  readonly policies: () => Policies
  readonly reviews: StoreReviewDesk
}

async function assembleApi(assembly: Assembly): Promise<ApiDeps> {
  const { config, store, agents, sessions, log, policies, reviews } = assembly
  const { issuer, clientId, scopes, claims, caFile } = config.identity
  const tokens = await makeGatewayTokens({
    issuer: config.publicUrl,
    keyFile: join(config.dataDirectory, 'keys', 'token-signing.pem'),
    lifetimeMs: config.tokenLifetimeMs,
    clock: now,
    randomBytes,
  })
  const verifier = makeProviderVerifier({ issuer, clientId, claims, caFile, clock: now })
  const enrollmentTokens = config.agents.map(({ name, enrollmentToken }) => ({
    name,
    token: readSecret(enrollmentToken),
  }))
  return {
    discovery: {
      gateway: config.publicUrl,
      version: readVersion(),
      tokenEndpoint: `${config.publicUrl}/v1/token`,
      provider: { issuer, clientId, scopes },
    },
    store,
    policies,
    sessions,
    agents,
    reviews,
    log,
    now,
    archive: new Archive(config.recordings),
    endSessions: grant => sessions.endGrant(grant.id, 'grant_revoked'),
    verifyToken: token => tokens.verify(token),
    exchange: makeTokenExchange({ verifier, tokens, gateway: config.publicUrl, clientId, clock: now }),
    enrollAgent: request =>
      enrollAgent(request, { enrollmentTokens, useToken: one => store.agents.enroll(one), clock: now }),
  }
}
