import type { Duplex } from 'node:stream'

/** How long a side that was told the end may take to read it. */
const FAREWELL_MS = 2_000

/** Ends politely, then for good: a peer that does not read must not hold the memory. */
export function closeSoon(stream: Duplex): void {
  if (stream.destroyed) return
  stream.removeAllListeners('data')
  stream.on('error', () => {})
  stream.resume()
  const timer = setTimeout(() => stream.destroy(), FAREWELL_MS)
  timer.unref()
  stream.once('close', () => clearTimeout(timer))
  stream.end()
}
