import { createHash } from 'node:crypto'
import type { RandomBytes } from '../../../src/domain/ids.js'
import { postgresLauncher } from '../../../src/protocols/postgres/launch.js'
import { SmallFrameReader } from '../../../src/protocols/postgres/small-frame-reader.js'

/** Bytes that look random and are the same in each run. */
export function fixedBytes(seed = 'seed'): RandomBytes {
  let count = 0
  return size => {
    count += 1
    const digest = createHash('sha512').update(`${seed}${count}`).digest()
    return new Uint8Array(digest.subarray(0, size))
  }
}

/** A session's secret and what the gateway is given of it. */
export const LOOPBACK = postgresLauncher.makeSecret(fixedBytes('loopback'))

/** Messages as `tag:text`, so that a test can say what it expects in a line. */
export function readMessages(bytes: Buffer): string[] {
  const reader = new SmallFrameReader({ messageBytesMax: 1 << 24 })
  reader.push(bytes)
  const found: string[] = []
  for (;;) {
    const frame = reader.takeMessage()
    if (frame === undefined || frame.kind === 'fault') return found
    found.push(`${frame.tag}:${frame.body.toString('latin1').replaceAll('\0', '|')}`)
  }
}

/** Every way to cut bytes in two, and one byte at a time. */
export function cuts(bytes: Buffer): Buffer[][] {
  const two = Array.from({ length: bytes.length + 1 }, (_, at) => [bytes.subarray(0, at), bytes.subarray(at)])
  return [...two, Array.from(bytes, byte => Buffer.from([byte]))]
}
