import { z } from 'zod'
import type { ConfigProblem } from '../../config/problem.js'
import { connectionName, plainText, roleName, ruleName } from '../../config/scalars.js'
import { readShape } from '../../config/shape-problems.js'
import { readYaml } from '../../config/yaml-source.js'

/** Cases in one file. */
const CASES_MAX = 10_000
/** A statement in a case, in UTF-16 units. */
const STATEMENT_LENGTH_MAX = 1024 * 1024

const mapError = {
  error: (issue: { readonly code?: string }) =>
    issue.code === 'invalid_type' ? 'expected keys with values' : undefined,
}

const policyCase = z.strictObject(
  {
    as: z.strictObject(
      {
        groups: z.array(plainText, { error: 'expected a list' }),
        name: plainText.optional(),
        subject: plainText.optional(),
      },
      mapError,
    ),
    connection: connectionName,
    role: roleName.optional(),
    database: plainText.optional(),
    at: z.iso
      .datetime({ error: 'expected a time in UTC such as 2026-03-10T12:30:00Z' })
      .transform(text => new Date(text))
      .optional(),
    statement: z
      .string({ error: 'expected a text' })
      .max(STATEMENT_LENGTH_MAX, { error: `expected at most ${STATEMENT_LENGTH_MAX} characters` }),
    expect: z.enum(['allow', 'review', 'deny'], { error: 'expected allow, review or deny' }),
    break_glass: z.boolean({ error: 'expected true or false' }).optional(),
    rule: ruleName.optional(),
  },
  mapError,
)

const policyCases = z
  .array(policyCase, { error: 'expected a list of cases' })
  .max(CASES_MAX, { error: `expected at most ${CASES_MAX} cases` })

/** Who sends a statement where, and what policy is expected to say. */
export type PolicyCase = z.output<typeof policyCase> & {
  /** Where it begins in its file, from 1. */
  readonly line: number
}

export type ReadCases =
  | { readonly ok: true; readonly cases: readonly PolicyCase[] }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Reads a file of cases. Never throws: a text is a list of cases as a whole, or a list of what is wrong with it. */
export function readCases(text: string, file: string): ReadCases {
  const yaml = readYaml(text, file)
  if (!yaml.ok) return yaml
  const { source } = yaml
  const read = readShape(policyCases, source)
  if (!read.ok) return read
  // The place of a problem that is none is the place of the case.
  const lineOf = (index: number): number => source.problemAt([index], '').line
  return { ok: true, cases: read.shape.map((one, index) => ({ ...one, line: lineOf(index) })) }
}
