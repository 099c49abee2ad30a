/** How the bytes of a value are to be read: what fits a type is decided by this, not by the type itself. */
export type ValueType =
  /** Character strings; text and binary format are the same bytes. */
  | 'text'
  | 'json'
  | 'jsonb'
  | 'uuid'
  | 'int8'
  | 'numeric'
  | 'bytea'
  /** Arrays of numbers: a digit of one must not become a letter. */
  | 'numbers'
  /** Types whose values are too short or too rigid to hold what a detector looks for. */
  | 'rigid'
  /** Everything else: arrays, composites, ranges, XML, types of extensions. */
  | 'opaque'

/** Type OIDs of PostgreSQL that are the same in every database (`pg_type.dat`). */
const TYPES: Readonly<Record<Exclude<ValueType, 'opaque'>, readonly number[]>> = {
  // text, varchar, bpchar, name, unknown, cstring
  text: [25, 1043, 1042, 19, 705, 2275],
  json: [114],
  jsonb: [3802],
  uuid: [2950],
  int8: [20],
  numeric: [1700],
  bytea: [17],
  // int2[], int4[], int8[], numeric[]
  numbers: [1005, 1007, 1016, 1231],
  rigid: [
    // bool, "char", int2, int4, oid, tid, xid, cid, xid8, pg_lsn, float4, float8, money
    16, 18, 21, 23, 26, 27, 28, 29, 5069, 3220, 700, 701, 790,
    // date, time, timetz, timestamp, timestamptz, interval
    1082, 1083, 1266, 1114, 1184, 1186,
    // macaddr, macaddr8, inet, cidr, point, void
    829, 774, 869, 650, 600, 2278,
  ],
}

const BY_OID: ReadonlyMap<number, ValueType> = new Map(
  (Object.keys(TYPES) as (keyof typeof TYPES)[]).flatMap(kind =>
    TYPES[kind].map((oid): [number, ValueType] => [oid, kind]),
  ),
)

/** The way to read values of a type by its OID in `pg_type`; a type nobody listed is opaque. */
export function valueTypeOf(typeOid: number): ValueType {
  return BY_OID.get(typeOid) ?? 'opaque'
}
