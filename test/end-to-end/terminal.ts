import { fileURLToPath } from 'node:url'
import { spawn } from '@lydell/node-pty'
import { until } from './until.js'

const HOOP = fileURLToPath(new URL('../../bin/hoop.js', import.meta.url))
const WAIT_MS = 30_000
/** Of what was shown instead, in an error. */
const SAID_LENGTH_MAX = 1_500

/** A command of `hoop` on a terminal of its own. */
export interface Terminal {
  /** Everything it showed since the last time this was asked, once the pattern is in it. */
  shows(pattern: RegExp): Promise<string>
  type(text: string): void
  resize(columns: number, rows: number): void
  /** How it ended. */
  readonly ended: Promise<number>
  kill(): void
}

export interface TerminalOptions {
  readonly env: NodeJS.ProcessEnv
  readonly columns?: number
  readonly rows?: number
}

/** Starts `hoop` as a person does. What it shows is text, as a terminal of type `dumb` gets it, unless `env` says more. */
export function openTerminal(args: readonly string[], options: TerminalOptions): Terminal {
  const { env, columns = 120, rows = 40 } = options
  const terminal = spawn(process.execPath, [HOOP, ...args], {
    cols: columns,
    rows,
    env: { TERM: 'dumb', ...env, PSQL_PAGER: 'cat', PSQLRC: '/dev/null' },
  })
  let unread = ''
  let exitCode: number | undefined
  terminal.onData(piece => {
    unread += piece.replaceAll('\r\n', '\n')
  })
  const ended = new Promise<number>(resolve => {
    terminal.onExit(exit => {
      exitCode = exit.signal ? 128 + exit.signal : exit.exitCode
      resolve(exitCode)
    })
  })
  return {
    ended,
    type: text => terminal.write(text),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    kill: () => {
      if (exitCode === undefined) terminal.kill('SIGKILL')
    },
    shows: async pattern => {
      const what = `"hoop ${args.join(' ')}" shows ${pattern}`
      const found = until(what, () => pattern.test(unread), WAIT_MS)
      await found.catch(error => {
        throw new Error(`${error.message}, but:\n${unread.slice(-SAID_LENGTH_MAX)}`)
      })
      const shown = unread
      unread = ''
      return shown
    },
  }
}
