import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { makeCertificates } from './certificates.js'
import { approveDeviceCode } from './openid-browser.js'
import { type OpenIdProvider, type ProviderAccount, startOpenIdProvider } from './openid-provider.js'
import { freePort } from './postgres.js'

const BIN = fileURLToPath(new URL('../../bin/', import.meta.url))
/** How long a program may take to say that it is ready. */
const READY_MS = 20_000
const STOP_MS = 15_000

/** The people of the sample company. */
export const ADA: ProviderAccount = { ...person('ada', ['engineering']), manager: 'u-grace' }
export const GRACE: ProviderAccount = person('grace', ['engineering', 'auditors'])
export const EVE: ProviderAccount = person('eve', ['sales'])

export interface HoopStackOptions {
  /** The `connections` of `hoop.yaml`. */
  readonly connections: readonly object[]
  /** Further keys of `hoop.yaml`, over the ones that are here already. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Starts an agent, `beside-db`, that may dial these addresses. */
  readonly agentAllows?: readonly string[]
  /** Secrets for the gateway's environment. */
  readonly secrets?: Readonly<Record<string, string>>
  /** Options of Node for the gateway's process, to profile it. */
  readonly gatewayNodeOptions?: readonly string[]
  /** What the daemons log; `debug` unless said. */
  readonly logLevel?: 'debug' | 'info'
}

/** What a command of `hoop` did. */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A whole Hoop on one machine: an OpenID provider, a gateway, an agent if asked for. All real, on free ports. */
export interface HoopStack {
  readonly url: string
  readonly directory: string
  readonly configFile: string
  readonly recordings: string
  readonly provider: OpenIdProvider
  /** Process of the gateway as it is now. */
  readonly gatewayPid: () => number
  readonly gatewayLog: () => string
  /** Environment of somebody at their own machine. */
  env(account: ProviderAccount): NodeJS.ProcessEnv
  /** Signs somebody in, through the device flow, with a browser's part played. */
  login(account: ProviderAccount): Promise<Ran>
  hoop(account: ProviderAccount, args: readonly string[], input?: string): Promise<Ran>
  spawnHoop(account: ProviderAccount, args: readonly string[]): ChildProcess
  /** Writes `hoop.yaml` anew; the gateway reads it again when it is told to. */
  writeConfig(config: Readonly<Record<string, unknown>>): void
  startGateway(): Promise<void>
  stopGateway(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  startAgent(): Promise<void>
  stopAgent(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
  stop(): Promise<void>
}

/** Starts it all and waits until it is ready. */
export async function startHoopStack(options: HoopStackOptions): Promise<HoopStack> {
  const directory = mkdtempSync(join(tmpdir(), 'hoop-stack-'))
  const certificates = await makeCertificates(join(directory, 'tls'))
  const provider = await startOpenIdProvider({ accounts: [ADA, GRACE, EVE], clientId: 'hoop-cli' })
  const port = await freePort()
  const url = `https://localhost:${port}`
  const stack = new Stack({ options, directory, provider, port, url, certificates })
  try {
    stack.writeConfig({})
    await stack.startGateway()
    if (options.agentAllows !== undefined) await stack.startAgent()
    return stack
  } catch (error) {
    await stack.stop()
    throw error
  }
}

interface StackParts {
  readonly options: HoopStackOptions
  readonly directory: string
  readonly provider: OpenIdProvider
  readonly port: number
  readonly url: string
  readonly certificates: { readonly caFile: string; readonly certFile: string; readonly keyFile: string }
}

class Stack implements HoopStack {
  readonly url: string
  readonly directory: string
  readonly configFile: string
  readonly recordings: string
  readonly provider: OpenIdProvider
  readonly #parts: StackParts
  readonly #children = new Set<ChildProcess>()
  #gateway: Daemon | undefined
  #agent: Daemon | undefined

  constructor(parts: StackParts) {
    this.#parts = parts
    this.url = parts.url
    this.directory = parts.directory
    this.provider = parts.provider
    this.configFile = join(parts.directory, 'hoop.yaml')
    this.recordings = join(parts.directory, 'data', 'recordings')
  }

  readonly gatewayPid = (): number => this.#gateway?.child.pid ?? 0
  readonly gatewayLog = (): string => this.#gateway?.log() ?? ''

  writeConfig(config: Readonly<Record<string, unknown>>): void {
    const { options, provider, port, url, certificates } = this.#parts
    const base = {
      listen: {
        address: `127.0.0.1:${port}`,
        tls: { cert_file: certificates.certFile, key_file: certificates.keyFile },
      },
      public_url: url,
      data_directory: join(this.directory, 'data'),
      identity: {
        issuer: provider.issuer,
        client_id: provider.clientId,
        claims: { person: 'person', manager: 'manager' },
      },
      agents:
        options.agentAllows === undefined ? [] : [{ name: 'beside-db', enrollment_token: 'env:AGENT_TOKEN' }],
      access: [
        { name: 'engineers-read', groups: ['engineering'], connections: ['*'], roles: ['reader'], for: '1h' },
        {
          name: 'engineers-write',
          groups: ['engineering'],
          connections: ['*'],
          roles: ['writer'],
          for: '30m',
          reason_required: true,
        },
      ],
      auditors: ['auditors'],
      connections: options.connections,
    }
    writeFileSync(this.configFile, stringify({ ...base, ...options.config, ...config }), { mode: 0o600 })
  }

  async startGateway(): Promise<void> {
    const env = { ...process.env, ...this.#parts.options.secrets, AGENT_TOKEN: 'enrol-beside-db-once' }
    const { gatewayNodeOptions: nodeOptions = [], logLevel } = this.#parts.options
    this.#gateway = await startDaemon(['gateway', '--config', this.configFile], {
      env,
      ready: 'the gateway is ready',
      nodeOptions,
      logLevel,
    })
  }

  async stopGateway(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await stopChild(this.#gateway?.child, signal)
  }

  async startAgent(): Promise<void> {
    const file = join(this.directory, 'agent.yaml')
    const { certificates, options, url } = this.#parts
    const config = {
      name: 'beside-db',
      gateway: url,
      ca_file: certificates.caFile,
      data_directory: join(this.directory, 'agent'),
      enrollment_token: 'env:AGENT_TOKEN',
      allow: options.agentAllows ?? [],
    }
    writeFileSync(file, stringify(config), { mode: 0o600 })
    const env = { ...process.env, AGENT_TOKEN: 'enrol-beside-db-once' }
    this.#agent = await startDaemon(['agent', '--config', file], {
      env,
      ready: 'the agent is connected',
      logLevel: options.logLevel,
    })
  }

