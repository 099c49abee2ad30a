import type { CommandFacts, RelationName, StatementFacts, UseKind } from '../domain/facts.js'
import type { RuleName } from '../domain/names.js'
import { type Flow, takesRowByName } from './flow.js'
import { type Refusal, readOwnName } from './laundering.js'
import { findProtectedUse } from './strict-uses.js'
import { findProbing } from './strict-writes.js'
import { isToastName } from './system-relations.js'
import { type Protection, resolveRelation } from './touched.js'
import { isTraceable } from './traceable-functions.js'

/** The name under which the strict mode refuses where no single column is the cause. */
export const STRICT_MASKING = readOwnName('strict-masking')

const SHOW_ONLY = 'show the column as it is, or ask someone whom the masking rule spares'
const LEAVE_OUT = 'leave it out, or ask someone whom the masking rule spares'
const NAME_COLUMNS = 'name the columns, without the masked ones'

/** Relations of the system that tell how values are distributed. */
const STATISTICS: ReadonlySet<string> = new Set([
  'pg_statistic',
  'pg_stats',
  'pg_statistic_ext_data',
  'pg_stats_ext',
  'pg_stats_ext_exprs',
])

/** What may be done to the definition of a table with masked columns, and tells nothing about them. */
const TELLING_NOTHING: ReadonlySet<string> = new Set([
  ...['SELECT', 'DROP', 'TRUNCATE', 'COMMENT', 'GRANT', 'REVOKE', 'REFRESH', 'VACUUM', 'ANALYZE', 'REINDEX'],
  ...['INSERT', 'UPDATE', 'DELETE', 'MERGE'],
])

/** What can be made of a query over such a table. A foreign key to it counts as a use of its columns. */
const HOLDING_QUERIES: ReadonlySet<string> = new Set(['TABLE', 'VIEW', 'MATERIALIZED VIEW'])

const KINDS: Readonly<Record<UseKind, string>> = {
  condition: 'decides in a condition',
  key: 'orders, groups or compares rows',
  expression: 'is computed with',
}

/** What the strict mode looks at. */
export interface StrictContext {
  readonly flow: Flow
  /** Statements that run as one; the first ones are those of the text itself. */
  readonly group: readonly StatementFacts[]
  readonly own: readonly StatementFacts[]
  /** It runs a name of the session, and nobody said what stands behind it. */
  readonly unresolved: boolean
  readonly protection: Protection
}

/**
 * Refuses what would tell something about masked columns without showing them (docs/decisions/0006): they may be shown,
 * through aliases, subqueries, common table expressions, UNION ALL and views, and nothing else. What cannot be followed is
 * refused as well. Undefined when the statement keeps to that.
 */
export function refuseStrict(context: StrictContext): Refusal | undefined {
  const { flow, protection } = context
  if (protection.columns.byOid.size === 0) return undefined
  return (
    refuseUnfollowed(context) ??
    refuseUse(flow, protection) ??
    refuseShapes(flow, protection) ??
    refusePlans(context) ??
    refuseDefinitions(context) ??
    refuseProbing(flow, protection)
  )
}

function refuseUnfollowed({ flow, unresolved, protection }: StrictContext): Refusal | undefined {
  const { facts, calls, touched, ownCode } = flow
  if (unresolved)
    return refuse('it runs a statement by a name that is not known', 'send the statement itself')
  const isOwn = (name: string): boolean => protection.catalog.userFunctions.has(name)
  const called = calls.untraceable
    ? facts.functions.find(
        ({ schema, name }) =>
          !isTraceable(name) || isOwn(name) || (schema !== undefined && schema !== 'pg_catalog'),
      )
    : undefined
  if (called !== undefined)
    return refuse(`it calls "${called.name}", which could read masked columns`, LEAVE_OUT)
  if (ownCode.runs) return refuse(`${ownCode.what} could read masked columns`, LEAVE_OUT)
  if (touched.unknownRead) {
    const unknown = readsOf(flow).find(one => resolveRelation(one, protection.catalog).kind === 'unknown')
    return refuse(
      `it reads "${unknown?.name ?? ''}", which is temporary or not known yet`,
      'commit the definition first; temporary tables cannot be read in this mode',
    )
  }
  const statistics = readsOf(flow).find(({ name }) => STATISTICS.has(name) || isToastName(name))
  return statistics === undefined
    ? undefined
    : refuse(`"${statistics.name}" tells how masked values are distributed`, LEAVE_OUT)
}

