import type { Duplex } from 'node:stream'

/**
 * Joins two streams: bytes go both ways with back-pressure, the end of one direction ends that direction only, and
 * when one side breaks the other is destroyed. Both need `allowHalfOpen`. Settles when both are closed; never rejects.
 */
export function relay(one: Duplex, other: Duplex): Promise<void> {
  one.pipe(other)
  other.pipe(one)
  return Promise.all([destroyWith(one, other), destroyWith(other, one)]).then(() => undefined)
}

function destroyWith(stream: Duplex, other: Duplex): Promise<void> {
  return new Promise(resolve => {
    stream.on('error', error => other.destroy(error))
    const closed = () => {
      // Closed before it said its end, or before it took all: what came so far must not look whole.
      if (!stream.readableEnded || !stream.writableFinished) other.destroy(stream.errored ?? new Error('cut'))
      resolve()
    }
    if (stream.closed) closed()
    else stream.once('close', closed)
  })
}
