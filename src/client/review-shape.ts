import { z } from 'zod'
import type { ReviewList, ReviewView } from '../domain/api.js'
import { REVIEW_STATES } from '../domain/review-state.js'
import { HoopError } from '../lib/hoop-error.js'

const count = z.int().min(0)
const time = z.iso.datetime()

// Strict: a part of what is asked that this version does not know must not be left out.
const subject = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('grant'),
    connection: z.string(),
    role: z.string(),
    durationSeconds: count,
    afterwards: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal('operation'),
    session: z.string(),
    connection: z.string(),
    role: z.string(),
    database: z.string(),
    statement: z.string(),
    statementCount: count,
    values: z.array(z.string().nullable()),
    behind: z.array(z.string()).exactOptional(),
    verbs: z.array(z.string()),
    tables: z.array(z.string()),
    inTransaction: z.boolean(),
    rowEstimate: z.number().exactOptional(),
  }),
])

const demand = z.object({
  rule: z.string(),
  message: z.string().exactOptional(),
  approvers: z.array(z.string()),
  manager: z.boolean(),
  count,
  given: count,
})

const answer = z.object({
  by: z.string(),
  verdict: z.enum(['approve', 'deny']),
  comment: z.string().exactOptional(),
  at: time,
})

const past = z.object({ id: z.string(), state: z.string(), askedAt: time, summary: z.string() })

const reviewShape = z.object({
  id: z.string(),
  state: z.enum(REVIEW_STATES),
  stateAt: time,
  why: z.string().exactOptional(),
  requester: z.string(),
  address: z.string(),
  reason: z.string().exactOptional(),
  askedAt: time,
  until: time,
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  subject,
  demands: z.array(demand),
  answers: z.array(answer),
  answerable: z.boolean(),
  url: z.string(),
  history: z.array(past).exactOptional(),
}) satisfies z.ZodType<ReviewView>

const listShape = z.object({
  reviews: z.array(reviewShape),
  cursor: z.string(),
}) satisfies z.ZodType<ReviewList>

/** Reads a review that a gateway sent: what is not understood whole is not shown, so nobody approves half of it. */
export function readReview(body: Buffer): ReviewView {
  return read(reviewShape, body)
}

/** The same for a list of them. */
export function readReviewList(body: Buffer): ReviewList {
  return read(listShape, body)
}

function read<Answer>(shape: z.ZodType<Answer>, body: Buffer): Answer {
  const parsed = shape.safeParse(parseJson(body))
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new HoopError(
    'gateway_refused',
    'Cannot read a review: the gateway says it in a way that this version of hoop does not know',
    {
      hint: 'hoop --version',
      cause: issue === undefined ? undefined : `${issue.path.join('.')}: ${issue.message}`,
    },
  )
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}