function refuseUse(flow: Flow, protection: Protection): Refusal | undefined {
  const used = findProtectedUse(flow, protection)
  if (used === undefined) return undefined
  const { column, rule, kind } = used
  return refuse(
    column === '*'
      ? `a "*" takes masked columns where a value ${KINDS[kind]}`
      : `column "${column}" is masked, may only be shown, and ${KINDS[kind]}`,
    column === '*' ? NAME_COLUMNS : SHOW_ONLY,
    rule,
  )
}

/** Values without a name of their own: whole rows, and columns that nobody can tell from others. */
function refuseShapes(flow: Flow, protection: Protection): Refusal | undefined {
  const { facts, touched } = flow
  if (touched.rule === undefined) return undefined
  const rule = touched.rule.name
  if (facts.wholeRow) return refuse('it uses a whole row with masked columns as a value', NAME_COLUMNS, rule)
  const call = facts.columns.find(({ name }) => takesRowByName(name, touched, protection))
  if (call !== undefined)
    return refuse(`"${call.name}" can be a function of a row with masked columns`, NAME_COLUMNS, rule)
  return facts.uses.mixesNames
    ? refuse('its set operation gives masked columns names that nobody can tell', NAME_COLUMNS, rule)
    : undefined
}

/** A plan tells how wide columns are on average, and with ANALYZE how much was sorted, sent and kept. */
function refusePlans({ flow, own }: StrictContext): Refusal | undefined {
  const { facts, touched } = flow
  const plans = own.filter(({ commands }) => commands[0]?.verb === 'EXPLAIN')
  if (plans.length === 0 || touched.rule === undefined) return undefined
  if (plans.some(({ commands }) => commands.length > 1))
    return refuse(
      'EXPLAIN ANALYZE runs on a table with masked columns',
      'leave ANALYZE out',
      touched.rule.name,
    )
  const shows = facts.uses.showsStar || facts.columns.some(({ name }) => touched.names.has(name))
  return shows
    ? refuse('its plan tells how wide masked columns are', NAME_COLUMNS, touched.rule.name)
    : undefined
}

/** What is written must not be compared with what is masked: whether it is there already is an answer. */
function refuseProbing(flow: Flow, protection: Protection): Refusal | undefined {
  const probed = findProbing(flow, protection)
  if (probed === undefined) return undefined
  const { column, rule, constraint } = probed
  return refuse(
    `column "${column}" is masked, and a ${constraint === 'foreign' ? 'foreign key' : `${constraint} constraint`} compares it with what is written`,
    'leave out the columns of the constraint, or ask someone whom the masking rule spares',
    rule.name,
  )
}

/** Building an index or a constraint compares values, and clustering puts rows in their order. */
function refuseDefinitions({ flow, group }: StrictContext): Refusal | undefined {
  const { touched } = flow
  const [relation] = touched.relations
  if (relation === undefined) return undefined
  const tells = ({ verb, object, defines }: CommandFacts): boolean =>
    verb === 'CLUSTER' ||
    (defines && !TELLING_NOTHING.has(verb) && !(verb === 'CREATE' && HOLDING_QUERIES.has(object)))
  return group.some(({ commands }) => commands.some(tells))
    ? refuse(
        `it builds on the definition of "${relation.schema}.${relation.name}", which has masked columns`,
        LEAVE_OUT,
        touched.rule?.name,
      )
    : undefined
}

function readsOf({ facts }: Flow): readonly RelationName[] {
  const reads = facts.relations.filter(use => use.access === 'read')
  const copied = facts.copy?.direction === 'out' ? facts.copy.relation : undefined
  return copied === undefined ? reads : [...reads, copied]
}

function refuse(message: string, hint: string, rule: RuleName = STRICT_MASKING): Refusal {
  return { kind: 'refused', rule, message: `in strict mode ${message}`, hint }
}
