import type { DatabaseCode } from '../../domain/catalog.js'

/** `FirstNormalObjectId`: what initdb made is below. */
export const FIRST_USER_OID = 16384

const own = (oid: string): string => `${oid} >= ${FIRST_USER_OID}`

/**
 * What a database's own operators and casts can run. Pseudo-types such as `anyelement` are below the first own OID: an
 * operator over one of them can be chosen for any value (PostgreSQL manual, sections 10.2 and 10.4).
 */
export const CODE_QUERIES = {
  operators: {
    rowsMax: 100_000,
    text: `SELECT DISTINCT o.oprname, ${own('o.oprleft')} OR ${own('o.oprright')}
FROM pg_catalog.pg_operator AS o WHERE ${own('o.oid')}`,
  },
  // Whether the source and the target are the database's own, whether it converts unasked and by a function, and to what.
  casts: {
    rowsMax: 100_000,
    text: `SELECT DISTINCT ${own('c.castsource')}, ${own('c.casttarget')}, c.castcontext = 'i', c.castfunc <> 0, t.typname
FROM pg_catalog.pg_cast AS c JOIN pg_catalog.pg_type AS t ON t.oid = c.casttarget WHERE ${own('c.oid')}`,
  },
  // An operand or an end of a cast is not plain, whatever it is. Neither is a type whose name PostgreSQL has as well.
  plainTypes: {
    rowsMax: 100_000,
    text: `SELECT t.oid, t.typarray, n.nspname, t.typname,
  NOT EXISTS (SELECT 1 FROM pg_catalog.pg_type AS o WHERE o.typname = t.typname AND o.oid <> t.oid)
FROM pg_catalog.pg_type AS t JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
WHERE ${own('t.oid')} AND (t.typtype = 'e' OR (t.typtype = 'd' AND t.typbasetype < ${FIRST_USER_OID} AND NOT EXISTS (
    SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.contypid = t.oid AND k.contype = 'c')))
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_cast AS c WHERE t.oid IN (c.castsource, c.casttarget))
  AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_operator AS p WHERE t.oid IN (p.oprleft, p.oprright))`,
  },
} as const

type Rows = readonly (readonly (string | null)[])[]

/** Reads what the queries answer. */
export function readCode(rows: Readonly<Record<keyof typeof CODE_QUERIES, Rows>>): DatabaseCode {
  const operators = new Set<string>()
  const ownTypeOperators = new Set<string>()
  for (const [name, takesOwn] of rows.operators)
    (isTrue(takesOwn) ? ownTypeOperators : operators).add(name ?? '')
  const castTargets = new Set<string>()
  const casts = { builtIn: false, toOwn: false, fromOwn: false }
  for (const [fromOwn, toOwn, isImplicit, isCode, target] of rows.casts) {
    if (isTrue(fromOwn)) casts.fromOwn ||= isTrue(isCode)
    else if (isTrue(toOwn)) casts.toOwn ||= isTrue(isImplicit)
    else if (isTrue(isCode)) {
      castTargets.add(target ?? '')
      casts.builtIn ||= isTrue(isImplicit)
    }
  }
  const plainTypes = new Set<string>()
  const plainTypeOids = new Set<number>()
  for (const [oid, arrayOid, schema, name, isOnly] of rows.plainTypes) {
    plainTypeOids.add(Number(oid)).add(Number(arrayOid))
    plainTypes.add(`${schema}.${name}`)
    if (isTrue(isOnly)) plainTypes.add(name ?? '')
  }
  return { operators, ownTypeOperators, castTargets, casts, plainTypes, plainTypeOids }
}

function isTrue(cell: string | null | undefined): boolean {
  return cell === 't'
}
