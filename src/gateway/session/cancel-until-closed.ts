import type { Duplex } from 'node:stream'

/** A cancel request that comes before the statement it is for has no effect, so it is sent again. */
const AGAIN_MS = 200
const CANCELS_MAX = 8

/**
 * INVARIANT 5: cancels what runs at a target whose client connection is over, until the target has closed its side too.
 * Never rejects: a request that cannot be delivered is told to `onFault` and tried again.
 */
export async function cancelUntilClosed(
  target: Duplex,
  cancel: () => Promise<void>,
  onFault: (error: unknown) => void,
): Promise<void> {
  for (let sent = 0; sent < CANCELS_MAX && !target.closed; sent += 1) {
    await cancel().catch(onFault)
    await closedWithin(target, AGAIN_MS)
  }
}

function closedWithin(stream: Duplex, ms: number): Promise<void> {
  if (stream.closed) return Promise.resolve()
  return new Promise(resolve => {
    const settle = (): void => {
      clearTimeout(timer)
      stream.off('close', settle)
      resolve()
    }
    const timer = setTimeout(settle, ms)
    stream.once('close', settle)
  })
}
