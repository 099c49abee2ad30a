import { createHash } from 'node:crypto'

/** Ports that operating systems do not hand out by themselves, and that few servers use. */
const PORT_FIRST = 20_000
const PORT_COUNT = 10_000
/** How many ports of its own a connection has, before any free one is taken. */
const TRIES = 8

/**
 * The ports to try for a connection, in order: the same on every start, so that a profile saved in a GUI tool keeps
 * working; 0 at last, for any free one.
 */
export function portsToTry(gateway: string, connection: string, user: string): readonly number[] {
  const digest = createHash('sha256').update([gateway, connection, user].join('\0')).digest()
  const stable = Array.from(
    { length: TRIES },
    (_, index) => PORT_FIRST + (digest.readUInt16BE(index * 2) % PORT_COUNT),
  )
  return [...new Set(stable), 0]
}
