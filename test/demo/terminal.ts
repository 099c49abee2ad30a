import { spawn as spawnPiped } from 'node:child_process'
import { type IPty, spawn } from '@lydell/node-pty'

/** Wide enough for the tables of the demo; the text of a replay is broken at it. */
const COLUMNS = 110
const ROWS = 50
/** How long a command may take, and how long `psql` may take until it asks again. */
const COMMAND_MS_MAX = 60_000

/** What a command showed and how it ended. */
export interface Shown {
  readonly code: number
  /** As on the terminal: stdout and stderr in the order in which they came. */
  readonly text: string
}

export interface TerminalOptions {
  readonly env: NodeJS.ProcessEnv
  readonly directory: string
  /** Takes each piece as it comes. */
  readonly show: (text: string) => void
}

/**
 * What a person does at a prompt: what is waited for, at the end of what was shown, and what is typed then; or what
 * happens elsewhere meanwhile, and only then what comes of it is shown.
 */
export type Reply =
  | { readonly at: RegExp; readonly type: string }
  | { readonly at: RegExp; readonly meanwhile: (shown: string) => Promise<void> }

/** Runs a command line as a person types it, on a terminal of its own, and types the replies when their moment comes. */
export function runOnTerminal(
  command: string,
  { env, directory, show }: TerminalOptions,
  replies: readonly Reply[] = [],
): Promise<Shown> {
  const terminal = spawn('/bin/sh', ['-c', command], {
    cols: COLUMNS,
    rows: ROWS,
    cwd: directory,
    // A terminal without abilities: what is shown is text and nothing else.
    env: { ...env, TERM: 'dumb', PSQL_PAGER: 'cat' },
  })
  const waiting = [...replies]
  let text = ''
  let unread = ''
  let elsewhere: Promise<void> | undefined
  let unshown = ''
  let failed: (error: unknown) => void = () => {}
  const failure = new Promise<never>((_, reject) => {
    failed = reject
  })
  const reply = (): void => {
    const [next] = waiting
    if (next === undefined || elsewhere !== undefined || !next.at.test(unread)) return
    waiting.shift()
    unread = ''
    if ('type' in next) return void terminal.write(`${next.type}\r`)
    elsewhere = next.meanwhile(text).then(() => {
      elsewhere = undefined
      show(unshown)
      unshown = ''
      reply()
    })
    elsewhere.catch(error => {
      terminal.kill('SIGKILL')
      failed(error)
    })
  }
  terminal.onData(piece => {
    const plain = piece.replaceAll('\r\n', '\n').replaceAll('\r', '')
    text += plain
    unread += plain
    if (elsewhere === undefined) show(plain)
    else unshown += plain
    reply()
  })
  failure.catch(() => {})
  return Promise.race([ended(terminal, () => text), failure])
}

function ended(terminal: IPty, text: () => string): Promise<Shown> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      terminal.kill('SIGKILL')
      reject(new Error(`it did not end in ${COMMAND_MS_MAX / 1000} s:\n${text()}`))
    }, COMMAND_MS_MAX)
    terminal.onExit(({ exitCode, signal }) => {
      clearTimeout(timer)
      resolve({ code: signal ? 128 + signal : exitCode, text: text() })
    })
  })
}

/** Runs a command line without a terminal, as a script would; `onLine` sees each line of stderr. */
export function runPiped(
  command: string,
  { env, directory, show }: TerminalOptions,
  onLine: (line: string) => void = () => {},
): Promise<Shown> {
  const child = spawnPiped('/bin/sh', ['-c', command], {
    env,
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: COMMAND_MS_MAX,
  })
  let text = ''
  let partial = ''
  const take = (piece: string): void => {
    text += piece
    show(piece)
  }
  child.stdout.setEncoding('utf8').on('data', take)
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    take(piece)
    const lines = (partial + piece).split('\n')
    partial = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', code => resolve({ code: code ?? 1, text }))
  })
}
