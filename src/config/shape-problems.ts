import { z } from 'zod'
import { nearestName } from '../lib/nearest-name.js'
import type { ConfigProblem } from './problem.js'
import type { ConfigPath, YamlSource } from './yaml-source.js'

/** Problems shown of one file: the rest of a file that is no configuration at all helps nobody. */
const PROBLEMS_MAX = 50

export type ReadShape<Shape> =
  | { readonly ok: true; readonly shape: Shape }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] }

/** Reads a file's value by a schema; every deviation is a problem with its place and what was expected there. */
export function readShape<Schema extends z.ZodType>(
  schema: Schema,
  source: YamlSource,
): ReadShape<z.output<Schema>> {
  const parsed = schema.safeParse(source.value)
  if (parsed.success) return { ok: true, shape: parsed.data }
  const problems = parsed.error.issues.flatMap(issue => describe(issue, schema, source))
  return { ok: false, problems: problems.slice(0, PROBLEMS_MAX) }
}

/** A path as people write it: `connections[0].roles[1].user`. */
export function spellPath(path: ConfigPath): string {
  return path
    .map((step, index) =>
      typeof step === 'number' ? `[${step}]` : `${index === 0 ? '' : '.'}${String(step)}`,
    )
    .join('')
}

function describe(issue: z.core.$ZodIssue, schema: z.ZodType, source: YamlSource): readonly ConfigProblem[] {
  const { path } = issue
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key =>
      source.problemAtKey(path, key, describeUnknownKey(key, knownKeys(schema, path))),
    )
  }
  if (path.length === 0) return [source.problemAt(path, `the file is no configuration: ${issue.message}`)]
  const what = source.has(path) ? '' : 'is missing: '
  return [
    source.problemAt(path, `"${spellPath(path)}" ${what === '' ? 'cannot be read: ' : what}${issue.message}`),
  ]
}

function describeUnknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known)
  const expected = nearest === undefined ? `expected one of ${known.join(', ')}` : `did you mean "${nearest}"`
  // A key may be a secret at the wrong place when it is long; names of ours are short.
  const shown = key.length > 40 ? 'a key' : `"${key}"`
  return `${shown} is not known here: ${expected}`
}

/** The keys of the map at a path, by the schema that editors get. */
function knownKeys(schema: z.ZodType, path: ConfigPath): readonly string[] {
  let node: z.core.JSONSchema._JSONSchema | undefined = z.toJSONSchema(schema, { io: 'input' })
  for (const step of path) {
    if (typeof node !== 'object') return []
    const next: unknown = typeof step === 'number' ? node.items : node.properties?.[String(step)]
    node = isSchema(next) ? next : undefined
  }
  return typeof node === 'object' ? Object.keys(node.properties ?? {}) : []
}

function isSchema(value: unknown): value is z.core.JSONSchema.BaseSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
