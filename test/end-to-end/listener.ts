import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import pg from 'pg'
import { collect, type Ran } from '../setup/hoop-stack.js'
import { cleanEnvironment } from '../setup/postgres.js'

/** The line that `hoop connect --no-exec` prints. */
export interface Profile {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: string
  readonly database: string
  readonly session: string
  readonly until: string
}

/** A `hoop connect --no-exec` that runs, and programs on its port. */
export interface Listener {
  readonly child: ChildProcess
  readonly profile: Profile
  /** Everything it told the person so far. */
  told(): string
  /** How it ended; settles when it has. */
  readonly ended: Promise<Ran>
  psql(args: readonly string[], more?: { readonly input?: string; readonly password?: string }): Promise<Ran>
  /** A connected client of the npm package `pg`. Errors of a connection that is cut do not end the test. */
  client(options?: pg.ClientConfig): Promise<pg.Client>
  stop(signal?: NodeJS.Signals): Promise<Ran>
}

/** Waits for the one line on stdout. Fails with what the command said when it ends before. */
export async function readListener(child: ChildProcess): Promise<Listener> {
  const ended = collect(child)
  let told = ''
  child.stderr?.on('data', (text: string) => {
    told += text
  })
  const line = await Promise.race([firstLine(child), ended])
  if (typeof line !== 'string') throw new Error(`hoop connect ended with ${line.code}: ${line.stderr}`)
  const profile: Profile = JSON.parse(line)
  return {
    child,
    profile,
    ended,
    told: () => told,
    psql: (args, { input = '', password = profile.password } = {}) =>
      runPsql({ ...profile, password }, args, input),
    client: options => connectClient(profile, options),
    stop: (signal = 'SIGTERM') => {
      child.kill(signal)
      return ended
    },
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    if (child.stdout === null) return reject(new Error('stdout is not a pipe'))
    createInterface({ input: child.stdout }).once('line', resolve)
  })
}

/** The real psql, told where to go as a person's GUI would be. Rows come unaligned. */
function runPsql(profile: Profile, args: readonly string[], input: string): Promise<Ran> {
  const { host, port, user, password, database } = profile
  const environment = { PGHOST: host, PGPORT: String(port), PGUSER: user, PGPASSWORD: password }
  const child = spawn('psql', ['-X', '-A', '-t', ...args], {
    env: { ...cleanEnvironment(), ...environment, PGDATABASE: database, PGSSLMODE: 'prefer' },
    stdio: 'pipe',
  })
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  return collect(child)
}

async function connectClient(profile: Profile, options: pg.ClientConfig = {}): Promise<pg.Client> {
  const { host, port, user, password, database } = profile
  const client = new pg.Client({ host, port, user, password, database, ...options })
  client.on('error', () => {})
  await client.connect()
  return client
}
