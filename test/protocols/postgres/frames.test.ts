import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { writeMessage } from '../../../src/protocols/postgres/codec.js'
import {
  type FrameSink,
  FrameWalker,
  type Outcome,
  type Treatment,
} from '../../../src/protocols/postgres/frames.js'

/** What a sink does with messages, by letter: p pass, w whole and pass, d drop, x whole and drop, h hold and pass. */
class Sink implements FrameSink {
  readonly walker = new FrameWalker(this)
  readonly passed: Buffer[] = []
  readonly seen: string[] = []

  header(tag: number): Treatment {
    const letter = String.fromCharCode(tag)
    if (letter === 's') return 'stop'
    if (letter === 'd') return 'drop'
    return letter === 'p' ? 'pass' : 'whole'
  }
  frame(tag: number, bytes: Buffer, start: number, end: number): Outcome {
    const letter = String.fromCharCode(tag)
    this.seen.push(letter + bytes.toString('latin1', start + 5, end))
    if (letter === 'x') return 'drop'
    return letter === 'h' ? 'wait' : 'pass'
  }
  pass(bytes: Buffer): void {
    this.passed.push(bytes)
  }
  feed(chunk: Buffer): void {
    this.walker.feed(chunk)
    while (this.walker.isHeld) this.walker.release('pass')
  }
}

const message = fc
  .tuple(fc.constantFrom('p', 'w', 'd', 'x', 'h'), fc.string({ maxLength: 30 }))
  .map(([letter, body]) => writeMessage(letter, Buffer.from(body)))

test('however the bytes are cut, the same messages are seen and pass', () => {
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.nat({ max: 200 })), (messages, cuts) => {
      const bytes = Buffer.concat(messages)
      const kept = messages.filter(one => one[0] !== 0x64 && one[0] !== 0x78)
      const places = [...new Set([0, ...cuts.filter(cut => cut < bytes.length), bytes.length])].sort(
        (a, b) => a - b,
      )
      const sink = new Sink()
      for (const [at, place] of places.entries()) {
        const next = places[at + 1]
        if (next !== undefined) sink.feed(bytes.subarray(place, next))
      }
      expect(Buffer.concat(sink.passed).equals(Buffer.concat(kept))).toBe(true)
      expect(sink.seen).toEqual(
        messages
          .filter(one => one[0] !== 0x70 && one[0] !== 0x64)
          .map(one => String.fromCharCode(one[0] ?? 0) + one.toString('latin1', 5)),
      )
    }),
  )
})

describe('a walker', () => {
  const p = writeMessage('p', Buffer.from('pass'))
  test('passes neighbours as one piece of their chunk', () => {
    const sink = new Sink()
    const chunk = Buffer.concat([p, writeMessage('w'), p])
    sink.feed(chunk)
    expect(sink.passed).toEqual([chunk])
    expect(sink.passed[0]?.buffer).toBe(chunk.buffer)
  })
  test('takes no memory for a message of which only the header came', () => {
    const sink = new Sink()
    const before = process.memoryUsage().arrayBuffers
    sink.feed(Buffer.from([0x77, 0x3f, 0xff, 0xff, 0xff, 1]))
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000)
  })
  test('gathers a large message in time that grows with its size', () => {
    const sink = new Sink()
    const large = writeMessage('w', Buffer.alloc(20_000_000, 'x'))
    for (let at = 0; at < large.length; at += 16_384) sink.feed(large.subarray(at, at + 16_384))
    expect(sink.passed).toHaveLength(1)
    expect(sink.passed[0]?.equals(large)).toBe(true)
  })
  test('reads nothing after a stop', () => {
    const sink = new Sink()
    sink.feed(Buffer.concat([p, writeMessage('s'), p]))
    sink.feed(p)
    expect(sink.passed).toEqual([p])
  })
  test('knows when half a message has passed', () => {
    const sink = new Sink()
    sink.feed(p.subarray(0, 7))
    expect(sink.walker.isPartlyPassed).toBe(true)
    sink.feed(p.subarray(7))
    expect(sink.walker.isPartlyPassed).toBe(false)
  })
})
