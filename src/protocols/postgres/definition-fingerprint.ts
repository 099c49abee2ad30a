import type { TargetReader } from '../protocol.js'
import { FIRST_USER_OID } from './catalog-code.js'
import { OwnQuery } from './own-query.js'
import { OwnQueryReader } from './own-query-reader.js'

/** Count and sum over the rows of a table of the system. */
const rowsOf = (table: string, identity: string, condition: string): string =>
  `(SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashtextextended(
    pg_catalog.concat_ws(':', ${identity}), 0))) FROM pg_catalog.${table} AS x WHERE ${condition})`

const made = `x.oid >= ${FIRST_USER_OID}`

/** Plain temporary tables are left out: applications make them all day, and what is not known of them is masked. */
const RELATIONS =
  "x.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT (x.relkind = 'r' AND x.relpersistence = 't')"

/** A column as one number. */
const COLUMN = 'a.attrelid::pg_catalog.int8 * 65536 + a.attnum'

const columnsOf = (hash: string): string =>
  `(SELECT pg_catalog.concat_ws(':', pg_catalog.count(*), pg_catalog.sum(${hash}))
    FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_class AS x ON x.oid = a.attrelid
    WHERE a.attrelid >= ${FIRST_USER_OID} AND a.attnum > 0 AND ${RELATIONS})`

/**
 * What a catalog snapshot is made of. TRUNCATE, VACUUM and ANALYZE write `pg_class` and `pg_index`, so there columns stand
 * and not the `xmin`, which says of other rows that some transaction wrote them anew.
 */
const CATALOG_PARTS = [
  rowsOf('pg_class', 'x.oid, x.relnamespace, x.relname, x.relkind', `${made} AND ${RELATIONS}`),
  // A column that is dropped changes its name.
  columnsOf(
    `pg_catalog.hashtextextended(a.attname::pg_catalog.text, (${COLUMN}) # (a.atttypid::pg_catalog.int8 << 16))`,
  ),
  // Expressions of generated columns; other defaults are in no snapshot.
  rowsOf(
    'pg_attrdef',
    'x.oid, x.xmin',
    `${made} AND EXISTS (SELECT 1 FROM pg_catalog.pg_attribute AS g
      WHERE g.attrelid = x.adrelid AND g.attnum = x.adnum AND g.attgenerated <> '')`,
  ),
  rowsOf('pg_rewrite', 'x.oid, x.xmin', made),
  rowsOf('pg_inherits', 'x.inhrelid, x.inhparent', 'true'),
  rowsOf('pg_proc', 'x.oid, x.pronamespace, x.proname', made),
  rowsOf('pg_constraint', 'x.oid, x.xmin', made),
  rowsOf('pg_index', 'x.indexrelid, x.indrelid, x.indkey', 'x.indisunique OR x.indisexclusion'),
  rowsOf('pg_operator', 'x.oid, x.xmin', made),
  rowsOf('pg_cast', 'x.oid, x.xmin', made),
  rowsOf('pg_type', 'x.oid, x.xmin', `${made} AND x.typtype IN ('b', 'd', 'e', 'r') AND x.typelem = 0`),
  rowsOf('pg_namespace', 'x.oid, x.nspname', "x.nspname !~ '^pg_(toast|temp)'"),
]

/** What else decides what a statement does. */
const OTHER_PARTS = [
  columnsOf(`pg_catalog.hashint8extended(${COLUMN}, a.xmin::pg_catalog.text::pg_catalog.int8)`),
  rowsOf('pg_class', 'x.oid, x.relrowsecurity, x.relforcerowsecurity', `${made} AND ${RELATIONS}`),
  rowsOf('pg_proc', 'x.oid, x.xmin', 'true'),
  rowsOf('pg_trigger', 'x.oid, x.tgfoid, x.tgtype, x.tgenabled', `${made} AND NOT x.tgisinternal`),
  rowsOf('pg_policy', 'x.oid, x.xmin', made),
  rowsOf('pg_attrdef', 'x.oid, x.xmin', made),
]

const fingerprintOf = (parts: readonly string[]): string =>
  `pg_catalog.concat_ws(' ',\n  ${parts.join(',\n  ')})`

/**
 * One text about what a catalog snapshot says, as a SQL expression: another text means that something changed. Counts and
 * sums of hashes, so it is one pass without a sort: 70 ms for 10 000 tables, 2 ms for a hundred. The hashes have 64 bits
 * and are not cryptographic: who can choose object and transaction numbers of the target owns it.
 */
const CATALOG_FINGERPRINT = fingerprintOf(CATALOG_PARTS)

/** The same about all definitions of the database. */
export const DEFINITION_FINGERPRINT = fingerprintOf([...CATALOG_PARTS, ...OTHER_PARTS])

/** Asks for the fingerprint of a catalog over a connection of the gateway's own. Needs no privilege beyond those of PUBLIC. */
export function readFingerprint(): TargetReader<string> {
  const query = new OwnQuery({ text: `SELECT ${CATALOG_FINGERPRINT}`, parameters: [] })
  return new OwnQueryReader(query, {
    what: 'the definitions cannot be checked',
    rowsMax: 1,
    read: ([row]) => row?.[0] ?? undefined,
  })
}
