import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { performance } from 'node:perf_hooks'
import { fileURLToPath } from 'node:url'
import { spawn as spawnOnTerminal } from '@lydell/node-pty'
import { ADA } from '../setup/hoop-stack.js'
import { clientEnvironment } from './endpoint.js'
import type { Measuring } from './measurement.js'
import { compare } from './rounds.js'
import { makeRow, type Row } from './row.js'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
const PROMPT = /bench=> $/
const PROMPT_MS = 20_000

/** What starting `hoop` costs beside starting Node. */
export async function startUp({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  tell('hoop --version')
  const env = bed.stack.env(ADA)
  const time = async (args: readonly string[]): Promise<number> => {
    const started = performance.now()
    await ended(spawn(process.execPath, [...args], { env, stdio: 'ignore' }))
    return performance.now() - started
  }
  const found = await compare(quick ? 5 : 21, {
    ours: () => time([HOOP, '--version']),
    peer: () => time(['-e', '0']),
  })
  const budget = { of: 'ratio', bound: 'at most', value: 2.5 } as const
  return [makeRow({ name: 'hoop --version, node -e 0', unit: 'ms', ...found, budget })]
}

/** From the command to psql's prompt, on a terminal, signed in already. */
export async function firstPrompt({ bed, quick, tell }: Measuring): Promise<readonly Row[]> {
  tell('hoop connect to the first prompt')
  const ours = { ...bed.stack.env(ADA), TERM: 'dumb' }
  const peer = { ...clientEnvironment(bed.direct), TERM: 'dumb' }
  const { ratio: _, ...found } = await compare(quick ? 3 : 11, {
    ours: () => untilPrompt(process.execPath, [HOOP, 'connect', 'plain', '--', '-X'], ours),
    peer: () => untilPrompt('psql', ['-X'], peer),
  })
  const budget = { of: 'difference', bound: 'at most', value: 400 } as const
  return [makeRow({ name: 'hoop connect to the first prompt, psql', unit: 'ms', ...found, budget })]
}

async function ended(child: ChildProcess): Promise<void> {
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`${child.spawnargs.join(' ')} ended with ${code}`)
}

async function untilPrompt(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const started = performance.now()
  const terminal = spawnOnTerminal(program, [...args], { env, cols: 100, rows: 30 })
  const gone = new Promise(resolve => terminal.onExit(resolve))
  let seen = ''
  const timer = setTimeout(() => terminal.kill('SIGKILL'), PROMPT_MS)
  const time = await new Promise<number>((resolve, reject) => {
    terminal.onData(text => {
      seen += text
      if (PROMPT.test(seen)) resolve(performance.now() - started)
    })
    void gone.then(() => reject(new Error(`no prompt came:\n${seen}`)))
  })
  clearTimeout(timer)
  terminal.write('\\q\r')
  await gone
  return time
}
