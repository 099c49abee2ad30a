import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import { LineEncoder } from '../../src/recording/encode-event.js'
import { LINE_BYTES_MAX } from '../../src/recording/recorded-event.js'
import {
  describeFinding,
  FINDINGS_MAX,
  RecordingVerifier,
  type VerifyOptions,
  verifyRecording,
} from '../../src/recording/verify.js'
import { anySession, recordLines, SESSION, SESSION_EVENT, sessionNumber } from './events.js'

const NOTICES: readonly RecordingEvent[] = [1, 2, 3].map(client => ({ kind: 'cancel', client }))
const END: RecordingEvent = { kind: 'end', reason: 'client_closed' }
/** Header on line 1, then events 1 to 5. */
const LINES = recordLines([SESSION_EVENT, ...NOTICES, END])
const HEAD = headOf(LINES)

/** What is found in these lines, as `kind@line`. */
async function check(
  lines: readonly (string | Buffer)[],
  expected: readonly string[],
  options: VerifyOptions = {},
) {
  const report = await verifyRecording([Buffer.concat(lines.map(line => Buffer.from(line)))], options)
  expect(report.findings.map(finding => `${finding.kind}@${finding.line}`)).toEqual(expected)
  expect(report.ok).toBe(expected.length === 0)
  expect(report.findings.map(describeFinding).join()).not.toContain('undefined')
  return report
}

test('a recording that nobody touched is whole, and its report says what it is', async () => {
  const report = await check(LINES, [], { session: SESSION, head: HEAD })
  expect(report).toMatchObject({
    session: SESSION,
    eventCount: 5,
    seq: 5,
    head: HEAD,
    endReason: 'client_closed',
  })
})

test('an event that was changed is found at its line', async () => {
  await check(
    replaced(3, line => line.replace('"client":2', '"client":3')),
    ['altered@4'],
  )
  await check(
    replaced(0, line => line.replace(SESSION, sessionNumber(8))),
    ['altered@1', 'other_session@2'],
  )
})

test('an event that is missing is found, and which', async () => {
  const report = await check(LINES.toSpliced(2, 2), ['missing@3'])
  expect(report.findings[0]).toEqual({ kind: 'missing', line: 3, from: 2, to: 3 })
})

test('two events that changed places are found', async () => {
  await check(LINES.with(2, at(3)).with(3, at(2)), ['missing@3', 'reordered@4'])
})

test('an event that is there twice is found', async () => {
  await check(LINES.toSpliced(3, 0, at(2)), ['reordered@4'])
})

test('a recording without its end is cut, unless its session goes on', async () => {
  await check(LINES.slice(0, 3), ['truncated@3'])
  await check(LINES.slice(0, 3), [], { live: true })
  await check([], ['truncated@0'])
})

test('half a line at the end is found, unless its session goes on', async () => {
  const lines = [...LINES.slice(0, 3), at(3).slice(0, 20)]
  await check(lines, ['unreadable@4', 'truncated@4'])
  await check(lines, [], { live: true })
  await check([...LINES.slice(0, -1), at(5).trimEnd()], ['unreadable@6', 'truncated@6'])
})

test('whatever comes after the end is found', async () => {
  await check([...LINES, '\n'], ['after_end@7', 'unreadable@7'])
  await check([...LINES, 'x'], ['after_end@7', 'unreadable@7'])
  await check([...LINES, ...recordLines([]).slice(0, 1)], ['after_end@7', 'unreadable@7'])
})

test('the recording of another session is found, also when it is whole', async () => {
  const other = recordLines([{ ...SESSION_EVENT, session: sessionNumber(8) }, END], sessionNumber(8))
  await check(other, [])
  await check(other, ['other_session@1', 'other_session@2'], { session: SESSION })
})

test('a header over the events of another session is found, also when the chain is right', async () => {
  await check(recordLines([SESSION_EVENT, END], sessionNumber(8)), ['other_session@2'])
})

test('a recording that was written anew as a whole is found by the head that was kept', async () => {
  const forged = recordLines([SESSION_EVENT, END])
  await check(forged, [])
  await check(forged, ['head_differs@3'], { head: HEAD })
})

test('an old copy put in the place of a recording is found by the head that was kept', async () => {
  const old = LINES.slice(0, 3)
  const encoder = new LineEncoder({ session: SESSION, after: { seq: 2, head: headOf(old) } })
  const ended = [...old, encoder.encode(END, { at: '2026-03-01T00:00:00.002Z', t: 2 })]
  await check(ended, [])
  await check(ended, ['head_differs@4'], { head: HEAD })
})

test('a version this reader does not know is refused', async () => {
  await check(
    replaced(0, line => line.replace('"version":1', '"version":2')),
    ['unreadable@1', 'altered@2'],
  )
  const foreign = replaced(0, line => line.replace('hoop-recording', 'x'))
  await check(foreign, ['unreadable@1', 'altered@2'])
})

test('an event this reader does not know is unreadable, and reading goes on behind it', async () => {
  const lines = replaced(2, line => line.replace('"cancel"', '"launch"'))
  await check(lines, ['unreadable@3', 'missing@4'])
})

