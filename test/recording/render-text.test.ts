import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { RecordingEvent } from '../../src/domain/event.js'
import { makeReviewId } from '../../src/domain/ids.js'
import type { EventTime, RecordedEvent } from '../../src/recording/recorded-event.js'
import { renderText } from '../../src/recording/render-text.js'
import { CELL_WIDTH_MAX, TABLE_ROWS_MAX } from '../../src/recording/text-table.js'
import { widthOf } from '../../src/recording/text-width.js'
import { makeTimeline } from '../../src/recording/timeline.js'
import { anySession, rule, SESSION_EVENT } from './events.js'

const LONG = 'x'.repeat(100_000)

/** Events 1.25 s apart. */
function recorded(events: readonly RecordingEvent[]): readonly RecordedEvent[] {
  return events.map((event, index) => ({ ...event, ...timeOf(index), seq: index + 1 }))
}

function timeOf(index: number): EventTime {
  return { at: new Date(Date.UTC(2026, 2, 1) + index * 1250).toISOString(), t: index * 1250 }
}

function operation(number: number, statement: string): RecordingEvent {
  const allow = { kind: 'allow', rule: undefined } as const
  return {
    kind: 'operation',
    client: 1,
    operation: number,
    statement,
    decision: allow,
    verbs: [],
    tables: [],
  }
}

const PLAYED: readonly RecordingEvent[] = [
  SESSION_EVENT,
  { kind: 'client', client: 1, database: 'shop', application: 'psql' },
  {
    ...operation(1, 'SELECT id, email\n  FROM customers WHERE id < $1'),
    values: ['3', null, 'NULL'],
  } as RecordingEvent,
  { kind: 'rows', operation: 1, columns: ['id', 'email'], rows: [['1', '****']] },
  {
    kind: 'result',
    operation: 1,
    outcome: 'completed',
    tag: 'SELECT 9902',
    rows: [['2', null]],
    rowCount: 9902,
    byteCount: 123456,
    masked: [{ column: 'email', rule: rule('pii') }],
  },
  {
    kind: 'operation',
    client: 1,
    operation: 2,
    statement: 'DROP TABLE customers',
    decision: {
      kind: 'deny',
      rule: rule('no-drop'),
      message: 'tables are not dropped here',
      hint: undefined,
    },
    verbs: ['DROP'],
    tables: ['public.customers'],
  },
  {
    kind: 'result',
    operation: 2,
    outcome: 'refused',
    rowCount: 0,
    byteCount: 0,
    error: { code: '42501', message: 'refused by rule "no-drop"' },
  },
  {
    kind: 'review',
    client: 1,
    review: makeReviewId(size => Buffer.alloc(size, 5)),
    state: 'pending',
    rules: [rule('writes')],
    digest: 'd1',
    statement: 'UPDATE customers\nSET city = $1',
    values: ['Rome'],
  },
  {
    kind: 'review',
    client: 1,
    review: makeReviewId(size => Buffer.alloc(size, 5)),
    state: 'denied',
    rules: [rule('writes')],
    digest: 'd1',
    why: 'grace@example.com said no',
    answers: [
      { by: 'grace@example.com', verdict: 'deny', comment: 'not today', at: '2026-03-01T00:00:09.000Z' },
    ],
  },
  { kind: 'cancel', client: 1 },
  { kind: 'notice', client: 1, severity: 'WARNING', message: 'there is no transaction' },
  { kind: 'client_end', client: 1, reason: 'client_closed', bytesFromClient: 1234, bytesToClient: 123456 },
  { kind: 'end', reason: 'grant_expired' },
]

test('a session reads like a transcript', () => {
  expect(renderText(recorded(PLAYED))).toBe(`session s-7777777777777777
  who         ada@example.com (u-1 at https://idp.example.com)
  groups      dev
  connection  prod-db as reader
  grant       g-3333333333333333 until 2026-03-01T11:00:00.000Z
  reason      ticket 12
  from        192.0.2.7
  policy      c0ffee
  started     2026-03-01T00:00:00.000Z

+00:00:01.250  client 1 connected to "shop" as "psql"

+00:00:02.500  #1  client 1  allowed
  | SELECT id, email
  |   FROM customers WHERE id < $1
    $1 = 3
    $2 = NULL
    $3 = "NULL"
+00:00:05.000  #1  completed: SELECT 9902, 9 902 rows, 123 456 bytes, 2500.000 ms
  | id | email
  | ---+------
  | 1  | ****
  | 2  | NULL
    … 9 900 more rows were not kept
    masked by rule "pii": column "email"

+00:00:06.250  #2  client 1  refused by rule "no-drop": tables are not dropped here
  | DROP TABLE customers
+00:00:07.500  #2  refused: 0 rows, 0 bytes, 1250.000 ms
    error 42501
  | refused by rule "no-drop"
+00:00:08.750  client 1  review r-5555555555555555 waits for people, rule "writes"
  | UPDATE customers
  | SET city = $1
    $1 = Rome
+00:00:10.000  client 1  review r-5555555555555555 denied: grace@example.com said no
    grace@example.com said deny at 2026-03-01T00:00:09.000Z
  | not today
+00:00:11.250  client 1 asked to cancel
+00:00:12.500  client 1 was told: WARNING
  | there is no transaction
+00:00:13.750  client 1 ended: the client closed the connection (1 234 bytes from it, 123 456 to it)
+00:00:15.000  session ended: the grant has expired
`)
})

