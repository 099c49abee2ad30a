import type { Duplex } from 'node:stream'
import type { Clock } from '../../domain/clock.js'
import type { AgentName } from '../../domain/names.js'
import { describeError, HoopError } from '../../lib/hoop-error.js'
import { type AgentConnection, DIAL_PATH, TARGET_HEADER } from '../../tunnel/agent-connection.js'
import { Http2Peer } from '../../tunnel/http2-peer.js'
import type { Log } from '../../tunnel/log.js'
import { type AuthenticatedAgent, authenticateAgent } from './authenticate.js'

/** What the hub needs of the rest of the gateway. */
export interface AgentHubOptions {
  /** The key that proves to be this agent, SPKI in base64; undefined when there is none (any more). */
  readonly findKey: (name: AgentName) => Promise<string | undefined>
  readonly seen: (name: AgentName, at: Date) => Promise<void>
  readonly clock: Clock
  readonly randomBytes: (length: number) => Buffer
  readonly log: Log
  readonly authenticationTimeoutMs?: number
  readonly pingIntervalMs?: number
}

/** An address that an agent is to open. */
export interface TargetAddress {
  readonly host: string
  readonly port: number
  readonly signal?: AbortSignal | undefined
}

interface Member extends AuthenticatedAgent {
  readonly peer: Http2Peer
}

const AUTHENTICATION_TIMEOUT_MS = 10_000
/** Connections that have not proved anything yet; beyond it the oldest gives way. */
const UNAUTHENTICATED_MAX = 256
/** Of one agent: it may run on several machines. Beyond it the oldest gives way. */
const CONNECTIONS_PER_AGENT_MAX = 16
/** An agent's own limit on dialling is shorter; this one is for an agent that does not answer. */
const OPEN_TIMEOUT_MS = 15_000

/** The agents that have dialled in, and the way through them to targets. */
export class AgentHub {
  readonly #options: AgentHubOptions
  /** Oldest first. */
  readonly #members = new Map<AgentName, readonly Member[]>()
  readonly #strangers = new Set<Http2Peer>()
  #closed = false

  constructor(options: AgentHubOptions) {
    this.#options = options
  }

  /** Takes a connection whose other end says it is an agent, and keeps it if it proves so. Never throws. */
  accept(connection: AgentConnection): void {
    if (this.#closed) return void connection.socket.destroy()
    const peer = new Http2Peer({
      socket: connection.socket,
      authority: 'agent',
      unavailable: 'agent_unavailable',
      pingIntervalMs: this.#options.pingIntervalMs,
      openTimeoutMs: OPEN_TIMEOUT_MS,
    })
    for (const oldest of this.#strangers.size >= UNAUTHENTICATED_MAX ? this.#strangers : []) {
      this.#strangers.delete(oldest)
      oldest.destroy('too many connections that prove nothing')
      break
    }
    this.#strangers.add(peer)
    const timeoutMs = this.#options.authenticationTimeoutMs ?? AUTHENTICATION_TIMEOUT_MS
    const timer = setTimeout(() => peer.destroy('no proof in time'), timeoutMs)
    authenticateAgent(peer, connection, this.#options)
      .then(agent => this.#join({ ...agent, peer }, connection.address))
      .catch((error: unknown) => {
        this.#options.log.warn(
          { address: connection.address, reason: describeError(error) },
          'an agent was refused',
        )
        peer.destroy('not an agent')
      })
      .finally(() => {
        clearTimeout(timer)
        this.#strangers.delete(peer)
      })
  }

  /** True while at least one connection of this agent is there. */
  isOnline(name: AgentName): boolean {
    return this.#usable(name).length > 0
  }

  /**
   * Opens an address as seen from the agent, over the least busy of its connections. Fails with `agent_unavailable`
   * when none is there, `target_unavailable` with the agent's reason or when the signal aborts.
   */
  async openTarget(name: AgentName, target: TargetAddress): Promise<Duplex> {
    const host = target.host.includes(':') ? `[${target.host}]` : target.host
    const address = `${host}:${target.port}`
    const headers = { [TARGET_HEADER]: address }
    let failure: unknown
    for (const { peer } of this.#usable(name).sort((one, other) => one.peer.streams - other.peer.streams)) {
      try {
        return await peer.open(DIAL_PATH, headers, target.signal)
      } catch (error) {
        if (target.signal?.aborted === true) throw noAnswer(name, address, error)
        // Only a connection that failed is a reason to try another; a refusal is the agent's answer.
        if (!(error instanceof HoopError) || error.code !== 'agent_unavailable') throw error
        failure = error
      }
    }
    const why = failure === undefined ? 'is not connected' : 'does not answer'
    throw new HoopError('agent_unavailable', `Cannot open ${address}: agent "${name}" ${why}`, {
      hint: 'look at the log of hoopd agent beside the target',
      cause: failure,
    })
  }

  /** Ends the connection of every agent and takes no new ones. */
  close(): void {
    this.#closed = true
    for (const peer of this.#strangers) peer.destroy('the gateway stops')
    for (const { peer } of [...this.#members.values()].flat()) peer.destroy('the gateway stops')
  }

  #usable(name: AgentName): Member[] {
    return (this.#members.get(name) ?? []).filter(({ peer }) => peer.usable)
  }

  async #join(member: Member, address: string): Promise<void> {
    const { name, peer, publicKey } = member
    if (this.#closed || !peer.usable) return peer.destroy('the gateway stops')
    const { log } = this.#options
    // An agent that enrolled anew has a new key; whoever still has the old one is not it any more.
    const [same, replaced] = partition(this.#members.get(name) ?? [], other => other.publicKey === publicKey)
    for (const old of replaced) old.peer.destroy('the agent enrolled with a new key')
    for (const old of same.slice(0, Math.max(0, same.length + 1 - CONNECTIONS_PER_AGENT_MAX)))
      old.peer.close()
    this.#members.set(name, [...same, member].slice(-CONNECTIONS_PER_AGENT_MAX))
    log.info({ agent: name, address }, 'an agent connected')
    void peer.closed.then(() => this.#leave(member))
    await this.#options.seen(name, this.#options.clock())
  }

  #leave(member: Member): void {
    const rest = (this.#members.get(member.name) ?? []).filter(other => other !== member)
    if (rest.length === 0) this.#members.delete(member.name)
    else this.#members.set(member.name, rest)
    this.#options.log.info({ agent: member.name }, 'an agent disconnected')
  }
}

function noAnswer(name: AgentName, address: string, cause: unknown): HoopError {
  return new HoopError(
    'target_unavailable',
    `Cannot open ${address} through agent "${name}": no answer in time`,
    {
      cause,
    },
  )
}

function partition<Item>(items: readonly Item[], test: (item: Item) => boolean): [Item[], Item[]] {
  return [items.filter(test), items.filter(item => !test(item))]
}
