import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { makeCertificates } from './certificates.js'

const PROGRAMS = '/usr/lib/postgresql'
const READY_TIMEOUT_MS = 30_000
const POLL_MS = 30
const START_ATTEMPTS_MAX = 3
/** A server that is asked too early says FATAL too, and goes on. */
const GIVES_UP = /could not bind|FATAL: {2}(?!the database system is starting up)/

const run = promisify(execFile)

/** Where a server is and who may do everything there. Plain data: it crosses from the global setup to the tests. */
export interface PostgresDetails {
  readonly host: '127.0.0.1'
  readonly port: number
  readonly superuser: 'postgres'
  readonly superuserPassword: string
  /** Where its unix socket is; over that, everyone is trusted. */
  readonly socketDirectory: string
  /** The authority of its certificate, when it speaks TLS. */
  readonly caFile: string | undefined
  /** Major version. */
  readonly version: number
}

/** A real PostgreSQL that ends with this process, whatever ends it. */
export interface PostgresServer extends PostgresDetails {
  sql(database: string, text: string): Promise<string>
  createDatabase(name: string): Promise<void>
  /** The last lines of the server's log. */
  log(): string
  stop(): Promise<void>
}

/** What kind of server a test needs. */
export interface PostgresOptions {
  /** How a client on TCP proves who it is; `password` is cleartext. */
  readonly auth?: 'scram-sha-256' | 'md5' | 'password'
  /** `off`: not offered. `on`: offered. `required`: demanded on TCP. */
  readonly tls?: 'off' | 'on' | 'required'
  /** Further lines of `postgresql.conf`. */
  readonly conf?: Readonly<Record<string, string>>
}

/**
 * Starts a real PostgreSQL on a free port, in a temporary directory, as user `postgres` when this process is root.
 *
 * @example const server = await startPostgres({ auth: 'md5' })
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-pg-'))
  const account = serverAccount()
  if (account !== undefined) chownSync(directory, account.uid, account.gid)
  try {
    const caFile = await initialize(directory, options)
    for (let attempt = 1; ; attempt += 1) {
      const port = await freePort()
      const server = launch(directory, port)
      const details: PostgresDetails = {
        host: '127.0.0.1',
        port,
        superuser: 'postgres',
        superuserPassword: 'superuser-secret',
        socketDirectory: directory,
        caFile,
        version: Number(programsDirectory().version),
      }
      try {
        await untilReady(details, server)
        await sqlOn(details, 'postgres', `ALTER ROLE postgres PASSWORD '${details.superuserPassword}'`)
        return serverOf(details, directory, server)
      } catch (error) {
        await end(server)
        // Another process may have taken the free port meanwhile.
        if (attempt === START_ATTEMPTS_MAX || !logOf(directory).includes('could not bind')) throw error
      }
    }
  } catch (error) {
    const log = logOf(directory)
    rmSync(directory, { recursive: true, force: true })
    throw new Error(`PostgreSQL did not start:\n${log}`, { cause: error })
  }
}

/**
 * Runs SQL as superuser over the unix socket and gives the rows, fields split by `|`. The first error ends it and rejects.
 *
 * @example await sqlOn(inject('postgres'), 'postgres', 'CREATE ROLE reader LOGIN')
 */
export async function sqlOn(details: PostgresDetails, database: string, text: string): Promise<string> {
  const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-U', details.superuser, '-d', database]
  const where = ['-h', details.socketDirectory, '-p', String(details.port)]
  const child = run(psqlProgram(), [...args, ...where], {
    env: cleanEnvironment(),
    maxBuffer: 64 * 1024 * 1024,
  })
  child.child.stdin?.end(text)
  return (await child).stdout.trimEnd()
}

