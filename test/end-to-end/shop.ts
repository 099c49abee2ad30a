import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openGateway } from '../../src/client/gateway.js'
import type { GatewayApi } from '../../src/client/gateway-api.js'
import { readSettings } from '../../src/client/settings.js'
import type { GrantView, SessionView } from '../../src/domain/api.js'
import { ADA, type HoopStack, type HoopStackOptions, startHoopStack } from '../setup/hoop-stack.js'
import type { ProviderAccount } from '../setup/openid-provider.js'
import { type PostgresDetails, sqlOn } from '../setup/postgres.js'
import { type Listener, readListener } from './listener.js'
import { until } from './until.js'

/** The password that only the gateway may know. Looked for wherever it must not be. */
export const TARGET_PASSWORD = 'target-password-never-leaves'

/** Tables of the sample database. `orders` may be written by the reader too, so that a test can count what arrived. */
const TABLES = `
  CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text NOT NULL);
  INSERT INTO customers SELECT n, 'Customer ' || n, 'customer' || n || '@example.com' FROM generate_series(1, 10) n;
  CREATE TABLE orders (id int PRIMARY KEY, note text);
`

export interface ShopOptions {
  readonly postgres: PostgresDetails
  /** Name of the database and of its account: of this test file's own. */
  readonly name: string
  /** Further keys of the connection "shop". */
  readonly connection?: object
  /** Connections beside "shop". */
  readonly connections?: readonly object[]
  readonly config?: HoopStackOptions['config']
  /** Reaches the target through an agent. */
  readonly agent?: boolean
  /** Ada is signed in unless this is false. */
  readonly login?: boolean
}

/** A database behind a whole Hoop, with a person who uses it. */
export interface Shop {
  readonly stack: HoopStack
  /** The connection "shop" as it is in `hoop.yaml`. */
  readonly connection: object
  /** Asks the target directly, as its superuser. */
  sql(text: string): Promise<string>
  /** `hoop connect --no-exec`, to "shop" unless another connection is named, with further arguments. */
  listen(args?: readonly string[], connection?: string): Promise<Listener>
  grants(account?: ProviderAccount): Promise<readonly GrantView[]>
  session(id: string): Promise<SessionView>
  /** The session once it has ended. */
  endedSession(id: string, ms?: number): Promise<SessionView>
  /** Client connections of the gateway's account at the target, now. */
  targetConnections(): Promise<number>
  /** Names of private directories that commands of hoop have not removed. */
  privateDirectories(): readonly string[]
  stop(): Promise<void>
}

/** Makes the database and its account, starts everything and signs Ada in. */
export async function startShop(options: ShopOptions): Promise<Shop> {
  const { postgres, name, agent = false } = options
  const address = `127.0.0.1:${postgres.port}`
  await createDatabase(postgres, name)
  const connection = {
    name: 'shop',
    type: 'postgres',
    address,
    database: name,
    tls: { mode: 'disable' },
    roles: [{ name: 'reader', user: name, password: 'env:TARGET_PASSWORD' }],
    ...(agent ? { agent: 'beside-db' } : {}),
    ...options.connection,
  }
  const stack = await startHoopStack({
    connections: [connection, ...(options.connections ?? [])],
    config: { defaults_off: [], ...options.config },
    secrets: { TARGET_PASSWORD, WRONG_PASSWORD: 'not-the-password' },
    ...(agent ? { agentAllows: [address] } : {}),
  })
  // From here on commands make their private directories where this test can look at them.
  const directory = join(stack.directory, 'tmp')
  mkdirSync(directory, { mode: 0o700 })
  process.env.TMPDIR = directory
  if (options.login !== false) await signIn(stack)
  return shopOf({ stack, connection, options, directory })
}

async function createDatabase(postgres: PostgresDetails, name: string): Promise<void> {
  await sqlOn(postgres, 'postgres', `CREATE ROLE ${name} LOGIN PASSWORD '${TARGET_PASSWORD}'`)
  await sqlOn(postgres, 'postgres', `CREATE DATABASE ${name}`)
  await sqlOn(
    postgres,
    name,
    `${TABLES} GRANT SELECT ON customers TO ${name}; GRANT SELECT, INSERT ON orders TO ${name}`,
  )
}

async function signIn(stack: HoopStack): Promise<void> {
  const login = await stack.login(ADA)
  if (login.code !== 0) throw new Error(`the login failed: ${login.stderr}`)
}

interface ShopParts {
  readonly stack: HoopStack
  readonly connection: object
  readonly options: ShopOptions
  readonly directory: string
}

function shopOf({ stack, connection, options, directory }: ShopParts): Shop {
  const { postgres, name } = options
  const sql = (text: string) => sqlOn(postgres, name, text)
  // Through the API, as the CLI asks it: a process for each look would take longer than what is looked for.
  const ask = async <Answer>(question: (api: GatewayApi) => Promise<Answer>, account = ADA) => {
    const env = stack.env(account)
    const gateway = await openGateway({ env, settings: await readSettings(env), tell: () => {} })
    return question(gateway.api).finally(() => gateway.close())
  }
  const session = (id: string) => ask(api => api.session(id))
  return {
    stack,
    connection,
    sql,
    session,
    listen: (args = [], connectionName = 'shop') =>
      readListener(stack.spawnHoop(ADA, ['connect', connectionName, '--no-exec', ...args])),
    grants: account => ask(api => api.grants(), account),
    endedSession: (id, ms) =>
      until(
        `session ${id} has ended`,
        async () => {
          const found = await session(id)
          return found.endedAt === undefined ? undefined : found
        },
        ms,
      ),
    targetConnections: async () =>
      Number(await sql(`SELECT count(*) FROM pg_stat_activity WHERE usename = '${name}'`)),
    privateDirectories: () => readdirSync(directory).filter(entry => entry.startsWith('hoop-')),
    stop: async () => {
      await stack.stop()
      delete process.env.TMPDIR
    },
  }
}

/** Grants that can still open a session. */
export function liveGrants(grants: readonly GrantView[]): readonly GrantView[] {
  return grants.filter(grant => grant.revokedAt === undefined && new Date(grant.until) > new Date())
}