test('a line longer than the limit is unreadable and takes no memory', async () => {
  const verifier = new RecordingVerifier()
  verifier.push(Buffer.from(at(0)))
  const chunk = Buffer.alloc(1024 * 1024, 'a')
  for (let bytes = 0; bytes <= LINE_BYTES_MAX + chunk.length; bytes += chunk.length) verifier.push(chunk)
  verifier.push(Buffer.from('\n'))
  expect(verifier.finish().findings).toMatchObject([
    { kind: 'unreadable', line: 2, reason: expect.stringContaining('longer than') },
    { kind: 'truncated' },
  ])
})

test('more findings than the limit are counted and not kept', async () => {
  const report = await verifyRecording([Buffer.from('x\n'.repeat(FINDINGS_MAX * 3))])
  expect(report.findings).toHaveLength(FINDINGS_MAX)
  expect(report.findingCount).toBe(FINDINGS_MAX * 3 + 1)
})

test('events come back as they were written, and nothing is found, however the bytes are cut', () => {
  fc.assert(
    fc.property(anySession, fc.integer({ min: 1, max: 400 }), (events, chunkBytes) => {
      const lines = recordLines(events)
      const bytes = Buffer.from(lines.join(''))
      const verifier = new RecordingVerifier({ session: SESSION, head: headOf(lines) })
      const read = chunksOf(bytes, chunkBytes).flatMap(chunk => verifier.push(chunk))
      expect(verifier.finish().findings).toEqual([])
      const bare = read.map(({ seq: _seq, at: _at, t: _t, ...event }) => event)
      expect(bare).toEqual(events)
      expect(read.map(event => event.seq)).toEqual(events.map((_, index) => index + 1))
    }),
  )
})

test('one changed bit anywhere is found', () => {
  fc.assert(
    fc.property(anySession, fc.nat(), fc.nat(7), (events, where, bit) => {
      const bytes = Buffer.from(recordLines(events).join(''))
      const offset = where % bytes.length
      bytes[offset] = (bytes[offset] ?? 0) ^ (1 << bit)
      expect(isWhole(bytes)).toBe(false)
    }),
    { numRuns: 500 },
  )
})

test('a recording that stops at any byte before its last is found', () => {
  fc.assert(
    fc.property(anySession, fc.nat(), (events, where) => {
      const bytes = Buffer.from(recordLines(events).join(''))
      expect(isWhole(bytes.subarray(0, where % bytes.length))).toBe(false)
    }),
  )
})

test('a line taken out, put in twice or moved is found', () => {
  fc.assert(
    fc.property(anySession, fc.nat(), fc.nat(), (events, from, to) => {
      const lines = recordLines(events)
      const source = from % lines.length
      const target = to % lines.length
      const line = lines[source] ?? ''
      expect(isWhole(Buffer.from(lines.toSpliced(source, 1).join('')))).toBe(false)
      expect(isWhole(Buffer.from(lines.toSpliced(target, 0, line).join('')))).toBe(false)
      if (source === target) return
      expect(isWhole(Buffer.from(lines.toSpliced(source, 1).toSpliced(target, 0, line).join('')))).toBe(false)
    }),
  )
})

test('noise, also noise in well-made lines, is answered with findings and nothing else', () => {
  const chain = 'A'.repeat(43)
  const framed = fc.json().map(json => Buffer.from(`${json.slice(0, -1)},"chain":"${chain}"}\n`))
  const noise = fc.array(fc.oneof(fc.uint8Array(), framed, fc.constant(Buffer.from(at(0)))), { maxLength: 8 })
  fc.assert(
    fc.property(noise, chunks => {
      const verifier = new RecordingVerifier()
      for (const chunk of chunks) verifier.push(chunk)
      expect(verifier.finish().ok).toBe(false)
    }),
  )
})

test('a raw recording holds no character that acts on a terminal or changes the order of reading', () => {
  fc.assert(
    fc.property(anySession, events => {
      const active =
        /(?!\n)[\p{Cc}\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]/u
      expect(recordLines(events).join('')).not.toMatch(active)
    }),
  )
})

test('an event that could not be read again is not written', () => {
  const encoder = new LineEncoder({ session: SESSION })
  encoder.begin()
  const statement = 'ä'.repeat(LINE_BYTES_MAX / 2)
  const event: RecordingEvent = { kind: 'notice', client: 1, severity: 'NOTICE', message: statement }
  expect(() => encoder.encode(event, { at: '2026-03-01T00:00:00.000Z', t: 0 })).toThrow(
    'Cannot record event 1: it is larger than 16 MiB',
  )
})

function isWhole(bytes: Uint8Array): boolean {
  const verifier = new RecordingVerifier()
  verifier.push(bytes)
  return verifier.finish().ok
}

function at(index: number): string {
  return LINES[index] ?? ''
}

function replaced(index: number, change: (line: string) => string): string[] {
  const line = change(at(index))
  expect(line).not.toBe(at(index))
  return LINES.with(index, line)
}

function headOf(lines: readonly string[]): string {
  return /"chain":"([^"]+)"\}\n$/.exec(lines.at(-1) ?? '')?.[1] ?? ''
}

function chunksOf(bytes: Buffer, size: number): Buffer[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  )
}
