import type { RelationName, StatementFacts } from '../../domain/facts.js'
import { catalogKey } from './catalogs.js'
import { openOwnTarget } from './open-own-target.js'
import type { VersionReading } from './read-object-versions.js'

/** How long an estimate may take: people are asked without it then. */
const ANSWER_MS = 6_000

/**
 * About how many rows the tables hold that statements write, by the target's statistics, over the gateway's own connection:
 * as many as the statements can touch at the most. Undefined where nothing is written or the target does not know. Fails
 * as `readObjectVersions` does.
 */
export async function estimateRows(
  { admission, target, connections }: VersionReading,
  statements: readonly StatementFacts[],
): Promise<number | undefined> {
  const tables = writtenTables(statements)
  if (tables.length === 0) return undefined
  const { rows } = await connections.ask(catalogKey(admission, target.database), {
    reader: () => target.protocol.estimateRows(tables),
    open: () => openOwnTarget(admission, target),
    purpose: 'estimate how many rows it can touch',
    answerMs: ANSWER_MS,
  })
  return rows
}

function writtenTables(statements: readonly StatementFacts[]): readonly RelationName[] {
  const found = new Map<string, RelationName>()
  for (const { flow } of statements)
    for (const { schema, name, access } of flow.relations)
      if (access === 'write') found.set(JSON.stringify([schema, name]), { schema, name })
  return [...found.values()]
}
