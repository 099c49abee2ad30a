import { randomBytes } from 'node:crypto'
import { connect as connectTcp } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import type { Connection } from '../../domain/connection.js'
import { HoopError } from '../../lib/hoop-error.js'
import type { Protocol, TargetReady, TargetStart, TargetStartAction } from '../../protocols/protocol.js'
import type { Admission } from '../access/admission.js'
import type { AgentHub } from '../agents/hub.js'
import type { Credential } from '../credentials/credential.js'
import type { Upkeep } from '../credentials/upkeep.js'
import { serverEndPointOf, tlsStart, upgradeToTls } from './target-tls.js'

/** How long a target may take from the first packet to being ready. */
const TARGET_START_MS = 15_000

/** A connection to a target that has accepted the role's credential. */
export interface TargetConnection {
  readonly stream: Duplex
  readonly ready: TargetReady
}

export interface TargetOptions {
  readonly protocol: Protocol
  readonly credential: Credential
  readonly database: string
  readonly settings: Readonly<Record<string, string>>
  readonly agents: AgentHub
}

/**
 * Opens a target and signs in with the role's credential. An `Admission` is the proof that a live grant allows it, an
 * `Upkeep` that the gateway does so for itself.
 * Fails with `agent_unavailable`, `target_unavailable` or `target_refused`.
 */
export async function openTarget(
  admission: Admission | Upkeep,
  options: TargetOptions,
): Promise<TargetConnection> {
  const { connection } = admission
  const signal = AbortSignal.timeout(TARGET_START_MS)
  const raw = await openTransport(connection, options.agents, signal)
  const login = new TargetLogin(raw, connection, signal)
  const start = options.protocol.startTarget({
    user: options.credential.user,
    ...options.credential.secrets,
    database: options.database,
    tls: tlsStart(connection.tls),
    settings: options.settings,
    randomBytes,
    serverEndPoint: () => login.serverEndPoint(),
  })
  try {
    const ready = await login.run(start)
    return { stream: login.stream, ready }
  } catch (error) {
    login.stream.destroy()
    raw.destroy()
    throw error
  }
}

/** Sends one packet to the target outside of any session of it, and closes: how PostgreSQL takes a cancel request. */
export async function sendAside(admission: Admission, options: TargetOptions, packet: Buffer): Promise<void> {
  const { connection } = admission
  const signal = AbortSignal.timeout(TARGET_START_MS)
  const raw = await openTransport(connection, options.agents, signal)
  const login = new TargetLogin(raw, connection, signal)
  try {
    const tls = tlsStart(connection.tls)
    if (tls !== 'disable') {
      // Nobody signs in on this connection: the packet carries its own key.
      const nobody = { user: '', password: '', database: '', settings: {} }
      const start = options.protocol.startTarget({ ...nobody, tls, randomBytes })
      await login.secure(start)
    }
    login.stream.resume()
    login.stream.on('error', () => {})
    login.stream.end(packet)
  } catch (error) {
    raw.destroy()
    throw error
  }
}

async function openTransport(connection: Connection, agents: AgentHub, signal: AbortSignal): Promise<Duplex> {
  const { host, port, agent } = connection
  if (agent !== undefined) {
    return agents.openTarget(agent, { host, port, signal }).catch(error => {
      throw withoutAddress(connection, error)
    })
  }
  return new Promise((resolve, reject) => {
    const socket = connectTcp({
      host,
      port,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    })
    // Not an option of the socket: there the signal would end the connection as well, long after it was made.
    const onAbort = (): void => {
      socket.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }))
    }
    signal.addEventListener('abort', onAbort, { once: true })
    socket.once('connect', () => {
      signal.removeEventListener('abort', onAbort)
      socket.removeAllListeners('error')
      resolve(socket)
    })
    socket.once('error', cause => reject(unreachableTarget(connection, cause)))
  })
}

/** The agent's reason under the connection's name: where a target is, is not the client's business. */
function withoutAddress(connection: Connection, error: unknown): unknown {
  if (!(error instanceof HoopError)) return error
  const { name, agent } = connection
  const reason = error.message.slice(error.message.indexOf(': ') + 2)
  return new HoopError(error.code, `Cannot reach the target of "${name}": ${reason}`, {
    hint: error.hint ?? `look at the log of hoopd agent "${agent}", or ask who runs "${name}"`,
    cause: error,
  })
}

