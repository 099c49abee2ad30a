import { FIRST_USER_OID } from './catalog-code.js'
import { DEFINITION_FINGERPRINT } from './definition-fingerprint.js'

/** Objects that one question may reach, each once for every name that leads to it. */
export const VERSIONED_OBJECTS_MAX = 200_000

const regclass = (table: string): string => `'pg_catalog.${table}'::pg_catalog.regclass`
const classOf = (table: string): string => `${regclass(table)}::pg_catalog.oid`

/** A schema as asked for: none is every one, and `pg_temp` is that of any session. */
const inSchema = `(asked.schema IS NULL OR n.nspname = asked.schema
    OR (asked.schema = 'pg_temp' AND n.nspname ~ '^pg_temp_'))`

const pairs = (schemas: string, names: string): string =>
  `ROWS FROM (pg_catalog.unnest(${schemas}::pg_catalog.name[]), pg_catalog.unnest(${names}::pg_catalog.name[]))
    AS asked(schema, name)`

/** Everything that the names of the question can mean: `kind`, `name`, and the object as `pg_depend` knows it. */
const NAMED = `SELECT CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
      WHEN 'f' THEN 'foreign table' WHEN 'S' THEN 'sequence' ELSE 'table' END,
    n.nspname || '.' || c.relname, ${classOf('pg_class')}, c.oid
  FROM ${pairs('$1', '$2')}
    JOIN pg_catalog.pg_class AS c ON c.relname = asked.name AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace AND ${inSchema}
  UNION
  SELECT 'function', n.nspname || '.' || p.proname, ${regclass('pg_proc')}, p.oid
  FROM ${pairs('$3', '$4')}
    JOIN pg_catalog.pg_proc AS p ON p.proname = asked.name
    JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace AND ${inSchema}
  UNION
  SELECT 'type', n.nspname || '.' || t.typname, ${regclass('pg_type')}, t.oid
  FROM pg_catalog.unnest($5::pg_catalog.name[]) AS asked(name)
    JOIN pg_catalog.pg_type AS t ON t.typname = asked.name AND t.oid >= ${FIRST_USER_OID}
    JOIN pg_catalog.pg_namespace AS n ON n.oid = t.typnamespace
  UNION
  SELECT 'operators', 'the operators of the database', ${regclass('pg_operator')}, o.oid
  FROM pg_catalog.pg_operator AS o WHERE o.oid >= ${FIRST_USER_OID}
  UNION
  SELECT 'operators', 'the operators of the database', ${regclass('pg_cast')}, c.oid
  FROM pg_catalog.pg_cast AS c WHERE c.oid >= ${FIRST_USER_OID}`

/** What belongs to an object: rows of `table` whose `column` names it, with `oid` as the object they are. */
const partsOf = (
  owner: string,
  {
    table,
    column,
    as = table,
    oid = 'oid',
    more = 'true',
  }: Record<'table' | 'column', string> & Partial<Record<'as' | 'oid' | 'more', string>>,
): string => `SELECT ${classOf(as)}, x.${oid} FROM pg_catalog.${table} AS x
      WHERE node.classid = ${regclass(owner)} AND x.${column} = node.objid AND ${more}`

/**
 * The text of a function has no dependencies. Every relation and every function whose name is in it counts, so a name
 * that is put together while it runs is not found: see `EXECUTES_TEXT`.
 */
const namedInBody = (table: string, name: string, condition: string): string =>
  `SELECT ${classOf(table)}, x.oid
      FROM pg_catalog.pg_proc AS p
        JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang AND l.lanname NOT IN ('c', 'internal')
        JOIN pg_catalog.${table} AS x ON x.oid >= ${FIRST_USER_OID} AND ${condition}
          AND pg_catalog.strpos(pg_catalog.lower(p.prosrc), pg_catalog.lower(x.${name}::pg_catalog.text)) > 0
      WHERE node.classid = ${regclass('pg_proc')} AND p.oid = node.objid`

/**
 * One step from an object to what it is made of. Of dependencies between relations, those of a part on its whole are left
 * out, and of a foreign key only what a cascade writes to is followed: else one table would lead to all of them.
 */
