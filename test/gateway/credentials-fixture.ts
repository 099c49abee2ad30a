import { randomBytes } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import pg from 'pg'
import { onTestFinished } from 'vitest'
import { readConfig } from '../../src/config/read-config.js'
import type { Connection } from '../../src/domain/connection.js'
import { makeGrantId, makeSessionId } from '../../src/domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../../src/domain/names.js'
import type { Session } from '../../src/domain/session.js'
import { Admission } from '../../src/gateway/access/admission.js'
import { Policies } from '../../src/gateway/access/policies.js'
import { AgentHub } from '../../src/gateway/agents/hub.js'
import type { Credential } from '../../src/gateway/credentials/credential.js'
import { CredentialVault } from '../../src/gateway/credentials/credential-vault.js'
import { EphemeralRoles } from '../../src/gateway/credentials/ephemeral-roles.js'
import { RoleJanitor } from '../../src/gateway/credentials/role-janitor.js'
import { type PostgresServer, startPostgres } from '../setup/postgres.js'
import { makeLog } from './credentials-log.js'

export const OWNER = 'a'.repeat(32)
export const ADMIN_PASSWORD = 'role-maker-secret'
const ADA = {
  issuer: 'https://login.example.com',
  subject: 'u-ada',
  name: 'ada@example.com',
  groups: ['eng'],
}

/** A server with an account that may make roles and nothing else, two groups, and two databases. */
export async function startRoleServer(): Promise<PostgresServer> {
  const server = await startPostgres({ conf: { max_prepared_transactions: '10', log_statement: 'all' } })
  await server.sql(
    'postgres',
    `CREATE ROLE role_maker LOGIN CREATEROLE PASSWORD '${ADMIN_PASSWORD}';
     CREATE ROLE readers NOLOGIN; CREATE ROLE writers NOLOGIN;
     DO $$ BEGIN IF current_setting('server_version_num')::int >= 160000 THEN
       GRANT readers, writers TO role_maker WITH ADMIN OPTION; END IF; END $$`,
  )
  for (const name of ['shop', 'stock']) {
    await server.createDatabase(name)
    await server.sql(
      name,
      'CREATE TABLE customers (id int); INSERT INTO customers VALUES (1); GRANT SELECT ON customers TO readers; GRANT CREATE ON SCHEMA public TO readers',
    )
  }
  return server
}

export interface FixtureOptions {
  readonly port: number
  readonly owner?: string
  readonly memberOf?: readonly string[]
  readonly admin?: string
  readonly adminPassword?: string
  readonly clientConnectionsMax?: number
  /** Globs; `shop` alone when absent. */
  readonly databases?: readonly string[]
  /** Rules of masking. */
  readonly masking?: readonly object[]
}

/** A gateway's roles without the rest of it: who makes them, who cleans up, and what they said. */
export function makeRoles(options: FixtureOptions) {
  const { owner = OWNER } = options
  const { log, lines } = makeLog()
  const policies = readPolicies(options)
  const { resolveSecret } = policies
  const agents = new AgentHub({
    findKey: async () => undefined,
    seen: async () => undefined,
    clock: () => new Date(),
    randomBytes,
    log,
  })
  const roles = new EphemeralRoles({ owner, agents, log, resolveSecret })
  const vault = new CredentialVault(roles)
  const shop = policies.connection(brand(readConnectionName('shop')))
  const connections = (): readonly Connection[] => (shop === undefined ? [] : [shop])
  const janitor = new RoleJanitor({ roles, owner, log, connections, now: () => new Date() })
  const take = async ({ untilMs = 3_600_000 } = {}): Promise<Lent> => {
    const admission = admit(policies, new Date(Date.now() + untilMs))
    const session = sessionOf(admission)
    const credential = await vault.take(admission, session, resolveSecret)
    return { credential, session, admission }
  }
  const open = () => {
    const admission = admit(policies, new Date(Date.now() + 3_600_000))
    return { admission, session: sessionOf(admission) }
  }
  return { roles, vault, janitor, lines, take, open, log, policies }
}

/** What a session has from its opening to its end. */
export interface Lent {
  readonly credential: Credential
  readonly session: Session
  readonly admission: Admission
}

/** A client at the target, signed in as the session; past the gateway, which is not what is tested here. */
export async function signIn(
  { credential }: Pick<Lent, 'credential'>,
  server: PostgresServer,
  database = 'shop',
): Promise<pg.Client> {
  const { password } = credential.secrets
  const client = new pg.Client({
    host: server.host,
    port: server.port,
    user: credential.user,
    password,
    database,
  })
  client.on('error', () => {})
  await client.connect()
  onTestFinished(() => client.end().catch(() => undefined))
  return client
}

