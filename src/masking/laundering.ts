import type { CommandFacts, CopyUse } from '../domain/facts.js'
import { type RuleName, readRuleName } from '../domain/names.js'
import type { Flow } from './flow.js'
import { type Protection, resolveRelation } from './touched.js'

/** A statement that masking cannot allow, with the reason for the person who sent it. */
export interface Refusal {
  readonly kind: 'refused'
  readonly rule: RuleName
  /** Half a sentence, no full stop. */
  readonly message: string
  readonly hint: string | undefined
}

/** The name under which masking refuses; it is not configured and cannot be turned off apart from the rules. */
export const MASKED_DATA_STAYS = readOwnName('masked-data-stays')

const ASK_EXEMPT = 'ask someone whom the masking rule spares to run it'
const LEAVE_OUT = 'leave the masked columns out, by naming the others'
const USE_SELECT = 'use SELECT, or COPY of a table, whose columns can be masked one by one'

/** Verbs that write or define, but keep nothing that an expression computed. */
const STORES_NOTHING: ReadonlySet<string> = new Set([
  ...['SELECT', 'DELETE', 'TRUNCATE', 'DROP', 'LOCK', 'GRANT', 'REVOKE', 'VACUUM', 'ANALYZE', 'COMMENT'],
  ...['EXPLAIN', 'CALL', 'COPY', 'REFRESH', 'REINDEX', 'CLUSTER', 'EXECUTE', 'PREPARE', 'DECLARE', 'FETCH'],
])

/** What ALTER may be about. Renaming code or a schema could make a protected name mean something else. */
const ALTERABLE: ReadonlySet<string> = new Set([
  ...['', 'TABLE', 'COLUMN', 'CONSTRAINT', 'INDEX', 'VIEW', 'MATERIALIZED VIEW', 'SEQUENCE', 'STATISTICS'],
  ...['ROLE', 'DATABASE', 'TABLESPACE', 'DEFAULT PRIVILEGES', 'SYSTEM', 'PUBLICATION'],
])

/** What the refusal of a statement depends on beside its flow. */
export interface LaunderingContext {
  readonly flow: Flow
  readonly protection: Protection
  readonly commands: readonly CommandFacts[]
  /** The snapshot has at least one protected column. */
  readonly protects: boolean
  /** At least one detector looks at values. */
  readonly detects: boolean
  /** Each output of the statement was followed to its columns, so that they can be masked one by one. */
  readonly traced: boolean
  /** All that it stores was followed, and nothing of it comes from a masked column. */
  readonly storesClear: boolean
}

/**
 * Refuses what would take protected values to a place where they can be read again and are not masked there
 * (INVARIANT 4). Undefined when the statement keeps nothing.
 */
export function refuseLaundering(context: LaunderingContext): Refusal | undefined {
  const { flow, commands, protects } = context
  if (flow.facts.copy !== undefined) {
    const refusal = refuseCopy(flow.facts.copy, context)
    if (refusal !== undefined) return refusal
  }
  if (!protects) return undefined
  return (
    refuseCode(commands, flow) ??
    refuseReplacing(context) ??
    (context.storesClear ? undefined : refuseStoring(commands, flow)) ??
    refuseCalls(flow)
  )
}

function refuseCode(commands: readonly CommandFacts[], flow: Flow): Refusal | undefined {
  for (const { verb, object, opaque, serverAccess, defines } of commands) {
    if (opaque) return refuse('it carries code that could read masked columns', ASK_EXEMPT)
    if (serverAccess && defines) return refuse('it brings in data that masking does not know', ASK_EXEMPT)
    if (verb !== 'ALTER' && verb !== 'IMPORT') continue
    if (!ALTERABLE.has(object)) {
      return refuse('it changes definitions that masking depends on', ASK_EXEMPT)
    }
    if (flow.touched.relations.length > 0) {
      return refuse('it changes the definition of a table with masked columns', ASK_EXEMPT)
    }
  }
  return flow.calls.runsSql
    ? refuse('it calls a function that runs a text as SQL, which nobody can read', 'write the query itself')
    : undefined
}

/** A materialized view keeps what the views that it reads gave once: their definitions must go on telling what that was. */
function refuseReplacing({ flow, commands, protection }: LaunderingContext): Refusal | undefined {
  if (!commands.some(({ verb, object }) => verb === 'CREATE' && object === 'VIEW')) return undefined
  const replaces = flow.facts.relations.some(use => {
    if (use.access !== 'write') return false
    const resolved = resolveRelation(use, protection.catalog)
    return (
      resolved.kind === 'candidates' &&
      resolved.relations.some(({ oid }) => protection.columns.byOid.has(oid))
    )
  })
  return replaces
    ? refuse('it could replace the definition of a view with masked columns', ASK_EXEMPT)
    : undefined
}

function refuseStoring(commands: readonly CommandFacts[], flow: Flow): Refusal | undefined {
  const stores =
    flow.facts.storesData ||
    commands.some(({ verb, writes, defines }) => (writes || defines) && !STORES_NOTHING.has(verb))
  if (!stores) return undefined
  if (flow.carries) return refuse('masked values would be stored where they can be read again', LEAVE_OUT)
  if (flow.touched.unknownRead) {
    return refuse('it stores rows of a relation that is not known yet', 'commit the definition first')
  }
  if (!flow.foreign) return undefined
  return refuse('it stores the result of a function that could return masked values', ASK_EXEMPT)
}

function refuseCalls({ calls, reaches, foreign, mentions, touched }: Flow): Refusal | undefined {
  const keeps = 'a function in it keeps or signals what it is given, which could be masked values'
  if (calls.keeping && (reaches || foreign)) return refuse(keeps, LEAVE_OUT)
  const otherSource = calls.userDefined || touched.unknownRead
  if (calls.mayKeep && (reaches || otherSource)) return refuse(keeps, LEAVE_OUT)
  return calls.countsRows && mentions
    ? refuse('the number of its rows would tell masked values', LEAVE_OUT)
    : undefined
}

function refuseCopy(
  copy: CopyUse,
  { flow, protects, detects, traced }: LaunderingContext,
): Refusal | undefined {
  if (copy.direction === 'in') {
    return copy.through !== 'client' && protects
      ? refuse('it reads what the server can reach, which could be masked values', ASK_EXEMPT)
      : undefined
  }
  const touches = flow.touched.rule !== undefined || flow.foreign
  if (copy.through !== 'client') {
    return touches || flow.touched.unknownRead
      ? refuse('masked values would be written where the gateway cannot mask them', ASK_EXEMPT)
      : undefined
  }
  if (copy.format === 'binary' && (detects || touches)) {
    return refuse('rows of COPY in binary format cannot be masked', 'use the format csv or text')
  }
  if (copy.relation === undefined && (flow.carries || flow.foreign) && !traced) {
    return refuse('its rows could hold masked values, and COPY does not say where they come from', USE_SELECT)
  }
  return undefined
}

function refuse(message: string, hint: string): Refusal {
  return { kind: 'refused', rule: MASKED_DATA_STAYS, message, hint }
}

/** Reads the name of a rule that masking refuses by itself. Throws: it is a constant. */
export function readOwnName(name: string): RuleName {
  const read = readRuleName(name)
  if (read === undefined) throw new Error(`the name of a rule of our own is wrong: ${name}`)
  return read
}
