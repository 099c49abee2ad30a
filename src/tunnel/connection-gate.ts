import type { Socket } from 'node:net'
import {
  CONNECTIONS_MAX,
  CONNECTIONS_PER_ADDRESS_MAX,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
} from './limits.js'

/** How many connections a server takes. */
export interface ConnectionLimits {
  readonly connectionsMax: number
  readonly connectionsPerAddressMax: number
  readonly handshakesMax: number
  readonly handshakesPerAddressMax: number
}

const DEFAULTS: ConnectionLimits = {
  connectionsMax: CONNECTIONS_MAX,
  connectionsPerAddressMax: CONNECTIONS_PER_ADDRESS_MAX,
  handshakesMax: HANDSHAKES_MAX,
  handshakesPerAddressMax: HANDSHAKES_PER_ADDRESS_MAX,
}

/**
 * Counts connections. Those that have finished their handshake are limited in all and for each address, and a newcomer
 * beyond is turned away. Those that have not are limited too, but there the oldest gives way: whoever opens connections
 * and says nothing loses his own, and an honest handshake, which takes milliseconds, gets through.
 */
export class ConnectionGate {
  readonly #limits: ConnectionLimits
  /** Under way, oldest first. */
  readonly #handshakes = new Map<string, Socket>()
  readonly #handshakesOf = new Map<string, Set<string>>()
  readonly #established = new Map<string, number>()
  #establishedCount = 0

  constructor(limits: Partial<ConnectionLimits> = {}) {
    this.#limits = { ...DEFAULTS, ...limits }
  }

  /** Takes a connection that has said nothing yet. */
  arrived(socket: Socket): void {
    const key = endpoint(socket)
    const address = addressOf(socket)
    const siblings = this.#handshakesOf.get(address) ?? new Set()
    if (siblings.size >= this.#limits.handshakesPerAddressMax) this.#giveWay(first(siblings))
    if (this.#handshakes.size >= this.#limits.handshakesMax) this.#giveWay(first(this.#handshakes.keys()))
    this.#handshakes.set(key, socket)
    this.#handshakesOf.set(address, siblings.add(key))
    socket.once('close', () => this.#forget(key, address))
  }

  /** Takes a connection whose handshake is done. False when there are too many: the caller closes it. */
  established(socket: Socket): boolean {
    const address = addressOf(socket)
    this.#forget(endpoint(socket), address)
    const ofAddress = this.#established.get(address) ?? 0
    if (this.#establishedCount >= this.#limits.connectionsMax) return false
    if (ofAddress >= this.#limits.connectionsPerAddressMax) return false
    this.#established.set(address, ofAddress + 1)
    this.#establishedCount += 1
    socket.once('close', () => this.#left(address))
    return true
  }

  #left(address: string): void {
    const rest = (this.#established.get(address) ?? 1) - 1
    if (rest === 0) this.#established.delete(address)
    else this.#established.set(address, rest)
    this.#establishedCount -= 1
  }

  #giveWay(key: string | undefined): void {
    const socket = key === undefined ? undefined : this.#handshakes.get(key)
    if (key === undefined || socket === undefined) return
    this.#forget(key, addressOf(socket))
    socket.destroy()
  }

  #forget(key: string, address: string): void {
    this.#handshakes.delete(key)
    const siblings = this.#handshakesOf.get(address)
    siblings?.delete(key)
    if (siblings?.size === 0) this.#handshakesOf.delete(address)
  }
}

/** The peer's address; an IPv4 one as people write it, also on a socket for both families. */
export function addressOf(socket: Pick<Socket, 'remoteAddress'>): string {
  return (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
}

/** Tells connections to one port apart, and is the same for a TCP socket and the TLS socket over it. */
function endpoint(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

function first(keys: Iterable<string>): string | undefined {
  for (const key of keys) return key
  return undefined
}