test('a statement that draws a line of ours stands behind the mark of a quote, also when it is padded to wrap', () => {
  const forged = '+00:00:09.000  #2  client 1  allowed'
  const text = renderText(recorded([operation(1, `SELECT 1\n${forged}\n${' '.repeat(116)}${forged}`)]))
  expect(text.split('\n').filter(line => line.startsWith('+'))).toHaveLength(1)
  expect(text).toContain(`\n  | ${forged}\n`)
  expect(text).toContain(`\n  : ${forged}\n`)
})

test('whatever the events, no line is wider than the page and none holds a character that acts', () => {
  fc.assert(
    fc.property(anySession, fc.integer({ min: 40, max: 120 }), (events, widthMax) => {
      const text = renderText(recorded(events), { widthMax })
      expect(text).not.toMatch(/(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u)
      for (const line of text.split('\n')) expect(widthOf(line)).toBeLessThanOrEqual(widthMax)
    }),
  )
})

test('long cells, many columns and many rows are cut, and it is said', () => {
  const columns = Array.from({ length: 40 }, (_, index) => `column ${index}`)
  const rows = Array.from({ length: TABLE_ROWS_MAX + 7 }, () => columns.map(() => LONG))
  const events: readonly RecordingEvent[] = [
    operation(1, 'SELECT'),
    { kind: 'rows', operation: 1, columns, rows },
    { kind: 'result', operation: 1, outcome: 'completed', rowCount: rows.length, byteCount: 1 },
  ]
  const lines = renderText(recorded(events)).split('\n')
  const cut = `${'x'.repeat(CELL_WIDTH_MAX - 1)}…`
  expect(lines.filter(line => line === `  | ${cut} | ${cut}`)).toHaveLength(TABLE_ROWS_MAX)
  expect(lines).toContain('  | (and 38 more columns)')
  expect(lines).toContain('    … 7 more rows are kept and not shown here')
})

test('results that never end do not pile up in memory, and what was not held is said', () => {
  const opened = Array.from({ length: 30 }, (_, index) => operation(index + 1, 'SELECT'))
  const rows = Array.from({ length: TABLE_ROWS_MAX }, () => ['x'])
  const filled = opened.map((_, index): RecordingEvent => ({ kind: 'rows', operation: index + 1, rows }))
  const last: RecordingEvent = {
    kind: 'result',
    operation: 30,
    outcome: 'completed',
    rowCount: 1000,
    byteCount: 1,
  }
  expect(renderText(recorded([...opened, ...filled, last]))).toContain(
    '… 1 000 more rows are kept and not shown here',
  )
  const ended = opened.map((_, index): RecordingEvent => ({ ...last, operation: index + 1, rowCount: 1000 }))
  const again = renderText(
    recorded([...opened, ...filled, ...ended, ...opened, ...filled.slice(0, 1), ended[0] ?? last]),
  )
  expect(again.split('\n').slice(-1002, -1)).toEqual([
    expect.stringContaining('#1  completed'),
    ...rows.map(() => '  | x'),
  ])
})

test('the second result of one text has a table of its own', () => {
  const result = { kind: 'result', operation: 1, outcome: 'completed', rowCount: 1, byteCount: 1 } as const
  const text = renderText(
    recorded([
      operation(1, 'SELECT 1 AS a; SELECT 2 AS b'),
      { ...result, columns: ['a'], rows: [['1']] },
      { ...result, columns: ['b'], rows: [['2']] },
    ]),
  )
  expect(text).toMatch(/ \| a\n {2}\| -\n {2}\| 1\n[^|]* \| b\n {2}\| -\n {2}\| 2\n/)
})

test('a replay shows the same lines, and cuts long pauses', () => {
  const events = recorded(PLAYED)
  const steps = makeTimeline(events, { pauseMsMax: 2000 })
  expect(
    steps
      .flatMap(step => step.lines)
      .map(line => `${line}\n`)
      .join(''),
  ).toBe(renderText(events))
  expect(steps.map(step => step.pauseMs).slice(0, 5)).toEqual([0, 1250, 1250, 2000, 1250])
  expect(steps.map(step => step.seq)).not.toContain(4)
})

test('a replay of a recording whose times were changed does not go back', () => {
  const [first, second, third] = recorded([
    { kind: 'cancel', client: 1 },
    { kind: 'cancel', client: 2 },
    { kind: 'cancel', client: 3 },
  ])
  if (first === undefined || second === undefined || third === undefined) throw new Error('three events')
  const steps = makeTimeline([first, { ...second, t: 9000 }, third])
  expect(steps.map(step => step.pauseMs)).toEqual([0, 9000, 0])
})

test('a statement that ran because the glass was broken says which rules would have held it', () => {
  const asked = operation(1, 'DELETE FROM t') as Extract<RecordingEvent, { kind: 'operation' }>
  const lifted = [rule('writes'), rule('people')]
  const decision = { kind: 'allow', rule: rule('writes'), lifted } as const
  const text = renderText(recorded([SESSION_EVENT, { ...asked, decision }]))
  expect(text.replace(/\s+/g, ' ')).toContain(
    'allowed, the glass was broken: rule "writes" and rule "people" would have held it',
  )
})
