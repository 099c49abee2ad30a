import type { Context } from 'hono'
import { z } from 'zod'
import { HoopError } from '../../lib/hoop-error.js'

/** Reads a JSON body of this shape. Unknown keys are refused; fails with `usage`, naming the first thing that is wrong. */
export async function readBody<Shape extends z.ZodType>(
  context: Context,
  shape: Shape,
): Promise<z.infer<Shape>> {
  const body: unknown = await context.req.json().catch(() => undefined)
  if (body === undefined) throw new HoopError('usage', 'Cannot read the body: it is not JSON')
  const read = shape.safeParse(body)
  if (read.success) return read.data
  const [issue] = read.error.issues
  const where = issue === undefined || issue.path.length === 0 ? 'the body' : `"${issue.path.join('.')}"`
  throw new HoopError(
    'usage',
    `Cannot read ${where}: ${issue === undefined ? 'it is out of form' : why(issue)}`,
  )
}

/** Longest key that is repeated in an error: names of ours are short, and what is longer may be a secret out of place. */
const KEY_SHOWN_MAX = 40

function why(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'unrecognized_keys') return issue.message
  const [key = ''] = issue.keys
  return `${key.length > KEY_SHOWN_MAX ? 'a key' : `"${key}"`} is not known here`
}

/** A text of a bounded length, in UTF-16 code units. */
function text(min: number, max: number) {
  const error = min === 0 ? `expected at most ${max} characters` : `expected ${min} to ${max} characters`
  return z.string({ error: 'expected a text' }).min(min, { error }).max(max, { error })
}

function map<Shape extends z.ZodRawShape>(shape: Shape) {
  return z.strictObject(shape, {
    error: issue => (issue.code === 'invalid_type' ? 'expected keys with values' : undefined),
  })
}

/** The longest name or identifier in a request. */
const NAME_LENGTH_MAX = 200
/** A grant is asked for a year at most, in seconds. */
const DURATION_SECONDS_MAX = 31_536_000

const name = text(1, NAME_LENGTH_MAX)
const durationError = { error: `expected whole seconds from 1 to ${DURATION_SECONDS_MAX}` }

export const grantRequestShape = map({
  connection: name,
  role: name.exactOptional(),
  reason: text(0, 4_000).exactOptional(),
  durationSeconds: z
    .int(durationError)
    .min(1, durationError)
    .max(DURATION_SECONDS_MAX, durationError)
    .exactOptional(),
  review: name.exactOptional(),
  breakGlass: z.boolean({ error: 'expected true or false' }).exactOptional(),
})

/** A statement in a request, in UTF-16 units: no more than a body can hold. The connection has a limit of its own. */
const STATEMENT_LENGTH_MAX = 1024 * 1024

export const explainRequestShape = map({
  statement: text(1, STATEMENT_LENGTH_MAX),
  database: name.exactOptional(),
})

/** What somebody says with an answer, in UTF-16 units. */
const COMMENT_LENGTH_MAX = 1_000

export const reviewAnswerShape = map({
  verdict: z.enum(['approve', 'deny'], { error: 'expected "approve" or "deny"' }),
  comment: text(0, COMMENT_LENGTH_MAX).exactOptional(),
  digest: z
    .string({ error: 'expected a text' })
    .regex(/^[0-9a-f]{64}$/, { error: 'expected 64 hexadecimal digits' }),
})

export const sessionRequestShape = map({
  grant: name,
  verifier: map({
    kind: z.literal('scram-sha-256', { error: 'expected "scram-sha-256"' }),
    salt: name,
    iterations: z.int({ error: 'expected a whole number' }),
    storedKey: name,
    serverKey: name,
  }),
})

export const agentEnrollmentShape = map({
  name,
  token: text(1, 4_000),
  publicKey: name,
})
