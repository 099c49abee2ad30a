import type { Selectable } from 'kysely'
import { z } from 'zod'
import type { ApprovalTerms } from '../domain/approval.js'
import { readReviewId, readSessionId } from '../domain/ids.js'
import { readConnectionName, readRoleName, readRuleName } from '../domain/names.js'
import type { HeldOperation, Review, ReviewAnswer, ReviewSubject } from '../domain/review.js'
import { REVIEW_STATES } from '../domain/review-state.js'
import {
  parseJson,
  present,
  principalColumns,
  readPrincipal,
  readTime,
  storableOrNull,
  storableText,
} from './row-values.js'
import type { ReviewAnswerRow, ReviewRow } from './schema.js'

/** A review with what compare-and-set compares, and the reading of the clock at its last change. */
export interface StoredReview {
  readonly review: Review
  readonly version: number
  readonly changed: number
}

/** The columns that never change once it is asked. */
export function writeQuestion(review: Review): Omit<ReviewRow, 'version' | 'changed' | keyof ReviewStateRow> {
  const { subject, demands } = review
  return {
    ...principalColumns(review.requester),
    id: review.id,
    kind: kindOf(subject),
    session: subject.kind === 'operation' ? subject.session : null,
    connection: subject.connection,
    // As JSON and not as text of its own: what is asked is kept whole, whatever characters and length it has.
    asked: JSON.stringify(subject),
    demands: JSON.stringify(demands),
    manager_may: demands.some(({ terms }) => terms.manager) ? 1 : 0,
    address: storableText(review.address),
    reason: storableOrNull(review.reason),
    digest: review.digest,
    asked_at: review.askedAt.toISOString(),
  }
}

type ReviewStateRow = Pick<ReviewRow, 'until' | 'state' | 'state_at' | 'why'>

/** The columns that change with its state. */
export function writeState({ until, state, stateAt, why }: Review): ReviewStateRow {
  return {
    until: until.toISOString(),
    state,
    state_at: stateAt.toISOString(),
    why: storableOrNull(why),
  }
}

/** One answer of a review. */
export function writeAnswer(review: Review, place: number, answer: ReviewAnswer): ReviewAnswerRow {
  return {
    ...principalColumns(answer.by),
    review: review.id,
    place,
    verdict: answer.verdict,
    comment: storableOrNull(answer.comment),
    at: answer.at.toISOString(),
    address: storableText(answer.address),
  }
}

/** A review from its row and the rows of its answers, in any order. */
export function readReview(
  row: Selectable<ReviewRow>,
  answers: readonly Selectable<ReviewAnswerRow>[],
): StoredReview {
  const subject = readJson(subjectShape, row.asked, 'asked')
  const review: Review = {
    id: present(readReviewId(row.id), 'id'),
    subject,
    requester: readPrincipal(row),
    address: row.address,
    reason: row.reason ?? undefined,
    demands: readJson(demandsShape, row.demands, 'demands'),
    digest: row.digest,
    askedAt: readTime(row.asked_at, 'asked_at'),
    until: readTime(row.until, 'until'),
    state: present(
      REVIEW_STATES.find(state => state === row.state),
      'state',
    ),
    stateAt: readTime(row.state_at, 'state_at'),
    why: row.why ?? undefined,
    answers: answers
      .filter(answer => answer.review === row.id)
      .sort((one, other) => one.place - other.place)
      .map(readAnswer),
  }
  return { review, version: row.version, changed: row.changed }
}

/** What the queries tell apart: a question about what was given already is counted apart from the others. */
export function kindOf(subject: ReviewSubject): 'operation' | 'grant' | 'afterwards' {
  if (subject.kind === 'operation') return 'operation'
  return subject.afterwards ? 'afterwards' : 'grant'
}

function readAnswer(row: ReviewAnswerRow): ReviewAnswer {
  return {
    by: readPrincipal(row),
    verdict: present(
      (['approve', 'deny'] as const).find(verdict => verdict === row.verdict),
      'verdict',
    ),
    comment: row.comment ?? undefined,
    at: readTime(row.at, 'at'),
    address: row.address,
  }
}

// A row that was edited by hand must not become a proof: everything is read as if it came from outside.

function named<Name>(read: (text: string) => Name | undefined) {
  return z.string().transform((text, context) => {
    const name = read(text)
    if (name !== undefined) return name
    context.addIssue('a name that is none')
    return z.NEVER
  })
}

const connection = named(readConnectionName)
const role = named(readRoleName)
const count = z.number().nonnegative()

// Each key is named, so that one that is added to the type does not compile before it is kept.
const grantShape = {
  kind: z.literal('grant'),
  connection,
  role,
  durationMs: count,
  afterwards: z.boolean(),
} satisfies Record<keyof Extract<ReviewSubject, { kind: 'grant' }>, z.ZodType>

const operationShape = {
  kind: z.literal('operation'),
  session: named(readSessionId),
  client: count,
  connection,
  role,
  database: z.string(),
  statement: z.string(),
  values: z.array(z.string().nullable()),
  behind: z.array(z.string()).exactOptional(),
  statementCount: count,
  verbs: z.array(z.string()),
  tables: z.array(z.string()),
  inTransaction: z.boolean(),
  rowEstimate: count.exactOptional(),
} satisfies Record<keyof HeldOperation, z.ZodType>

const subjectShape = z.discriminatedUnion('kind', [z.object(grantShape), z.object(operationShape)])

const termsShape = {
  name: z.string(),
  groups: z.array(z.string()),
  manager: z.boolean(),
  count: z.int().positive(),
  waitMs: count,
  waitInTransactionMs: count,
  validMs: count,
  reasonRequired: z.boolean(),
} satisfies Record<keyof ApprovalTerms, z.ZodType>

const demandsShape = z
  .array(
    z
      .object({
        rule: named(readRuleName),
        message: z.string().optional(),
        terms: z.object(termsShape),
      })
      .transform(({ rule, message, terms }) => ({ rule, message, terms })),
  )
  .min(1)

function readJson<Shape extends z.ZodType>(shape: Shape, text: string, column: string): z.output<Shape> {
  const read = shape.safeParse(parseJson(text, column))
  return present(read.success ? read.data : undefined, column)
}
