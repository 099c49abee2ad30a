import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type Listener, readListener } from '../end-to-end/listener.js'
import { ADA, type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import { type PostgresServer, startPostgres } from '../setup/postgres.js'
import type { Endpoint } from './endpoint.js'
import { startPgBouncer } from './pgbouncer.js'
import { startTcpHops } from './tcp-hops.js'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
/** pgbench's scale: 100 000 accounts each. */
const SCALE = 10
const DATABASE = 'bench'
const ACCOUNT = { user: 'bench', password: 'bench-secret', database: DATABASE }
/** Client connections that the idle row opens, with room for the rest. */
const SERVER_CONNECTIONS = 1_200

const run = promisify(execFile)

/** One million people: three columns that a rule masks, and three that only the detectors look at. */
const PEOPLE = `
  CREATE TABLE people (id int, name text, email text, card text, ssn text, note text);
  INSERT INTO people
  SELECT n, 'Person Number ' || n, 'person' || n || '@example.com',
         '4111' || lpad((n * 7919::bigint)::text, 12, '0'), to_char(100 + n % 800, 'FM000') || '-45-' || to_char(n % 9999, 'FM0000'),
         'ordered ' || n % 17 || ' items on day ' || n % 365
  FROM generate_series(1, 1000000) n;
  GRANT SELECT ON people TO bench;
`

export interface BedOptions {
  /** Where profiles of the gateway and of the listeners are written. */
  readonly profiles: string | undefined
}

/** Everything that measurements need. What only some of them need is started when it is asked for. */
export interface Bed {
  readonly postgres: PostgresServer
  readonly stack: HoopStack
  /** The server itself. */
  readonly direct: Endpoint
  /** A listener of `hoop connect NAME --no-exec`; one for each name. */
  hoop(name: 'plain' | 'masked' | 'through-agent'): Promise<Listener>
  /** Behind so many bare TCP relays. */
  relayed(hops: number): Promise<Endpoint>
  /** Behind pgbouncer; undefined when that is not installed. */
  pooled(): Promise<Endpoint | undefined>
  /** pgbench's tables. */
  accounts(): Promise<void>
  people(): Promise<void>
  /** A gateway whose memory nothing has grown yet, and listeners as new: the next ones asked for are started again. */
  restart(): Promise<void>
  stop(): Promise<void>
}

/** Starts a server and a whole Hoop, and signs in. */
export async function makeBed({ profiles }: BedOptions): Promise<Bed> {
  const postgres = await startPostgres({ conf: { max_connections: `${SERVER_CONNECTIONS}` } })
  const stops: (() => unknown)[] = [() => postgres.stop()]
  const stop = async (): Promise<void> => {
    for (const one of stops.splice(0).reverse()) await one()
  }
  try {
    await postgres.sql('postgres', `CREATE ROLE bench LOGIN PASSWORD '${ACCOUNT.password}'`)
    await postgres.createDatabase(DATABASE)
    const nodeOptions = profiles === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiles}`]
    const stack = await startStack(postgres, nodeOptions)
    stops.push(() => stack.stop())
    const login = await stack.login(ADA)
    if (login.code !== 0) throw new Error(`the login failed: ${login.stderr}`)
    const direct = { ...ACCOUNT, host: postgres.host, port: postgres.port }
    return { postgres, stack, direct, stop, ...parts({ postgres, stack, direct, nodeOptions, stops }) }
  } catch (error) {
    await stop()
    throw error
  }
}

function startStack(postgres: PostgresServer, gatewayNodeOptions: readonly string[]): Promise<HoopStack> {
  const address = `${postgres.host}:${postgres.port}`
  const connection = (name: string, more: object = {}) => ({
    name,
    type: 'postgres',
    address,
    database: DATABASE,
    tls: { mode: 'disable' },
    roles: [{ name: 'reader', user: ACCOUNT.user, password: 'env:BENCH_PASSWORD' }],
    ...more,
  })
  return startHoopStack({
    connections: [
      connection('plain'),
      connection('masked'),
      connection('through-agent', { agent: 'beside-db' }),
      connection('many', { limits: { client_connections_max: 1_000 } }),
    ],
    agentAllows: [address],
    config: { masking: MASKING },
    secrets: { BENCH_PASSWORD: ACCOUNT.password },
    gatewayNodeOptions,
    logLevel: 'info',
  })
}

const MASKING = {
  rules: [
    { name: 'personal', columns: ['public.people.email', 'public.people.ssn'], strategy: 'redact' },
    { name: 'cards', columns: ['public.people.card'], strategy: 'keep-last 4' },
    { name: 'net', detectors: ['card-number', 'email', 'us-ssn'], strategy: 'redact' },
  ].map(rule => ({ ...rule, connections: ['masked'] })),
}

interface Parts {
  readonly postgres: PostgresServer
  readonly stack: HoopStack
  readonly direct: Endpoint
  readonly nodeOptions: readonly string[]
  readonly stops: (() => unknown)[]
}

function parts({ postgres, stack, direct, nodeOptions, stops }: Parts) {
  const once = memory()
  const listeners = new Map<string, Promise<Listener>>()
  const stopListeners = async (): Promise<void> => {
    for (const listener of listeners.values()) await (await listener).stop()
    listeners.clear()
  }
  stops.push(stopListeners)
  return {
    hoop: (name: string) => {
      const listener = listeners.get(name) ?? readListener(connect(stack, name, nodeOptions))
      listeners.set(name, listener)
      return listener
    },
    restart: async () => {
      await stopListeners()
      await stack.stopGateway('SIGTERM')
      await stack.startGateway()
    },
    relayed: (count: number) =>
      once(`relayed ${count}`, async () => {
        const hops = await startTcpHops(direct.port, count)
        stops.push(() => hops.stop())
        return { ...direct, port: hops.port }
      }),
    pooled: () =>
      once('pooled', async () => {
        const bouncer = await startPgBouncer(direct)
        if (bouncer !== undefined) stops.push(() => bouncer.stop())
        return bouncer?.endpoint
      }),
    accounts: () => once('accounts', () => makeAccounts(postgres)),
    people: () =>
      once('people', async () => {
        await postgres.sql(DATABASE, PEOPLE)
        await postgres.sql(DATABASE, 'VACUUM ANALYZE people')
      }),
  }
}

function connect(stack: HoopStack, name: string, nodeOptions: readonly string[]): ChildProcess {
  const env = stack.env(ADA)
  return spawn(process.execPath, [...nodeOptions, HOOP, 'connect', name, '--no-exec'], { env, stdio: 'pipe' })
}

async function makeAccounts({ socketDirectory, port, superuser, sql }: PostgresServer): Promise<void> {
  const where = ['-h', socketDirectory, '-p', `${port}`, '-U', superuser]
  await run('pgbench', ['-i', '-q', '-s', `${SCALE}`, ...where, DATABASE])
  await sql(DATABASE, 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO bench')
}

/** Runs each thing once, the first time that it is asked for. */
function memory() {
  const made = new Map<string, Promise<unknown>>()
  return <Value>(name: string, make: () => Promise<Value>): Promise<Value> => {
    const known = made.get(name)
    // The name stands for one type: it is made by the same `make` each time.
    if (known !== undefined) return known as Promise<Value>
    const making = make()
    made.set(name, making)
    return making
  }
}
