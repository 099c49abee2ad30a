/**
 * Types of `pg_catalog` (PostgreSQL 15 to 18) and the spellings of the SQL standard. A cast to any other type runs code
 * that these facts do not reach: a cast function, an input function, a domain's check.
 */
const BUILT_IN = `
  aclitem bit bool bpchar bytea char cid cidr circle box date datemultirange daterange float4 float8 inet int2
  int2vector int4 int4multirange int4range int8 int8multirange int8range interval json jsonb jsonpath line lseg macaddr
  macaddr8 money name numeric nummultirange numrange oid oidvector path pg_lsn pg_node_tree pg_snapshot point polygon
  refcursor regclass regcollation regconfig regdictionary regnamespace regoper regoperator regproc regprocedure regrole
  regtype text tid time timestamp timestamptz timetz tsmultirange tsquery tsrange tstzmultirange tstzrange tsvector
  txid_snapshot unknown uuid varbit varchar xid xid8 xml cstring
  int integer bigint smallint decimal dec real boolean character string float
`

const TYPES: ReadonlySet<string> = new Set(BUILT_IN.trim().split(/\s+/))
const SCHEMA = 'pg_catalog.'

/** True when a cast to this type, as a statement writes it, is the database's own and computes from the value alone. */
export function isTraceableType(name: string): boolean {
  return TYPES.has(name.startsWith(SCHEMA) ? name.slice(SCHEMA.length) : name)
}
