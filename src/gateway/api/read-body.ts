import type { Context } from 'hono'
import { z } from 'zod'
import { HoopError } from '../../lib/hoop-error.js'

/** Reads a JSON body of this shape. Unknown keys are refused; fails with `usage`, naming the first thing that is wrong. */
export async function readBody<Shape extends z.ZodType>(
  context: Context,
  shape: Shape,
): Promise<z.infer<Shape>> {
  const body: unknown = await context.req.json().catch(() => undefined)
  const read = shape.safeParse(body)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'the body' : `"${issue.path.join('.')}"`
  throw new HoopError('usage', `Cannot read ${where}: ${issue?.message ?? 'it is not JSON'}`)
}

/** The longest name or identifier in a request. */
const NAME_LENGTH_MAX = 200

const name = z.string().min(1).max(NAME_LENGTH_MAX)

export const grantRequestShape = z.strictObject({
  connection: name,
  role: name.exactOptional(),
  reason: z.string().max(4_000).exactOptional(),
  durationSeconds: z.number().int().positive().max(31_536_000).exactOptional(),
})

export const sessionRequestShape = z.strictObject({
  grant: name,
  verifier: z.strictObject({
    kind: z.literal('scram-sha-256'),
    salt: name,
    iterations: z.number().int(),
    storedKey: name,
    serverKey: name,
  }),
})

export const agentEnrollmentShape = z.strictObject({
  name,
  token: z.string().min(1).max(4_000),
  publicKey: name,
})
