import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { clientEnvironment, type Endpoint } from './endpoint.js'

const run = promisify(execFile)

/** The three ways in which pgbench sends a statement. */
export type QueryMode = 'simple' | 'extended' | 'prepared'

export interface SelectLoad {
  readonly mode: QueryMode
  readonly clients: number
  readonly seconds: number
}

/** Point selects by primary key (`pgbench -S`) for some seconds: transactions a second, connecting not counted. */
export async function selectsPerSecond(endpoint: Endpoint, load: SelectLoad): Promise<number> {
  const { mode, clients, seconds } = load
  const threads = Math.min(clients, 2)
  const args = ['-n', '-S', '-M', mode, '-c', `${clients}`, '-j', `${threads}`, '-T', `${seconds}`]
  return readNumber(await pgbench(endpoint, args), /^tps = ([\d.]+)/m)
}

/** Runs the statement in a file once and takes its whole answer: milliseconds. */
export async function scriptMilliseconds(endpoint: Endpoint, file: string): Promise<number> {
  return readNumber(await pgbench(endpoint, ['-n', '-t', '1', '-f', file]), /^latency average = ([\d.]+) ms/m)
}

async function pgbench(endpoint: Endpoint, args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await run('pgbench', [...args], { env: clientEnvironment(endpoint) })
  if (/ABORTED|error:/i.test(stderr)) throw new Error(`pgbench failed: ${stderr}`)
  return stdout
}

function readNumber(text: string, pattern: RegExp): number {
  const found = pattern.exec(text)?.[1]
  if (found === undefined) throw new Error(`pgbench said nothing of it:\n${text}`)
  return Number(found)
}