/** This process's environment without the variables that would point libpq elsewhere. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('PG')))
}

/** A TCP port that nobody listens on right now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = address !== null && typeof address === 'object' ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}

function serverOf(details: PostgresDetails, directory: string, server: ChildProcess): PostgresServer {
  return {
    ...details,
    sql: (database, text) => sqlOn(details, database, text),
    createDatabase: async name => {
      await sqlOn(details, 'postgres', `CREATE DATABASE "${name.replaceAll('"', '""')}"`)
    },
    log: () => logOf(directory),
    stop: async () => {
      await end(server)
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Makes the data directory; gives the authority's file when there is one. */
async function initialize(directory: string, options: PostgresOptions): Promise<string | undefined> {
  const { auth = 'scram-sha-256', tls = 'off', conf = {} } = options
  const data = join(directory, 'data')
  const initdb = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync']
  await run(join(programsDirectory().path, 'initdb'), initdb, { cwd: directory, ...serverAccount() })
  const settings: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: directory,
    password_encryption: auth === 'md5' ? 'md5' : 'scram-sha-256',
    max_connections: '200',
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    ...conf,
  }
  const caFile = tls === 'off' ? undefined : await addCertificate(directory, settings)
  const lines = Object.entries(settings).map(
    ([name, value]) => `${name} = '${value.replaceAll("'", "''")}'\n`,
  )
  appendFileSync(join(data, 'postgresql.conf'), lines.join(''))
  const host = tls === 'required' ? 'hostssl' : 'host'
  const rules = ['local all all trust', `${host} all all 127.0.0.1/32 ${auth}`, '']
  rmSync(join(data, 'pg_hba.conf'))
  appendFileSync(join(data, 'pg_hba.conf'), rules.join('\n'))
  own(join(data, 'pg_hba.conf'))
  return caFile
}

async function addCertificate(directory: string, settings: Record<string, string>): Promise<string> {
  const certificates = await makeCertificates(join(directory, 'tls'))
  settings.ssl = 'on'
  settings.ssl_cert_file = certificates.certFile
  settings.ssl_key_file = certificates.keyFile
  own(join(directory, 'tls'))
  for (const name of readdirSync(join(directory, 'tls'))) own(join(directory, 'tls', name))
  chmodSync(certificates.keyFile, 0o600)
  return certificates.caFile
}

/**
 * Starts the server under a shell that waits for the end of its input. The pipe closes when this process is gone,
 * also by SIGKILL, and then the server is stopped and its directory removed.
 */
function launch(directory: string, port: number): ChildProcess {
  const watch =
    '"$1" -D "$2/data" -p "$3" >>"$2/log" 2>&1 </dev/null & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid; rm -rf "$2"'
  const postgres = join(programsDirectory().path, 'postgres')
  return spawn('/bin/sh', ['-c', watch, 'sh', postgres, directory, String(port)], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
    ...serverAccount(),
  })
}

async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const gone = new Promise<void>(resolve => server.once('exit', () => resolve()))
  server.stdin?.end()
  await gone
}

async function untilReady(details: PostgresDetails, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS
  const where = ['-h', details.socketDirectory, '-p', String(details.port), '-q']
  const log = () => logOf(details.socketDirectory)
  for (;;) {
    const ready = await run(join(programsDirectory().path, 'pg_isready'), where, {
      env: cleanEnvironment(),
    }).then(
      () => true,
      () => false,
    )
    if (ready) return
    const failed = server.exitCode !== null || GIVES_UP.test(log())
    if (failed || Date.now() > deadline) throw new Error(`the server is not ready:\n${log()}`)
    await new Promise(resolve => setTimeout(resolve, POLL_MS))
  }
}

function logOf(directory: string): string {
  const path = join(directory, 'log')
  return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(-40).join('\n') : ''
}

/** The newest installed server. */
function programsDirectory(): { readonly version: string; readonly path: string } {
  const versions = existsSync(PROGRAMS) ? readdirSync(PROGRAMS) : []
  const version = versions
    .filter(name => existsSync(join(PROGRAMS, name, 'bin', 'initdb')))
    .sort((one, other) => Number(other) - Number(one))[0]
  if (version === undefined) throw new Error('no PostgreSQL server: run test/setup/debian-packages.sh')
  return { version, path: join(PROGRAMS, version, 'bin') }
}

function psqlProgram(): string {
  return join(programsDirectory().path, 'psql')
}

/** PostgreSQL refuses to run as root; then it runs as the account its package made. */
function serverAccount(): { readonly uid: number; readonly gid: number } | undefined {
  if (userInfo().uid !== 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .find(entry => entry.startsWith('postgres:'))
  const [, , uid, gid] = line?.split(':') ?? []
  if (uid === undefined || gid === undefined) throw new Error('no account "postgres" to run the server as')
  return { uid: Number(uid), gid: Number(gid) }
}

function own(path: string): void {
  const account = serverAccount()
  if (account !== undefined) chownSync(path, account.uid, account.gid)
}
