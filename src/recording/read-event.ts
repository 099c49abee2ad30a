import { z } from 'zod'
import { readGrantId, readReviewId, readSessionId } from '../domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../domain/names.js'
import { REVIEW_STATES } from '../domain/review-state.js'
import { readEndReason } from '../domain/session.js'
import type { RecordedEvent } from './recorded-event.js'

/**
 * Reads one event from parsed JSON. Undefined for whatever is not exactly an event: a recording may come from anywhere.
 * Fields that are not known are left out.
 */
export function readEvent(json: unknown): RecordedEvent | undefined {
  const result = recordedEvent.safeParse(json)
  return result.success ? result.data : undefined
}

/** A string that one of the domain's readers accepts, as what that reader makes of it. */
function readBy<Value>(read: (text: string) => Value | undefined) {
  return z.string().transform((text, context): Value => {
    const value = read(text)
    if (value !== undefined) return value
    context.addIssue('not a value of this field')
    return z.NEVER
  })
}

/** A field that is there in the type, undefined when JSON left it out. */
function orUndefined<Type extends z.ZodType>(type: Type) {
  return type.optional().transform(value => value)
}

const count = z.int().nonnegative()
const ordinal = z.int().positive()
const recordedValue = z.string().nullable()
const rows = z.array(z.array(recordedValue))
const texts = z.array(z.string())
const ruleName = readBy(readRuleName)
const endReason = readBy(readEndReason)

const review = readBy(readReviewId)

const decision = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('allow'),
    rule: orUndefined(ruleName),
    review: z.exactOptional(review),
    lifted: z.exactOptional(z.array(ruleName)),
  }),
  z.object({
    kind: z.literal('deny'),
    rule: ruleName,
    message: z.string(),
    hint: orUndefined(z.string()),
    review: z.exactOptional(review),
    cause: z.exactOptional(z.literal('withdrawn')),
  }),
])

/** What every event begins with. Spread into each kind: an intersection takes ten times as long to read. */
const place = { seq: ordinal, at: z.iso.datetime(), t: z.number().nonnegative() }

const recordedEvent = z.discriminatedUnion('kind', [
  z.object({
    ...place,
    kind: z.literal('session'),
    session: readBy(readSessionId),
    grant: readBy(readGrantId),
    principal: z.object({ issuer: z.string(), subject: z.string(), name: z.string(), groups: texts }),
    connection: readBy(readConnectionName),
    role: readBy(readRoleName),
    reason: orUndefined(z.string()),
    address: z.string(),
    until: z.string(),
    policy: z.string(),
  }),
  z.object({
    ...place,
    kind: z.literal('client'),
    client: ordinal,
    database: z.string(),
    application: orUndefined(z.string()),
  }),
  z.object({ ...place, kind: z.literal('prepare'), client: ordinal, statement: z.string() }),
  z.object({
    ...place,
    kind: z.literal('operation'),
    client: ordinal,
    operation: ordinal,
    statement: z.string(),
    values: z.exactOptional(z.array(recordedValue)),
    decision,
    verbs: texts,
    tables: texts,
  }),
  z.object({
    ...place,
    kind: z.literal('review'),
    client: ordinal,
    review,
    state: z.enum(REVIEW_STATES),
    rules: z.array(ruleName),
    digest: z.string(),
    statement: z.exactOptional(z.string()),
    values: z.exactOptional(z.array(recordedValue)),
    why: z.exactOptional(z.string()),
    answers: z.exactOptional(
      z.array(
        z.object({
          by: z.string(),
          verdict: z.enum(['approve', 'deny']),
          comment: z.exactOptional(z.string()),
          at: z.string(),
        }),
      ),
    ),
  }),
  z.object({ ...place, kind: z.literal('rows'), operation: ordinal, columns: z.exactOptional(texts), rows }),
  z.object({
    ...place,
    kind: z.literal('result'),
    operation: ordinal,
    outcome: z.enum(['completed', 'failed', 'refused', 'abandoned']),
    tag: z.exactOptional(z.string()),
    columns: z.exactOptional(texts),
    rows: z.exactOptional(rows),
    rowCount: count,
    byteCount: count,
    masked: z.exactOptional(z.array(z.object({ column: z.string(), rule: ruleName }))),
    error: z.exactOptional(z.object({ code: z.string(), message: z.string() })),
  }),
  z.object({
    ...place,
    kind: z.literal('notice'),
    client: ordinal,
    severity: z.string(),
    message: z.string(),
  }),
  z.object({ ...place, kind: z.literal('cancel'), client: ordinal }),
  z.object({
    ...place,
    kind: z.literal('client_end'),
    client: ordinal,
    reason: endReason,
    bytesFromClient: count,
    bytesToClient: count,
  }),
  z.object({ ...place, kind: z.literal('end'), reason: endReason }),
]) satisfies z.ZodType<RecordedEvent>
