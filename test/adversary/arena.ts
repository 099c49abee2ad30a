import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Listener, readListener } from '../end-to-end/listener.js'
import { ADA, type HoopStack, startHoopStack } from '../setup/hoop-stack.js'
import { type PostgresServer, startPostgres } from '../setup/postgres.js'
import { Wire } from './wire.js'

/** The roles of the corpus: one reads, one writes, one may do everything. */
export type ArenaRole = 'analyst' | 'writer' | 'superdba'
const ROLES: readonly ArenaRole[] = ['analyst', 'writer', 'superdba']
const PASSWORD = 'only-the-gateway-knows'
const SCHEMAS = ['postgres-schema.sql', 'postgres-more.sql']

/** Where an attack is run. */
export type ArenaConnection =
  /** Column rules. */
  | 'columns'
  /** Column rules over the same rows with other secrets: whatever differs from `columns` tells something. */
  | 'twin'
  /** The same rules in the mode strict, and the other secrets behind them. */
  | 'strict'
  | 'strict-twin'
  /** The mode net: detectors, and the column rules do nothing. */
  | 'net'
  /** Column rules and detectors. */
  | 'both'
  /** No rules: what the attack does when nobody stands in its way. */
  | 'open'
  | 'open-twin'
const DATABASES: Readonly<Record<ArenaConnection, string>> = {
  columns: 'ev',
  twin: 'ev_twin',
  strict: 'ev',
  'strict-twin': 'ev_twin',
  net: 'ev',
  both: 'ev',
  open: 'ev_open',
  'open-twin': 'ev_open_twin',
}

/** Those that are not in the default mode. */
const MODES: Readonly<Record<string, string>> = { strict: 'strict', 'strict-twin': 'strict', net: 'net' }

/** The columns that are protected. */
export const PROTECTED = [
  '*.customers.ssn',
  '*.customers.card',
  '*.customers.salary',
  '*.customers.notes',
  '*.ev_parent.ssn',
  '*.generated_people.ssn',
]

/** The secrets of the twin: other values, in another order. Rewritten, so that no row lies elsewhere. */
const TWIN = `
  UPDATE customers SET ssn = '765-43-2109', card = '378282246310005', salary = 9300,
    notes = '{"ssn":"765-43-2109"}' WHERE id = 1;
  UPDATE customers SET ssn = '234-56-7891', card = '6011111111111117', salary = 310 WHERE id = 2;
  UPDATE customers SET ssn = '222-33-4445', card = '378282246310005', salary = 8800 WHERE id = 3;
  UPDATE secret.customers SET ssn = '765-43-2109';
  UPDATE ev_parent SET ssn = '765-43-2109';
  UPDATE generated_people SET ssn = '765-43-2109' WHERE id = 1;
  UPDATE generated_people SET ssn = '234-56-7891' WHERE id = 2;
  UPDATE generated_people SET ssn = '222-33-4445' WHERE id = 3;
`
/** Where rows lie must not differ between the two, so everything is made anew in both. */
/** Both sides are made anew, so that no row lies elsewhere for another reason than its values. */
const SETTLE = [
  'REFRESH MATERIALIZED VIEW m_people',
  'VACUUM (FULL, FREEZE, ANALYZE) customers, kid, secret.customers, ev_part1, m_people, generated_people, payments',
]

/** A database with secrets behind a real gateway that lets every statement pass which masking allows. */
export interface Arena {
  readonly postgres: PostgresServer
  readonly stack: HoopStack
  /** Of every role at the target: for the direct way, which people do not have. */
  readonly password: string
  /** A signed-in client of frames; one a connection and role, made when it is first asked for. */
  wire(connection: ArenaConnection, role: ArenaRole): Promise<Wire>
  listener(connection: ArenaConnection, role: ArenaRole): Promise<Listener>
  /** The same role without the gateway. */
  direct(role: ArenaRole, database?: string): Promise<Wire>
  /** Closes the client: the next one begins with nothing that the last one left. */
  forget(connection: ArenaConnection, role: ArenaRole): void
  /** Ends every session and gives what was recorded of these connections, a line each. */
  recorded(connections: readonly ArenaConnection[]): Promise<readonly string[]>
  stop(): Promise<void>
}

export interface ArenaOptions {
  /** Shipped rules that are off; all that can be, unless said. */
  readonly defaultsOff?: readonly string[]
  /** Further rows and definitions. */
  readonly sql?: string
}

const ALL_OFF = [
  'no-identity-change',
  'no-drop',
  'no-truncate',
  'no-bare-update',
  'no-bare-delete',
  'no-opaque-code',
  'no-server-access',
]

