import type { Readable } from 'node:stream'

/** A body that was longer than what its reader takes. */
export class BodyTooLarge extends Error {
  override readonly name = 'BodyTooLarge'
}

/** Reads a stream to its end, at most `bytesMax`. Fails with `BodyTooLarge`, or when the stream breaks off. */
export function readBody(stream: Readable, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    stream.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length > bytesMax) {
        stream.pause()
        return reject(new BodyTooLarge(`the body is longer than ${bytesMax} bytes`))
      }
      chunks.push(chunk)
    })
    // Its events are over: waiting for them would be for ever.
    if (stream.destroyed) return reject(new Error('the body was cut short'))
    // A stream that was reset ends too; its code tells it from one that is whole.
    stream.once('end', () => {
      if (wasReset(stream)) reject(new Error('the body was cut short'))
      else resolve(Buffer.concat(chunks, length))
    })
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('the body was cut short')))
  })
}

function wasReset(stream: Readable): boolean {
  return 'rstCode' in stream && stream.rstCode !== 0
}
