import { CODE_QUERIES, FIRST_USER_OID } from './catalog-code.js'

/**
 * Built-in functions that run a text as SQL or read what no relation names. Dependencies on built-in functions are not
 * recorded, so they are looked for in the stored definition.
 */
const TELLING_FUNCTIONS =
  '(_to_xml|_to_xmlschema|_to_xml_and_xmlschema)$|^ts_(stat|rewrite)$|^pg_read_|^lo_get$|^loread$'

/** pg_statistic, pg_largeobject, pg_statistic_ext_data: system tables that hold values of user tables. */
const TELLING_TABLES = '(2619|2613|3429)'

/** No backslash anywhere: a role may have another kind of strings, and the whole text is read before its first SET. */
const USER_NAMESPACE = "n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_toast'"

/** Not those of the system: a hundred long trees to search, for relations that no snapshot holds. */
const VIEWS = `pg_catalog.pg_rewrite AS r
  JOIN pg_catalog.pg_class AS v ON v.oid = r.ev_class AND v.relkind IN ('v', 'm') AND r.ev_type = '1'
    AND v.oid >= ${FIRST_USER_OID}`

/** Relations that somebody is changing or waits to change: ACCESS EXCLUSIVE is what a definition's reader would wait for. */
const LOCKED = `(SELECT k.relation FROM pg_catalog.pg_locks AS k
    WHERE k.locktype = 'relation' AND k.mode = 'AccessExclusiveLock' AND k.relation IS NOT NULL) AS l`

/** The longest definition that is read, and all of them together. */
const DEFINITION_BYTES_MAX = 16 * 1024
const DEFINITIONS_BYTES_MAX = 2 * 1024 * 1024

/** The statements of one round trip, by what their rows are. Each has a limit of rows. Works from PostgreSQL 12 on. */
export const CATALOG_QUERIES = {
  relations: {
    rowsMax: 50_000,
    text: `SELECT c.oid, n.nspname, c.relname, c.relkind
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ${USER_NAMESPACE}`,
  },
  columns: {
    rowsMax: 200_000,
    text: `SELECT a.attrelid, a.attnum, a.attname, a.atttypid,
  CASE WHEN a.attgenerated <> '' THEN pg_catalog.array_to_string(ARRAY(
    SELECT DISTINCT d.refobjsubid FROM pg_catalog.pg_depend AS d
      LEFT JOIN pg_catalog.pg_attrdef AS f
        ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND f.oid = d.objid
    WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = a.attrelid
      AND d.refobjsubid > 0 AND d.refobjsubid <> a.attnum AND (f.adrelid = a.attrelid AND f.adnum = a.attnum
        OR d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = a.attrelid AND d.objsubid = a.attnum)
  ), ' ') END
FROM pg_catalog.pg_attribute AS a
  JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND a.attnum > 0 AND NOT a.attisdropped AND ${USER_NAMESPACE}
ORDER BY a.attrelid, a.attnum`,
  },
  // A whole-row variable records no dependency of its own, so `SELECT id, c FROM customers c` would seem to read
  // `id` alone: with one anywhere in a definition, every relation it reads is read whole (column 0).
  reads: {
    rowsMax: 500_000,
    text: `SELECT r.ev_class, d.refobjid,
  CASE WHEN r.ev_action::pg_catalog.text ~ ':varattno 0[^0-9]' THEN 0 ELSE d.refobjsubid END
FROM ${VIEWS}
  JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> r.ev_class
UNION
SELECT r.ev_class, m.found[1]::pg_catalog.oid, 0
FROM ${VIEWS},
  pg_catalog.regexp_matches(r.ev_action::pg_catalog.text, ':relid ${TELLING_TABLES} ', 'g') AS m(found)`,
  },
  parents: {
    rowsMax: 200_000,
    text: 'SELECT i.inhrelid, i.inhparent FROM pg_catalog.pg_inherits AS i',
  },
  callers: {
    rowsMax: 50_000,
    text: `SELECT DISTINCT r.ev_class
FROM ${VIEWS}
  JOIN pg_catalog.pg_depend AS d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
WHERE d.refobjid >= ${FIRST_USER_OID} AND d.refclassid IN
  ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)
UNION
SELECT r.ev_class
FROM ${VIEWS},
  pg_catalog.regexp_matches(r.ev_action::pg_catalog.text, ':funcid ([0-9]+) ', 'g') AS m(found)
  JOIN pg_catalog.pg_proc AS p ON p.oid = m.found[1]::pg_catalog.oid
WHERE p.proname ~ '${TELLING_FUNCTIONS}'`,
  },
  // Exclusion constraints are indexes too. Columns in expressions and conditions of an index are its dependencies; a
  // whole row is none, and is found in the stored tree. 0 stands for any column.
  constraints: {
    rowsMax: 200_000,
    text: `SELECT o.conrelid, o.contype, pg_catalog.array_to_string(o.conkey, ' '), o.confrelid,
  pg_catalog.array_to_string(o.confkey, ' ')
FROM pg_catalog.pg_constraint AS o
WHERE o.contype IN ('c', 'f') AND o.conrelid >= ${FIRST_USER_OID}
UNION ALL
SELECT i.indrelid, 'u', pg_catalog.array_to_string(ARRAY(
    SELECT k.number FROM pg_catalog.unnest(i.indkey) AS k(number) WHERE k.number <> 0
    UNION
    SELECT d.refobjsubid FROM pg_catalog.pg_depend AS d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid
      AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = i.indrelid AND d.refobjsubid > 0
    UNION
    SELECT 0 WHERE i.indexprs::pg_catalog.text ~ ':varattno 0[^0-9]' OR i.indpred::pg_catalog.text ~ ':varattno 0[^0-9]'
  ), ' '), 0, NULL
FROM pg_catalog.pg_index AS i
WHERE (i.indisunique OR i.indisexclusion) AND i.indrelid >= ${FIRST_USER_OID}`,
  },
  functions: {
    rowsMax: 100_000,
    text: `SELECT DISTINCT p.proname
FROM pg_catalog.pg_proc AS p JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
WHERE p.oid >= ${FIRST_USER_OID} OR ${USER_NAMESPACE}`,
  },
  ...CODE_QUERIES,
  // Spelling a definition waits for whoever locks the view or what it reads, and that can be the very transaction that
  // waits for the snapshot: those are left out, and the time limit is for the moment between.
  definitions: {
    rowsMax: 2_000,
    text: `SELECT v.oid, v.definition
FROM (SELECT s.oid, s.definition,
    pg_catalog.sum(pg_catalog.octet_length(s.definition)) OVER (ORDER BY s.oid) AS total
  FROM (SELECT c.oid, pg_catalog.pg_get_viewdef(c.oid) AS definition
    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND ${USER_NAMESPACE} AND c.oid NOT IN (
      SELECT l.relation FROM ${LOCKED}
      UNION ALL
      SELECT r.ev_class FROM ${LOCKED}
        JOIN pg_catalog.pg_depend AS d
          ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = l.relation
            AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
        JOIN pg_catalog.pg_rewrite AS r ON r.oid = d.objid)
    ORDER BY c.oid
    LIMIT 2000) AS s
  WHERE pg_catalog.octet_length(s.definition) <= ${DEFINITION_BYTES_MAX}) AS v
WHERE v.total <= ${DEFINITIONS_BYTES_MAX}`,
  },
} as const

