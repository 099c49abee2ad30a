import fc from 'fast-check'
import type { RecordingEvent } from '../../src/domain/event.js'
import { makeGrantId, makeReviewId, makeSessionId, type SessionId } from '../../src/domain/ids.js'
import { type RuleName, readConnectionName, readRoleName, readRuleName } from '../../src/domain/names.js'
import { REVIEW_STATES } from '../../src/domain/review-state.js'
import type { EndReason } from '../../src/domain/session.js'
import { LineEncoder } from '../../src/recording/encode-event.js'

export const SESSION = sessionNumber(7)
export const CONNECTION = must(readConnectionName('prod-db'))
export const ROLE = must(readRoleName('reader'))

export const SESSION_EVENT = {
  kind: 'session',
  session: SESSION,
  grant: makeGrantId(size => new Uint8Array(size).fill(3)),
  principal: { issuer: 'https://idp.example.com', subject: 'u-1', name: 'ada@example.com', groups: ['dev'] },
  connection: CONNECTION,
  role: ROLE,
  reason: 'ticket 12',
  address: '192.0.2.7',
  until: '2026-03-01T11:00:00.000Z',
  policy: 'c0ffee',
} satisfies RecordingEvent

/** The same identifier for the same number. */
export function sessionNumber(number: number): SessionId {
  return makeSessionId(size => new Uint8Array(size).fill(number))
}

export function rule(name: string): RuleName {
  return must(readRuleName(name))
}

/** A recording of these events, one millisecond apart, as its lines with their line feeds. */
export function recordLines(events: readonly RecordingEvent[], session = SESSION): string[] {
  const encoder = new LineEncoder({ session })
  const time = (index: number) => ({ at: new Date(Date.UTC(2026, 2, 1) + index).toISOString(), t: index })
  return [encoder.begin(), ...events.map((event, index) => encoder.encode(event, time(index)))]
}

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\u001b[2J', '\u202e', '\u{e0041}', '}', ',"chain":"'),
  }),
)
const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/)
const ruleName = name.map(rule)
const count = fc.nat()
const ordinal = fc.integer({ min: 1, max: 9 })
const value = fc.option(text, { nil: null })
const rows = fc.array(fc.array(value, { maxLength: 4 }), { maxLength: 4 })
const reason = fc.constantFrom<EndReason>('client_closed', 'grant_expired', 'recorder_failed', 'gateway_lost')

const decision = fc.oneof(
  fc.record({ kind: fc.constant('allow' as const), rule: fc.option(ruleName, { nil: undefined }) }),
  fc.record({
    kind: fc.constant('deny' as const),
    rule: ruleName,
    message: text,
    hint: fc.option(text, { nil: undefined }),
  }),
)

const REVIEW = makeReviewId(size => Buffer.alloc(size, 5))

/** Any event except `end` and `session`. */
export const anyEvent: fc.Arbitrary<RecordingEvent> = fc.oneof(
  fc.record({
    kind: fc.constant('client' as const),
    client: ordinal,
    database: text,
    application: fc.option(text, { nil: undefined }),
  }),
  fc.record(
    {
      kind: fc.constant('operation' as const),
      client: ordinal,
      operation: ordinal,
      statement: text,
      values: fc.array(value, { maxLength: 3 }),
      decision,
      verbs: fc.array(text, { maxLength: 2 }),
      tables: fc.array(text, { maxLength: 2 }),
    },
    { requiredKeys: ['kind', 'client', 'operation', 'statement', 'decision', 'verbs', 'tables'] },
  ),
  fc.record(
    {
      kind: fc.constant('review' as const),
      client: ordinal,
      review: fc.constant(REVIEW),
      state: fc.constantFrom(...REVIEW_STATES),
      rules: fc.array(ruleName, { maxLength: 2 }),
      digest: text,
      statement: text,
      values: fc.array(value, { maxLength: 3 }),
      why: text,
      answers: fc.array(
        fc.record(
          {
            by: text,
            verdict: fc.constantFrom('approve' as const, 'deny' as const),
            comment: text,
            at: text,
          },
          { requiredKeys: ['by', 'verdict', 'at'] },
        ),
        { maxLength: 2 },
      ),
    },
    { requiredKeys: ['kind', 'client', 'review', 'state', 'rules', 'digest'] },
  ),
  fc.record(
    {
      kind: fc.constant('rows' as const),
      operation: ordinal,
      columns: fc.array(text, { maxLength: 4 }),
      rows,
    },
    { requiredKeys: ['kind', 'operation', 'rows'] },
  ),
  fc.record(
    {
      kind: fc.constant('result' as const),
      operation: ordinal,
      outcome: fc.constantFrom(
        'completed' as const,
        'failed' as const,
        'refused' as const,
        'abandoned' as const,
      ),
      tag: text,
      columns: fc.array(text, { maxLength: 4 }),
      rows,
      rowCount: count,
      byteCount: count,
      masked: fc.array(fc.record({ column: text, rule: ruleName }), { maxLength: 2 }),
      error: fc.record({ code: text, message: text }),
    },
    { requiredKeys: ['kind', 'operation', 'outcome', 'rowCount', 'byteCount'] },
  ),
  fc.record({ kind: fc.constant('notice' as const), client: ordinal, severity: text, message: text }),
  fc.record({ kind: fc.constant('cancel' as const), client: ordinal }),
  fc.record({
    kind: fc.constant('client_end' as const),
    client: ordinal,
    reason,
    bytesFromClient: count,
    bytesToClient: count,
  }),
)

/** The events of a session that ended. */
export const anySession: fc.Arbitrary<readonly RecordingEvent[]> = fc
  .tuple(fc.array(anyEvent, { maxLength: 12 }), reason)
  .map(([events, ended]) => [SESSION_EVENT, ...events, { kind: 'end', reason: ended }])

function must<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a fixture is wrong')
  return value
}