const EDGES = [
  partsOf('pg_class', { table: 'pg_rewrite', column: 'ev_class' }),
  partsOf('pg_class', { table: 'pg_trigger', column: 'tgrelid' }),
  partsOf('pg_class', { table: 'pg_policy', column: 'polrelid' }),
  partsOf('pg_class', { table: 'pg_attrdef', column: 'adrelid' }),
  partsOf('pg_class', { table: 'pg_constraint', column: 'conrelid' }),
  partsOf('pg_type', { table: 'pg_constraint', column: 'contypid' }),
  partsOf('pg_class', {
    ...{ table: 'pg_constraint', column: 'confrelid', as: 'pg_class', oid: 'conrelid' },
    more: "(x.confdeltype IN ('c', 'n', 'd') OR x.confupdtype IN ('c', 'n', 'd'))",
  }),
  partsOf('pg_class', { table: 'pg_inherits', column: 'inhparent', as: 'pg_class', oid: 'inhrelid' }),
  partsOf('pg_class', { table: 'pg_index', column: 'indrelid', as: 'pg_class', oid: 'indexrelid' }),
  partsOf('pg_type', {
    ...{ table: 'pg_type', column: 'oid', as: 'pg_class', oid: 'typrelid' },
    more: 'x.typrelid <> 0',
  }),
  `SELECT d.refclassid, d.refobjid FROM pg_catalog.pg_depend AS d
      WHERE d.classid = node.classid AND d.objid = node.objid AND d.refobjid >= ${FIRST_USER_OID}
        AND d.refclassid IN (${['pg_class', 'pg_proc', 'pg_type', 'pg_operator', 'pg_foreign_server'].map(regclass).join(', ')})
        AND NOT (d.refclassid = ${regclass('pg_class')}
          AND d.classid IN (${['pg_class', 'pg_constraint', 'pg_trigger'].map(regclass).join(', ')}))`,
  namedInBody('pg_class', 'relname', "x.relkind IN ('r', 'p', 'v', 'm', 'f')"),
  namedInBody('pg_proc', 'proname', 'true'),
].join('\n    UNION ALL ')

const xminOf = (table: string): string =>
  `SELECT k.kind, k.name, k.classid, k.objid, x.xmin::pg_catalog.text
  FROM known AS k JOIN pg_catalog.${table} AS x ON x.oid = k.objid WHERE k.classid = ${regclass(table)}`

const PLAIN = ['pg_proc', 'pg_type', 'pg_operator', 'pg_cast', 'pg_rewrite', 'pg_trigger', 'pg_policy']
  .concat(['pg_attrdef', 'pg_constraint', 'pg_foreign_server'])
  .map(xminOf)
  .join('\n  UNION ALL ')

/**
 * `xmin` says which transaction wrote a row of the system's tables; changes of a definition write it anew, VACUUM leaves
 * it. TRUNCATE and others write `pg_class` without changing what it means, so there its columns are taken.
 */
const VERSIONS = `SELECT k.kind, k.name, k.classid, k.objid, pg_catalog.concat_ws('/', c.relname, c.relnamespace, c.relowner,
    c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relacl, pg_catalog.pg_get_expr(c.relpartbound, c.oid), f.xmin,
    (SELECT pg_catalog.string_agg(a.attnum || ':' || a.xmin, ',' ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0),
    (SELECT pg_catalog.string_agg(i.inhparent || ':' || i.xmin, ',' ORDER BY i.inhparent)
      FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = c.oid))
  FROM known AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.objid
    LEFT JOIN pg_catalog.pg_foreign_table AS f ON f.ftrelid = c.oid
  WHERE k.classid = ${regclass('pg_class')}
  UNION ALL ${PLAIN}`

const digestOf = (text: string): string =>
  `pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(${text}, 'UTF8')), 'hex')`

/** Code that can put a statement together while it runs, or that is in a language nobody looks into here. */
const EXECUTES_TEXT = `SELECT 1 FROM known AS k
    JOIN pg_catalog.pg_proc AS p ON p.oid = k.objid AND p.oid >= ${FIRST_USER_OID}
    JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
  WHERE k.classid = ${regclass('pg_proc')} AND l.lanname NOT IN ('c', 'internal', 'sql')
    AND (l.lanname <> 'plpgsql' OR p.prosrc ~* 'execute')`

/**
 * One row for each thing that is named: kind, name, digest, and the number of objects reached in all. `$1` and `$2` are
 * schemas (NULL for any) and names of relations, `$3` and `$4` of functions, `$5` names of types, `$6` whether there is
 * code of which nobody can say what it reaches. Works from PostgreSQL 12 on.
 */
export const OBJECT_VERSIONS_QUERY = `WITH RECURSIVE node (kind, name, classid, objid) AS (
  SELECT * FROM (${NAMED}) AS named (kind, name, classid, objid)
  UNION
  SELECT node.kind, node.name, edge.classid, edge.objid FROM node CROSS JOIN LATERAL (
    ${EDGES}) AS edge (classid, objid)),
known AS (SELECT * FROM node LIMIT ${VERSIONED_OBJECTS_MAX + 1}),
version (kind, name, classid, objid, version) AS (${VERSIONS})
SELECT v.kind, v.name,
  ${digestOf("pg_catalog.string_agg(v.classid || ':' || v.objid || ':' || v.version, ';' ORDER BY v.classid, v.objid)")},
  (SELECT pg_catalog.count(*) FROM known)
FROM version AS v GROUP BY v.kind, v.name
UNION ALL
SELECT 'database', 'the definitions of the database', ${digestOf(DEFINITION_FINGERPRINT)}, 0
WHERE $6::pg_catalog.bool OR EXISTS (${EXECUTES_TEXT})`
