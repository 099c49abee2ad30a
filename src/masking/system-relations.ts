/**
 * Relations of the system that hold values of other relations or texts that people typed, with the columns that do
 * (PostgreSQL 18, "System Catalogs" and "System Views"). `pg_stat_statements` is an extension's, and the same kind.
 */
const HOLDING: Readonly<Record<string, readonly string[]>> = {
  pg_statistic: ['stavalues1', 'stavalues2', 'stavalues3', 'stavalues4', 'stavalues5'],
  pg_stats: ['most_common_vals', 'histogram_bounds', 'most_common_elems', 'range_bounds_histogram'],
  pg_statistic_ext_data: ['stxdmcv', 'stxdexpr', 'stxdndistinct', 'stxddependencies'],
  pg_stats_ext: ['most_common_vals', 'most_common_val_nulls'],
  pg_stats_ext_exprs: ['most_common_vals', 'histogram_bounds', 'most_common_elems'],
  pg_largeobject: ['data'],
  pg_stat_activity: ['query'],
  pg_stat_statements: ['query'],
  pg_prepared_statements: ['statement'],
  pg_prepared_xacts: ['gid'],
  pg_cursors: ['statement'],
  pg_locks: ['objid', 'classid', 'objsubid'],
  pg_subscription: ['subconninfo'],
  pg_user_mappings: ['umoptions'],
  pg_replication_slots: ['slot_name'],
}

const BY_NAME: ReadonlyMap<string, readonly string[]> = new Map(Object.entries(HOLDING))

/** Types that no value of such a column has: numbers of processes, names, times. bool, name, int4, float4, float8, inet, timestamptz. */
const HARMLESS_TYPES: ReadonlySet<number> = new Set([16, 19, 23, 700, 701, 869, 1184])

/** Long values of any relation lie in a TOAST table in parts, also those of the system: `pg_toast_2619` is of `pg_statistic`. */
const TOAST = /^pg_toast_[0-9]+$/
const TOAST_VALUES: readonly string[] = ['chunk_data']

/** True for a name that the server gives to TOAST tables alone, which lie in a schema of the system. */
export function isToastName(name: string): boolean {
  return TOAST.test(name)
}

/** The columns of a relation of the system that can hold values of other relations; undefined when it holds none. */
export function valueColumnsOf(name: string): readonly string[] | undefined {
  return isToastName(name) ? TOAST_VALUES : BY_NAME.get(name)
}

/** True when a column of this type, of any relation of the system, holds no value of another relation. */
export function isHarmlessSystemType(typeOid: number): boolean {
  return HARMLESS_TYPES.has(typeOid)
}
