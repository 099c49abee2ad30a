import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import type { RecordedEvent } from '../../src/recording/recorded-event.js'
import { renderCsv } from '../../src/recording/render-csv.js'
import { summarizeRecording } from '../../src/recording/summary.js'
import { anySession, rule, SESSION_EVENT } from './events.js'

const HEADING =
  '"seq","at","offset_ms","client","operation","statement","values","verdict","rule","outcome","tag","rows","bytes","duration_ms","masked","error_code","error_message"\r\n'

function recorded(events: readonly RecordingEvent[]): readonly RecordedEvent[] {
  return events.map((event, index) => ({
    ...event,
    at: '2026-03-01T00:00:00.000Z',
    t: index * 10,
    seq: index + 1,
  }))
}

function operation(number: number, statement: string, client = 1): RecordingEvent {
  const allow = { kind: 'allow', rule: undefined } as const
  return { kind: 'operation', client, operation: number, statement, decision: allow, verbs: [], tables: [] }
}

function result(
  number: number,
  more: Partial<Extract<RecordingEvent, { kind: 'result' }>> = {},
): RecordingEvent {
  return { kind: 'result', operation: number, outcome: 'completed', rowCount: 1, byteCount: 10, ...more }
}

test('a session without operations is a heading', () => {
  expect(renderCsv(recorded([SESSION_EVENT]))).toBe(HEADING)
})

test('an operation is one line, all its results together', () => {
  const first = { ...operation(1, 'SELECT "a";\nSELECT 2'), values: ['x', null] } as RecordingEvent
  const masked = [{ column: 'email', rule: rule('pii') }]
  const events = [first, result(1, { tag: 'SELECT 1', masked }), result(1, { tag: 'SELECT 2', rowCount: 2 })]
  expect(renderCsv(recorded(events))).toBe(
    `${HEADING}"1","2026-03-01T00:00:00.000Z","0","1","1","SELECT ""a"";⟨LF⟩SELECT 2","$1 = x, $2 = NULL","allow","","completed","SELECT 1, SELECT 2","3","20","20","email","",""\r\n`,
  )
})

test('pipelined operations of many clients are each given once, also those without an answer', () => {
  const events: readonly RecordingEvent[] = [
    operation(1, 'a'),
    operation(2, 'b'),
    operation(3, 'c', 2),
    result(3),
    result(1),
    result(2),
    { kind: 'client_end', client: 1, reason: 'client_closed', bytesFromClient: 0, bytesToClient: 0 },
    operation(4, 'd', 2),
  ]
  const rows = renderCsv(recorded(events)).split('\r\n').slice(1, -1)
  expect(rows.map(row => row.split('","')[5])).toEqual(['a', 'b', 'c', 'd'])
  expect(rows.map(row => row.split('","')[9])).toEqual(['completed', 'completed', 'completed', ''])
})

for (const [cell, expected] of [
  ['=cmd|/C calc!A0', "'=cmd|/C calc!A0"],
  ['+1', "'+1"],
  ['-2+3', "'-2+3"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['  =1', "'  =1"],
  ['\uff1d1', "'\uff1d1"],
  ['\t=1', '⟨TAB⟩=1'],
  ['\r=1', '⟨CR⟩=1'],
  ['1;=HYPERLINK("x")', '1;\'=HYPERLINK(""x"")'],
  ['a","=1', 'a"",""=1'],
  ['SELECT a - 1', 'SELECT a - 1'],
] as const) {
  test(`a cell ${JSON.stringify(cell)} is no formula`, () => {
    expect(renderCsv(recorded([operation(1, cell)]))).toContain(`,"${expected}",`)
  })
}

test('whatever the events, each operation is one line of seventeen cells without a formula', () => {
  fc.assert(
    fc.property(anySession, events => {
      const csv = renderCsv(recorded(events))
      const lines = csv.split('\r\n').slice(0, -1)
      const operations = events.filter(event => event.kind === 'operation').length
      expect(lines).toHaveLength(operations + 1)
      for (const line of lines) {
        expect(line).toMatch(/^("([^"]|"")*",){16}"([^"]|"")*"$/u)
        expect(line).not.toMatch(/(^|,)"[\t\r=+\-@]/)
      }
    }),
  )
})

test('a summary counts verdicts, rules, masked columns and errors', () => {
  const deny = { kind: 'deny', rule: rule('no-drop'), message: 'no', hint: undefined } as const
  const events: readonly RecordingEvent[] = [
    SESSION_EVENT,
    { kind: 'client', client: 1, database: 'shop', application: undefined },
    operation(1, 'a'),
    result(1, { rowCount: 5, masked: [{ column: '__proto__', rule: rule('pii') }] }),
    { kind: 'operation', client: 1, operation: 2, statement: 'b', decision: deny, verbs: [], tables: [] },
    result(2, { outcome: 'refused', rowCount: 0, error: { code: '42501', message: 'no' } }),
    operation(3, 'c'),
    operation(4, 'd'),
    result(3, { outcome: 'failed', error: { code: '22012', message: 'division by zero' } }),
    { kind: 'end', reason: 'client_lost' },
  ]
  const summary = summarizeRecording(recorded(events))
  expect(summary).toMatchObject({
    startedAt: '2026-03-01T00:00:00.000Z',
    durationMs: 90,
    endReason: 'client_lost',
    clients: 1,
    operations: 4,
    allowed: 3,
    denied: 1,
    rowCount: 6,
    byteCount: 30,
    slowest: [
      { operation: 3, client: 1, offsetMs: 60, durationMs: 20 },
      { operation: 1, client: 1, offsetMs: 20, durationMs: 10 },
      { operation: 2, client: 1, offsetMs: 40, durationMs: 10 },
    ],
  })
  expect(Object.entries(summary.maskedColumns)).toEqual([['__proto__', 1]])
  expect(Object.entries(summary.deniedByRule)).toEqual([['no-drop', 1]])
  expect(Object.entries(summary.errors)).toEqual([['22012', 1]])
})