/** The name of a query. */
export type CatalogQuery = keyof typeof CATALOG_QUERIES

/** Where this query fails there are no definitions; the rest of the snapshot is whole. */
export const CATALOG_OPTIONAL: CatalogQuery = 'definitions'

/**
 * What comes before the queries in the same text: one snapshot for all, names that mean what they say whatever the
 * database or the role has set (invariant 9), and texts in UTF-8.
 */
export const CATALOG_PREAMBLE = [
  'START TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY',
  'SET LOCAL search_path = pg_catalog, pg_temp',
  "SET LOCAL client_encoding = 'UTF8'",
] as const

/** A statement of the round trip; `answers` names the query whose rows come back, where rows do. */
export interface CatalogStatement {
  readonly text: string
  readonly answers: CatalogQuery | undefined
}

/** The statements in the order in which they are asked and answered. */
export const CATALOG_STATEMENTS: readonly CatalogStatement[] = [
  ...CATALOG_PREAMBLE.map(silent),
  ...(['relations', 'columns', 'reads', 'parents', 'callers', 'constraints', 'functions'] as const).map(
    asking,
  ),
  ...(['operators', 'casts', 'plainTypes'] as const).map(asking),
  silent("SET LOCAL lock_timeout = '500ms'"),
  asking(CATALOG_OPTIONAL),
  silent('COMMIT'),
]

function silent(text: string): CatalogStatement {
  return { text, answers: undefined }
}

/** One row more than there may be, so that too many can be told from all. */
function asking(name: CatalogQuery): CatalogStatement {
  const { text, rowsMax } = CATALOG_QUERIES[name]
  return { text: `${text}\nLIMIT ${rowsMax + 1}`, answers: name }
}
