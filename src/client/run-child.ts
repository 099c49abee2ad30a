import { constants } from 'node:os'
import { execa } from 'execa'
import { HoopError } from '../lib/hoop-error.js'

/** After SIGTERM reached the child, how long it has before SIGKILL. */
const KILL_AFTER_MS = 10_000
/** Signals that are for the child; the terminal sends SIGINT and SIGQUIT to it by itself. */
const FORWARDED = ['SIGTERM', 'SIGHUP'] as const
const FROM_TERMINAL = ['SIGINT', 'SIGQUIT'] as const

export interface ChildOptions {
  readonly program: string
  /** The Debian package that has the program, for the hint. */
  readonly package: string
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Variables of ours that would send the child elsewhere. */
  readonly removeEnvironment: readonly string[]
}

/**
 * Runs a program that owns the terminal. Gives its exit code, or 128 + n when signal n ended it. Fails with
 * `client_missing` when it is not installed.
 */
export async function runChild(options: ChildOptions): Promise<number> {
  const removed = Object.fromEntries(options.removeEnvironment.map(name => [name, undefined]))
  const child = execa(options.program, options.args, {
    stdio: 'inherit',
    env: { ...removed, ...options.environment },
    reject: false,
    forceKillAfterDelay: KILL_AFTER_MS,
    cleanup: true,
  })
  const forward = FORWARDED.map(name => ({ name, listener: () => void child.kill(name) }))
  const keep = FROM_TERMINAL.map(name => ({ name, listener: () => {} }))
  for (const { name, listener } of [...forward, ...keep]) process.on(name, listener)
  try {
    const result = await child
    if (result.code === 'ENOENT') throw missing(options)
    if (result.exitCode !== undefined) return result.exitCode
    return result.signal === undefined ? 1 : 128 + constants.signals[result.signal]
  } finally {
    for (const { name, listener } of [...forward, ...keep]) process.off(name, listener)
  }
}

function missing({ program, package: name }: ChildOptions): HoopError {
  return new HoopError('client_missing', `Cannot start "${program}": it is not installed`, {
    hint: `apt-get install ${name}`,
  })
}