function unreachableTarget(connection: Connection, cause: unknown): HoopError {
  return new HoopError(
    'target_unavailable',
    `Cannot reach the target of "${connection.name}": ${networkReason(cause)}`,
    {
      hint: `check that the target of "${connection.name}" is up, then try again`,
      cause,
    },
  )
}

function networkReason(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (code === 'ECONNREFUSED') return 'the connection was refused'
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'its name is not known'
  if (code === 'ETIMEDOUT') return 'it did not answer in time'
  return 'the network failed'
}

/** Performs what a target's start-up machine says, up to where it is ready. */
class TargetLogin {
  stream: Duplex
  #secured: TLSSocket | undefined

  constructor(
    raw: Duplex,
    readonly connection: Connection,
    readonly signal: AbortSignal,
  ) {
    this.stream = raw
  }

  async run(start: TargetStart): Promise<TargetReady> {
    let actions = start.begin()
    for (;;) {
      const outcome = await this.#perform(actions, start)
      if (outcome !== undefined) return outcome
      actions = start.fromTarget(await this.#nextChunk())
    }
  }

  /** Only the part before the sign-in: a TLS connection when the machine asks for one. */
  async secure(start: TargetStart): Promise<void> {
    let actions = start.begin()
    while (!actions.some(action => action.kind === 'tls')) {
      await this.#perform(actions, start)
      actions = start.fromTarget(await this.#nextChunk())
    }
    await this.#upgrade()
  }

  /** What SCRAM binds itself to; undefined without TLS, or where the certificate has no such hash. */
  serverEndPoint(): Buffer | undefined {
    return this.#secured === undefined ? undefined : serverEndPointOf(this.#secured)
  }

  async #perform(
    actions: readonly TargetStartAction[],
    start: TargetStart,
  ): Promise<TargetReady | undefined> {
    for (const action of actions) {
      if (action.kind === 'toTarget') this.stream.write(action.bytes)
      else if (action.kind === 'ready') return action.ready
      else if (action.kind === 'failed') throw this.#refusal(action)
      else {
        await this.#upgrade()
        return this.#perform(start.secured(), start)
      }
    }
    return undefined
  }

  #refusal(action: Extract<TargetStartAction, { kind: 'failed' }>): HoopError {
    return new HoopError(
      action.reason,
      `Cannot open the target of "${this.connection.name}": ${action.message}`,
      {
        hint: `ask who runs "${this.connection.name}" to check its role and address`,
      },
    )
  }

  async #upgrade(): Promise<void> {
    const { stream, connection, signal } = this
    this.#secured = await upgradeToTls(stream, { connection, signal, tooSlow: () => this.#tooSlow() })
    this.stream = this.#secured
  }

  #tooSlow(): HoopError {
    const { name } = this.connection
    return new HoopError(
      'target_unavailable',
      `Cannot open the target of "${name}": it did not answer in time`,
    )
  }

  /** One chunk, and then the stream is paused again: what follows belongs to whoever reads next. */
  #nextChunk(): Promise<Buffer> {
    const { stream, signal } = this
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        stream.off('data', onData)
        stream.off('error', onEnd)
        stream.off('close', onEnd)
        stream.off('end', onEnd)
        signal.removeEventListener('abort', onAbort)
      }
      const onData = (chunk: Buffer): void => {
        stream.pause()
        settle()
        resolve(chunk)
      }
      const onEnd = (cause?: unknown): void => {
        settle()
        reject(unreachableTarget(this.connection, cause))
      }
      const onAbort = (): void => {
        settle()
        reject(this.#tooSlow())
      }
      if (signal.aborted) return onAbort()
      stream.on('data', onData)
      stream.once('error', onEnd)
      stream.once('close', onEnd)
      stream.once('end', onEnd)
      signal.addEventListener('abort', onAbort, { once: true })
      stream.resume()
    })
  }
}
