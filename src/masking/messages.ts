import type { CommandFacts } from '../domain/facts.js'
import type { Flow } from './flow.js'
import type { Protection } from './touched.js'

/** Statements that read, or only speak of names: their errors quote what an expression met, and nothing else of a row. */
const READING: ReadonlySet<string> = new Set([
  ...['SELECT', 'EXPLAIN', 'DECLARE', 'FETCH', 'MOVE', 'CLOSE', 'PREPARE', 'EXECUTE', 'DEALLOCATE', 'COPY'],
])

/** Ends of transactions, at which deferred constraints are checked; their errors quote keys. */
const DEFERRED: ReadonlySet<string> = new Set(['COMMIT', 'PREPARE TRANSACTION', 'SET CONSTRAINTS'])

/**
 * True when a message of the server about these statements can quote a protected value (INVARIANT 4): "invalid input
 * syntax for type integer: …" quotes what a condition compared, "Key (ssn)=(…) already exists" and "Failing row contains
 * (…)" quote rows that are written.
 */
export function messagesTell(
  flow: Flow,
  commands: readonly CommandFacts[],
  { columns }: Protection,
): boolean {
  if (columns.anyRule === undefined) return false
  if (flow.reaches || flow.foreign) return true
  const verbs = commands.map(command => command.verb)
  if (
    columns.byOid.size > 0 &&
    commands.some(({ verb, object }) => DEFERRED.has(object === '' ? verb : `${verb} ${object}`))
  )
    return true
  const written = flow.touched.unknownWritten || flow.touched.rule !== undefined
  return written && (verbs.some(verb => !READING.has(verb)) || flow.facts.copy !== undefined)
}
