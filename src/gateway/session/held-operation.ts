import type { ObjectVersions } from '../../domain/object-versions.js'
import type { Operation } from '../../domain/operation.js'
import { operationDigest } from '../../domain/operation-digest.js'
import type { HeldOperation } from '../../domain/review.js'
import type { Session } from '../../domain/session.js'
import type { HeldVerdict } from './held-verdict.js'

/** The client connection that an operation comes from. */
export interface HeldPlace {
  readonly session: Session
  readonly client: number
  readonly database: string
  /** Settings that the client connected with. */
  readonly settings: Readonly<Record<string, string>>
}

/** An operation with what policy said of it. */
export interface HeldThing {
  readonly operation: Operation
  readonly verdict: HeldVerdict
}

/** INVARIANT 6: the digest of an operation, from its kept bytes and the definitions as they were just read. */
export function heldDigest(
  { session, database, settings }: HeldPlace,
  held: HeldThing,
  objects: ObjectVersions,
): string {
  const { principal, grant, connection, role } = session
  return operationDigest({
    text: held.operation.text,
    textsBehind: textsBehind(held),
    bound: held.operation.bound,
    principal,
    grant,
    connection,
    role,
    database,
    settings,
    objects: objects.digest,
  })
}

/** The operation as the people see it who are asked. */
export function heldSubject(
  { session, client, database }: HeldPlace,
  held: HeldThing,
  rowEstimate: number | undefined,
): HeldOperation {
  const { operation, verdict } = held
  const { facts, verbs, tables } = verdict
  const behind = textsBehind(held)
  return {
    kind: 'operation',
    session: session.id,
    client,
    connection: session.connection,
    role: session.role,
    database,
    statement: operation.text,
    values: operation.bound?.values ?? [],
    ...(behind.length === 0 ? {} : { behind }),
    statementCount: facts.understood ? facts.statements.length : 0,
    verbs,
    tables,
    inTransaction: operation.transaction === 'open',
    ...(rowEstimate === undefined ? {} : { rowEstimate }),
  }
}

function textsBehind({ operation: { names }, verdict: { facts } }: HeldThing): readonly string[] {
  if (!facts.understood) return []
  return facts.statements.flatMap(({ flow: { sessionName: use, positions = [] } }) => {
    const cursors = positions.flatMap(cursor => names.textsBehind?.('cursor', cursor) ?? [])
    if (use?.name === undefined || (use.kind !== 'execute' && use.kind !== 'fetch')) return cursors
    return names.textsBehind?.(use.kind === 'execute' ? 'prepared' : 'cursor', use.name) ?? []
  })
}
