import type { RelationName } from '../../domain/facts.js'
import type { RowEstimate, TargetReader } from '../protocol.js'
import { nameArray, OwnQuery } from './own-query.js'
import { OwnQueryReader } from './own-query-reader.js'

const WHAT = 'the sizes of tables cannot be read'
/** Tables of one question. */
const TABLES_MAX = 1_000

/**
 * The target's own estimate of the rows in each table (PostgreSQL manual, "pg_class", `reltuples`; -1 is "not known"). A
 * name without a schema may be any of several tables: the largest counts. A view or a name of nothing is not known.
 */
const ROW_ESTIMATE_QUERY = `SELECT pg_catalog.bool_and(sizes.least >= 0)::pg_catalog.text,
    pg_catalog.sum(sizes.most)::pg_catalog.text
  FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.name[]), pg_catalog.unnest($2::pg_catalog.name[]))
      AS asked(schema, name)
    CROSS JOIN LATERAL (
      SELECT CASE WHEN pg_catalog.count(*) > 0 THEN pg_catalog.min(one.rows) ELSE -1 END AS least,
          pg_catalog.max(one.rows) AS most
        FROM (
          SELECT CASE WHEN c.relkind IN ('r', 'p', 'm') THEN c.reltuples ELSE -1 END AS rows
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE c.relname = asked.name AND c.relkind IN ('r', 'p', 'm', 'f', 'v')
              AND (asked.schema IS NULL OR n.nspname = asked.schema)
        ) AS one
    ) AS sizes`

/**
 * Asks about how many rows the tables hold, all together. INVARIANT 9: names are values of parameters; nothing of a
 * statement is planned or run for it, because planning runs functions.
 */
export function estimateRows(tables: readonly RelationName[]): TargetReader<RowEstimate> {
  if (tables.length > TABLES_MAX)
    return { begin: () => [{ kind: 'failed', message: `${WHAT}: there are too many` }], fromTarget: () => [] }
  const parameters = [
    nameArray(tables.map(({ schema }) => schema ?? null)),
    nameArray(tables.map(({ name }) => name)),
  ]
  return new OwnQueryReader(new OwnQuery({ text: ROW_ESTIMATE_QUERY, parameters }), {
    what: WHAT,
    rowsMax: 1,
    read: readEstimate,
  })
}

function readEstimate(rows: readonly (readonly (string | null)[])[]): RowEstimate | undefined {
  const [isKnown, sum] = rows[0] ?? []
  if (isKnown !== 'true' || typeof sum !== 'string')
    return isKnown === undefined ? undefined : { rows: undefined }
  const count = Number(sum)
  return Number.isFinite(count) && count >= 0 ? { rows: Math.round(count) } : undefined
}