/** Every role of our making that is at the server, and the backends that signed in as one. */
export async function leftAt(server: PostgresServer): Promise<string> {
  return server.sql(
    'postgres',
    `SELECT rolname FROM pg_roles WHERE rolname LIKE 'hoop\\_%'
     UNION ALL SELECT 'backend of ' || coalesce(usename, 'nobody') FROM pg_stat_activity
       WHERE backend_type = 'client backend' AND (usename LIKE 'hoop\\_%' OR usename IS NULL)`,
  )
}

function readPolicies(options: FixtureOptions): Policies {
  const { port, memberOf = ['readers'], admin = 'role_maker', clientConnectionsMax = 4 } = options
  const { databases = ['shop'], masking = [] } = options
  const text = `listen: { address: "127.0.0.1:8443", tls: { cert_file: cert.pem, key_file: key.pem } }
public_url: https://hoop.example.com
data_directory: data
identity: { issuer: https://login.example.com, client_id: hoop }
connections:
  - name: shop
    type: postgres
    address: 127.0.0.1:${port}
    tls: { mode: disable }
    database: shop
    databases: ${JSON.stringify(databases)}
    roles:
      - name: reader
        ephemeral: { admin_user: ${JSON.stringify(admin)}, admin_password: env:ADMIN, member_of: ${JSON.stringify(memberOf)} }
    limits: { client_connections_max: ${clientConnectionsMax} }
masking: { rules: ${JSON.stringify(masking)} }
access:
  - { name: eng, groups: [eng], connections: [shop], roles: [reader], for: 8h }
`
  const read = readConfig(text, { file: 'hoop.yaml', directory: '/etc/hoop' })
  if (!read.ok) throw new Error(JSON.stringify(read.problems))
  const resolveSecret = (): string => options.adminPassword ?? ADMIN_PASSWORD
  return new Policies({ config: read.config, resolveSecret, now: () => new Date() })
}

function admit(policies: Policies, until: Date): Admission {
  const grant = {
    id: makeGrantId(randomBytes),
    principal: ADA,
    connection: brand(readConnectionName('shop')),
    role: brand(readRoleName('reader')),
    reason: undefined,
    rule: brand(readRuleName('eng')),
    grantedAt: new Date(),
    until,
    revokedAt: undefined,
  }
  return Admission.admit(grant, policies, new Date())
}

function sessionOf({ grant, connection, role }: Admission): Session {
  return {
    id: makeSessionId(randomBytes),
    grant: grant.id,
    principal: grant.principal,
    connection: connection.name,
    role: role.name,
    protocol: connection.protocol,
    startedAt: new Date(),
    endedAt: undefined,
    endReason: undefined,
    address: '127.0.0.1',
  }
}

function brand<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a name of the test is none')
  return value
}

/** Where a cut falls: at the n-th text, before the server sees it, or after it ran and before its answer is heard. */
export interface Cut {
  readonly at: number
  readonly when: 'before' | 'after'
  /** Who comes after the cut gets through. */
  readonly once?: boolean
}

/** A way to the server that breaks at a given text and stays broken until it is mended. */
export async function startCuttingProxy(server: PostgresServer) {
  const sockets = new Set<Socket>()
  const state = { cut: undefined as Cut | undefined, texts: 0, broken: false }
  const breakAll = (): void => {
    state.broken = state.cut?.once !== true
    for (const socket of sockets) socket.destroy()
  }
  const listener = createServer(client => {
    if (state.broken) return void client.destroy()
    const target = connect(server.port, server.host)
    for (const socket of [client, target]) {
      sockets.add(socket)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    }
    client.on('close', () => target.destroy())
    target.on('close', () => client.destroy())
    let swallowing = false
    let isStart = true
    client.on('data', chunk => {
      // The gateway writes one message at a time and waits for its answer.
      const isText = !isStart && chunk.toString('latin1', 0, 1) === 'Q'
      isStart = false
      if (isText) state.texts += 1
      const falls = isText && state.texts === state.cut?.at
      if (falls && state.cut?.when === 'before') return breakAll()
      swallowing = falls
      target.write(chunk)
    })
    target.on('data', chunk => {
      if (!swallowing) return void client.write(chunk)
      if (chunk.subarray(-6, -1).equals(Buffer.from([0x5a, 0, 0, 0, 5]))) breakAll()
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  return {
    port: address !== null && typeof address === 'object' ? address.port : 0,
    /** Breaks at this text, counted from now. */
    breakAt: (cut: Cut): void => void Object.assign(state, { cut, texts: 0, broken: false }),
    mend: (): void => void Object.assign(state, { cut: undefined, texts: 0, broken: false }),
    texts: () => state.texts,
    isBroken: () => state.broken,
    close: async () => {
      breakAll()
      await new Promise<void>(resolve => void listener.close(() => resolve()))
    },
  }
}
