import type { FunctionName } from '../domain/facts.js'

/**
 * Functions of PostgreSQL and its widespread extensions that reach beyond the tables a statement names: the server's
 * files and pages, its log of changes, other servers, or a text that is run as a statement of its own and is therefore
 * unseen. PostgreSQL 18, chapter 9 "Functions and Operators" and appendix F "Additional Supplied Modules".
 */
const PREFIXES = [
  // Files of the server; the generic file functions of adminpack.
  'pg_read_file',
  'pg_read_binary_file',
  'pg_ls_',
  'pg_stat_file',
  'pg_file_',
  // The change log holds rows of every table.
  'pg_logical_slot_',
  'pg_create_logical_replication_slot',
  'pg_create_physical_replication_slot',
  'pg_copy_logical_replication_slot',
  'pg_copy_physical_replication_slot',
  'pg_replication_',
  'pg_get_wal_',
  // Other servers.
  'dblink',
  // A statement as a text argument.
  'query_to_xml',
  'cursor_to_xml',
  'table_to_xml',
  'schema_to_xml',
  'database_to_xml',
  'crosstab',
] as const

const NAMES: ReadonlySet<string> = new Set([
  'lo_import',
  'lo_export',
  'pg_logdir_ls',
  'pg_hba_file_rules',
  'pg_ident_file_mappings',
  'pg_show_all_file_settings',
  'pg_reload_conf',
  'pg_rotate_logfile',
  'pg_rotate_logfile_old',
  'pg_promote',
  'pg_switch_wal',
  'pg_drop_replication_slot',
  'pg_import_system_collations',
  // A statement as a text argument, or a query that is built from names.
  'xpath_table',
  'connectby',
  'ts_stat',
  'ts_rewrite',
  'pg_background_launch',
  'schedule_in_database',
  // Raw pages (pageinspect) hold the values of masked columns.
  'get_raw_page',
  'heap_page_items',
  'heap_page_item_attrs',
  'tuple_data_split',
  'bt_page_items',
  'bt_multi_page_stats',
  'gist_page_items',
  'gist_page_items_bytea',
  'gin_leafpage_items',
  'brin_page_items',
  'hash_page_items',
  // Requests to the network: pgsql-http, and the loaders of the managed PostgreSQL services.
  'http',
  'http_get',
  'http_head',
  'http_post',
  'http_put',
  'http_patch',
  'http_delete',
  'query_export_to_s3',
  'table_import_from_s3',
])

/** Names too plain to refuse in every schema, with the schema of the extension they come from. */
const QUALIFIED: ReadonlyMap<string, string> = new Map([
  ['schedule', 'cron'],
  ['alter_job', 'cron'],
  ['invoke', 'aws_lambda'],
])

/**
 * True when a call reaches beyond the tables a statement names. The schema does not matter, because the search path is
 * the client's to change: a function of the same name in a schema of one's own is refused too.
 */
export function isServerFunction({ schema, name }: FunctionName): boolean {
  if (NAMES.has(name) || PREFIXES.some(prefix => name.startsWith(prefix))) return true
  const home = QUALIFIED.get(name)
  return home !== undefined && (schema === undefined || schema === home)
}