  async stopAgent(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await stopChild(this.#agent?.child, signal)
  }

  env(account: ProviderAccount): NodeJS.ProcessEnv {
    const home = join(this.directory, 'home', account.sub)
    mkdirSync(home, { recursive: true, mode: 0o700 })
    const inherited = Object.entries(process.env).filter(([name]) => !/^(PG|HOOP_|XDG_|CI$|DBUS_)/.test(name))
    return {
      ...Object.fromEntries(inherited),
      HOME: home,
      HOOP_CONFIG_DIR: join(home, 'hoop'),
      HOOP_GATEWAY: this.url,
      HOOP_CA_FILE: this.#parts.certificates.caFile,
      HOOP_TOKEN_STORE: 'file',
      NO_COLOR: '1',
    }
  }

  async login(account: ProviderAccount): Promise<Ran> {
    const child = this.spawnHoop(account, ['login', '--no-browser'])
    const ran = collect(child)
    const code = await untilLine(child, /code: ([A-Z0-9-]+)/)
    if (code !== undefined) await approveDeviceCode(this.provider, code, account)
    return ran
  }

  hoop(account: ProviderAccount, args: readonly string[], input?: string): Promise<Ran> {
    const child = this.spawnHoop(account, args)
    child.stdin?.end(input ?? '')
    return collect(child)
  }

  spawnHoop(account: ProviderAccount, args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [join(BIN, 'hoop.js'), ...args], {
      env: this.env(account),
      stdio: 'pipe',
    })
    this.#children.add(child)
    child.once('exit', () => this.#children.delete(child))
    return child
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children].map(child => stopChild(child, 'SIGTERM')))
    await this.stopAgent('SIGTERM')
    await this.stopGateway('SIGTERM')
    await this.provider.stop()
    rmSync(this.directory, { recursive: true, force: true })
  }
}

interface Daemon {
  readonly child: ChildProcess
  readonly log: () => string
}

interface DaemonOptions {
  readonly env: NodeJS.ProcessEnv
  readonly ready: string
  readonly nodeOptions?: readonly string[]
  readonly logLevel: 'debug' | 'info' | undefined
}

async function startDaemon(args: readonly string[], options: DaemonOptions): Promise<Daemon> {
  const { env, ready, nodeOptions = [], logLevel = 'debug' } = options
  const program = [...nodeOptions, join(BIN, 'hoopd.js'), ...args, '--log-level', logLevel]
  const child = spawn(process.execPath, program, { env, stdio: ['ignore', 'inherit', 'pipe'] })
  const lines: string[] = []
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    lines.push(text)
    if (lines.length > 5_000) lines.shift()
  })
  const log = (): string => lines.join('')
  const found = await untilLine(child, new RegExp(`(${ready})`))
  if (found === undefined) throw new Error(`hoopd ${args[0]} did not start:\n${log()}`)
  return { child, log }
}

/** Waits for a line on stderr; gives its first group, or undefined when the program ended or said nothing in time. */
function untilLine(child: ChildProcess, pattern: RegExp): Promise<string | undefined> {
  return new Promise(resolve => {
    if (child.stderr === null) return resolve(undefined)
    const lines = createInterface({ input: child.stderr })
    const settle = (value: string | undefined): void => {
      clearTimeout(timer)
      resolve(value)
    }
    const timer = setTimeout(() => settle(undefined), READY_MS)
    lines.on('line', line => {
      const match = pattern.exec(line)
      if (match !== null) settle(match[1])
    })
    lines.once('close', () => settle(undefined))
  })
}

/** Everything a program wrote and how it ended. */
export function collect(child: ChildProcess): Promise<Ran> {
  let stdout = ''
  let stderr = ''
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise(resolve => {
    child.once('close', (code, signal) =>
      resolve({ code: code ?? (signal === null ? 1 : 128), stdout, stderr }),
    )
  })
}

async function stopChild(child: ChildProcess | undefined, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise(resolve => child.once('exit', resolve))
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
  await gone
  clearTimeout(timer)
}

function person(name: string, groups: readonly string[]): ProviderAccount {
  const title = `${name.charAt(0).toUpperCase()}${name.slice(1)}`
  return { sub: `u-${name}`, email: `${name}@example.com`, name: title, groups, password: `${name}-password` }
}

/** A file of the stack as text. */
export function readText(path: string): string {
  return readFileSync(path, 'utf8')
}
