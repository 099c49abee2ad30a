import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const SERVICE = 'hoop'
const ANSWER_TIMEOUT_MS = 2000
const ANSWER_BYTES_MAX = 64 * 1024
/** Exported by the shell or a debugger, these would change what our own child process does. */
const NODE_VARIABLES = ['NODE_OPTIONS', 'NODE_DEBUG', 'NODE_V8_COVERAGE', 'NODE_INSPECT_RESUME_ON_START']

/** A place that keeps one secret for each account. */
export interface SecretVault {
  readonly read: (account: string) => Promise<string | undefined>
  readonly write: (account: string, secret: string) => Promise<void>
  /** False when there was none. */
  readonly delete: (account: string) => Promise<boolean>
}

/** The keychain cannot be used on this machine now: not installed, locked, or no answer. The message is half a sentence. */
export class KeychainUnavailable extends Error {
  override readonly name = 'KeychainUnavailable'
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * The system's keychain: Keychain on macOS, Credential Manager on Windows, the Secret Service on Linux. Each call runs
 * in a process of its own that is killed after two seconds: the library's calls are synchronous inside, and a session
 * bus that accepts a connection and never answers would otherwise hang the command for ever. The secret travels over
 * the child's standard input, never in its arguments.
 *
 * Pinned to the Secret Service, because the library's own choice falls back to the kernel's key ring, which forgets.
 */
export function openKeychain(env: Environment): SecretVault {
  return {
    read: async account => readText(await call({ action: 'read', account }, env)),
    write: async (account, secret) => {
      await call({ action: 'write', account, secret }, env)
    },
    delete: async account => (await call({ action: 'delete', account }, env)) === true,
  }
}

interface KeychainCall {
  readonly action: 'read' | 'write' | 'delete'
  readonly account: string
  readonly secret?: string
}

/** Runs in the child. Answers one line of JSON: `{"value": …}` or `{"error": "…"}`. */
const PROGRAM = `
let input = ''
process.stdin.setEncoding('utf8').on('data', chunk => { input += chunk }).on('end', () => {
  const answer = body => process.stdout.write(JSON.stringify(body))
  try {
    const { library, service, action, account, secret } = JSON.parse(input)
    const { Entry } = require(library)
    const entry = new Entry(service, account, { linux: { store: 'secret-service' } })
    if (action === 'read') answer({ value: entry.getPassword() })
    if (action === 'write') { entry.setPassword(secret); answer({ value: true }) }
    if (action === 'delete') answer({ value: entry.deletePassword() })
  } catch (error) {
    answer({ error: String(error && error.message) })
  }
})`

async function call(request: KeychainCall, env: Environment): Promise<unknown> {
  if (process.platform === 'linux' && !hasSessionBus(env))
    throw new KeychainUnavailable('there is no session bus')
  const library = findLibrary()
  const text = await runChild(JSON.stringify({ ...request, service: SERVICE, library }), env)
  const answer = parseAnswer(text)
  if (answer === undefined) throw new KeychainUnavailable('it gave no answer')
  if (answer.error !== undefined) throw new KeychainUnavailable(oneLine(answer.error))
  return answer.value
}

function hasSessionBus(env: Environment): boolean {
  if ((env.DBUS_SESSION_BUS_ADDRESS ?? '') !== '') return true
  const directory = env.XDG_RUNTIME_DIR ?? ''
  return directory !== '' && existsSync(join(directory, 'bus'))
}

function findLibrary(): string {
  try {
    return createRequire(import.meta.url).resolve('@napi-rs/keyring')
  } catch {
    throw new KeychainUnavailable('its library is not installed')
  }
}

function runChild(input: string, env: Environment): Promise<string> {
  return new Promise((resolve, reject) => {
    const plain = Object.entries(env).filter(([name]) => !NODE_VARIABLES.includes(name))
    const child = spawn(process.execPath, ['-e', PROGRAM], {
      env: Object.fromEntries(plain),
      stdio: ['pipe', 'pipe', 'ignore'],
      timeout: ANSWER_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      windowsHide: true,
    })
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk
      if (output.length > ANSWER_BYTES_MAX) child.kill('SIGKILL')
    })
    // The child may be gone before it has read everything; what counts is its answer.
    child.stdin.on('error', () => undefined)
    child.stdin.end(input)
    child.once('error', () => reject(new KeychainUnavailable('its process could not be started')))
    child.once('close', (_code, signal) => {
      if (signal === null) resolve(output)
      else reject(new KeychainUnavailable(`it gave no answer within ${ANSWER_TIMEOUT_MS / 1000} s`))
    })
  })
}

function parseAnswer(text: string): { readonly value?: unknown; readonly error?: string } | undefined {
  try {
    const answer: unknown = JSON.parse(text)
    if (typeof answer !== 'object' || answer === null) return undefined
    if ('error' in answer && typeof answer.error === 'string') return { error: answer.error }
    return 'value' in answer ? { value: answer.value } : undefined
  } catch {
    return undefined
  }
}

function readText(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}
