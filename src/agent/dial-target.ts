import type { LookupAddress } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { connect, type Socket } from 'node:net'
import { HoopError } from '../lib/hoop-error.js'
import { type AllowedAddress, mayDial, permissionFor, readTargetAddress } from './allow-list.js'

const DIAL_TIMEOUT_MS = 10_000

/** What dialling needs of the world. */
export interface TargetDialOptions {
  readonly allow: readonly AllowedAddress[]
  readonly timeoutMs?: number
  /** All addresses of a host; the system's resolver unless a test says otherwise. */
  readonly resolve?: (host: string) => Promise<readonly LookupAddress[]>
}

/**
 * Opens `host:port` if this agent's own configuration allows it. What was resolved and checked is what is dialled: the
 * name is not resolved again. Fails with `target_unavailable` and the reason, in words that the gateway may pass on.
 */
export async function dialTarget(text: string | undefined, options: TargetDialOptions): Promise<Socket> {
  const target = text === undefined ? undefined : readTargetAddress(text)
  if (target === undefined) throw unavailable('the target', 'the address cannot be read')
  const name = `"${text}"`
  const permission = permissionFor(options.allow, target)
  if (permission === 'none') throw unavailable(name, 'it is not allowed by this agent')
  const timeoutMs = options.timeoutMs ?? DIAL_TIMEOUT_MS
  const deadline = AbortSignal.timeout(timeoutMs)
  const late = new Promise<never>((_, reject) => {
    deadline.addEventListener('abort', () =>
      reject(unavailable(name, `it timed out after ${timeoutMs / 1000} s`)),
    )
  })
  late.catch(() => undefined)
  const resolve = options.resolve ?? (host => lookup(host, { all: true, verbatim: true }))
  const found = await Promise.race([
    resolve(target.host).catch((cause: unknown) => {
      throw unavailable(name, 'its name is not known', cause)
    }),
    late,
  ])
  const addresses = found.filter(({ address }) => mayDial(address, target.host, permission))
  if (addresses.length === 0) throw unavailable(name, 'it is not allowed by this agent')
  const socket = connect({
    host: target.host,
    port: target.port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    autoSelectFamily: true,
    // Gives the addresses that were checked; a name that changes its mind in between changes nothing.
    lookup: (_host, _options, found) => found(null, [...addresses]),
  })
  try {
    await Promise.race([connected(socket, name), late])
    return socket
  } catch (error) {
    socket.destroy()
    throw error
  }
}

function connected(socket: Socket, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    // Stays attached: a later failure ends the relay through `close`, not the program.
    socket.on('error', error => reject(unavailable(name, reasonOf(error), error)))
    socket.once('connect', resolve)
  })
}

function reasonOf(error: Error): string {
  const code = 'code' in error ? String(error.code) : ''
  const [first] = error instanceof AggregateError ? error.errors : []
  const cause = code === '' && first instanceof Error && 'code' in first ? String(first.code) : code
  if (cause === 'ECONNREFUSED') return 'the connection was refused'
  if (cause === 'ETIMEDOUT') return 'it timed out'
  if (cause === 'EHOSTUNREACH' || cause === 'ENETUNREACH') return 'there is no way to it'
  return cause === '' ? 'the connection failed' : `the connection failed (${cause})`
}

function unavailable(name: string, why: string, cause?: unknown): HoopError {
  return new HoopError('target_unavailable', `Cannot open ${name}: ${why}`, { cause })
}
