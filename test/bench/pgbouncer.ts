import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../setup/postgres.js'
import type { Endpoint } from './endpoint.js'

const PROGRAMS = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer']
const READY_MS = 5_000

/** A pgbouncer in session pooling in front of a server. */
export interface PgBouncer {
  readonly endpoint: Endpoint
  stop(): Promise<void>
}

/** Starts pgbouncer in front of `target`; undefined when it is not installed. */
export async function startPgBouncer(target: Endpoint): Promise<PgBouncer | undefined> {
  const program = PROGRAMS.find(path => existsSync(path))
  if (program === undefined) return undefined
  const directory = mkdtempSync(join(tmpdir(), 'hoop-pgbouncer-'))
  const port = await freePort()
  writeFileSync(join(directory, 'users.txt'), `"${target.user}" "${target.password}"\n`)
  writeFileSync(join(directory, 'pgbouncer.ini'), configuration(target, { port, directory }))
  // It does not run as root, and reads its files as whom it runs.
  chmodSync(directory, 0o755)
  const asUser = userInfo().uid === 0 ? ['-u', 'postgres'] : []
  const child = spawn(program, ['-q', ...asUser, join(directory, 'pgbouncer.ini')], { stdio: 'ignore' })
  try {
    await untilItListens(port, child)
  } catch (error) {
    await stop(child, directory)
    throw error
  }
  return { endpoint: { ...target, host: '127.0.0.1', port }, stop: () => stop(child, directory) }
}

function configuration(target: Endpoint, own: { readonly port: number; readonly directory: string }): string {
  return `
[databases]
${target.database} = host=${target.host} port=${target.port} dbname=${target.database}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${join(own.directory, 'users.txt')}
pool_mode = session
default_pool_size = 100
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
`
}

async function untilItListens(port: number, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_MS
  while (!(await answers(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('pgbouncer did not start')
    await new Promise(resolve => setTimeout(resolve, 30))
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise(resolve => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function stop(child: ChildProcess, directory: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGINT')
    const timer = setTimeout(() => child.kill('SIGKILL'), 3_000)
    await gone
    clearTimeout(timer)
  }
  rmSync(directory, { recursive: true, force: true })
}