/** Makes the databases and starts everything. */
export async function startArena(options: ArenaOptions = {}): Promise<Arena> {
  // An attack that loops ends; nothing honest takes this long.
  const postgres = await startPostgres({ conf: { statement_timeout: '5s' } })
  try {
    await makeDatabases(postgres, options.sql ?? '')
    const stack = await startHoopStack({
      connections: Object.entries(DATABASES).map(([name, database]) => ({
        name,
        type: 'postgres',
        address: `${postgres.host}:${postgres.port}`,
        tls: { mode: 'disable' },
        database,
        masking: MODES[name] ?? 'lineage',
        roles: ROLES.map(role => ({ name: role, user: role, password: 'env:ARENA_PASSWORD' })),
        results: { rows_max: 10_000, bytes_max: '8MiB' },
        limits: { client_connections_max: 32 },
      })),
      config: {
        access: [
          {
            name: 'everyone',
            groups: ['engineering'],
            connections: ['*'],
            roles: ['*'],
            for: '1h',
          },
        ],
        defaults_off: options.defaultsOff ?? ALL_OFF,
        masking: {
          rules: [
            {
              name: 'pii',
              columns: PROTECTED,
              strategy: 'redact',
              connections: ['columns', 'twin', 'both', 'strict', 'strict-twin', 'net'],
            },
            {
              name: 'net',
              detectors: ['card-number', 'email', 'us-ssn'],
              strategy: 'redact',
              connections: ['both', 'net'],
            },
          ],
        },
      },
      secrets: { ARENA_PASSWORD: PASSWORD },
      logLevel: 'debug',
    })
    const login = await stack.login(ADA)
    if (login.code !== 0) throw new Error(`the login failed: ${login.stderr}`)
    return new RealArena(postgres, stack)
  } catch (error) {
    await postgres.stop()
    throw error
  }
}

async function makeDatabases(postgres: PostgresServer, more: string): Promise<void> {
  await postgres.sql('postgres', 'CREATE DATABASE ev')
  for (const name of SCHEMAS) {
    await postgres.sql('ev', readFileSync(new URL(`../corpus/${name}`, import.meta.url), 'utf8'))
  }
  await postgres.sql('ev', more)
  for (const role of ROLES) await postgres.sql('ev', `ALTER ROLE ${role} PASSWORD '${PASSWORD}'`)
  for (const database of ['ev_twin', 'ev_open', 'ev_open_twin'])
    await postgres.sql('postgres', `CREATE DATABASE ${database} TEMPLATE ev`)
  for (const database of ['ev_twin', 'ev_open_twin']) await postgres.sql(database, TWIN)
  for (const database of new Set(Object.values(DATABASES)))
    for (const statement of SETTLE) await postgres.sql(database, statement)
}

class RealArena implements Arena {
  readonly postgres: PostgresServer
  readonly stack: HoopStack
  readonly password = PASSWORD
  readonly #listeners = new Map<string, Promise<Listener>>()
  readonly #wires = new Map<string, Wire>()
  readonly #direct: Wire[] = []

  constructor(postgres: PostgresServer, stack: HoopStack) {
    this.postgres = postgres
    this.stack = stack
  }

  listener(connection: ArenaConnection, role: ArenaRole): Promise<Listener> {
    const key = `${connection} ${role}`
    const known = this.#listeners.get(key)
    if (known !== undefined) return known
    const made = readListener(this.stack.spawnHoop(ADA, ['connect', connection, '--role', role, '--no-exec']))
    this.#listeners.set(key, made)
    return made
  }

  async wire(connection: ArenaConnection, role: ArenaRole): Promise<Wire> {
    const key = `${connection} ${role}`
    const known = this.#wires.get(key)
    if (known !== undefined && !known.isClosed) return known
    const { profile } = await this.listener(connection, role)
    const wire = await Wire.open({ ...profile, tls: 'disable' })
    this.#wires.set(key, wire)
    return wire
  }

  forget(connection: ArenaConnection, role: ArenaRole): void {
    const key = `${connection} ${role}`
    this.#wires.get(key)?.close()
    this.#wires.delete(key)
  }

  async direct(role: ArenaRole, database = 'ev'): Promise<Wire> {
    const { host, port } = this.postgres
    const wire = await Wire.open({ host, port, user: role, password: PASSWORD, database, tls: 'disable' })
    this.#direct.push(wire)
    return wire
  }

  async recorded(connections: readonly ArenaConnection[]): Promise<readonly string[]> {
    for (const wire of this.#wires.values()) wire.close()
    const sessions: string[] = []
    for (const [key, made] of this.#listeners) {
      const listener = await made
      await listener.stop()
      if (connections.some(name => key.startsWith(`${name} `))) sessions.push(listener.profile.session)
    }
    this.#listeners.clear()
    this.#wires.clear()
    const files = readdirSync(this.stack.recordings, { recursive: true, encoding: 'utf8' })
    return files
      .filter(file => sessions.some(session => file.includes(session)))
      .flatMap(file => readFileSync(join(this.stack.recordings, file), 'utf8').split('\n'))
      .filter(line => line !== '')
  }

  async stop(): Promise<void> {
    for (const wire of [...this.#wires.values(), ...this.#direct]) wire.close()
    await this.stack.stop()
    await this.postgres.stop()
  }
}
