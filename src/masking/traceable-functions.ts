/**
 * Built-in functions whose result comes from their arguments, from the session or from the definitions of the database,
 * and from nowhere else: no relation is read, no text is run as SQL. A name that is not in here is not traceable.
 *
 * The first list is `pg_proc` of PostgreSQL 15 where `provolatile = 'i'`, without the functions that only the server
 * calls and without `ts_rewrite`, which can run a query. The second one was chosen by hand among the stable and
 * volatile ones and the functions that came with PostgreSQL 16 to 18.
 */
const IMMUTABLE = `
  abbrev abs acos acosd acosh age array_agg array_append array_cat array_dims array_fill array_length
  array_lower array_ndims array_position array_positions array_prepend array_remove array_replace
  array_to_tsvector array_upper ascii asin asind asinh atan atan2 atan2d atand atanh avg bit bit_and
  bit_count bit_or bit_xor bool bool_and bool_or box bpchar btrim cardinality cbrt ceil ceiling center
  char character_length chr cidr circle corr cos cosd cosh cot cotd count covar_pop covar_samp cume_dist
  date date_bin date_part datemultirange daterange decode degrees dense_rank diagonal diameter div encode
  every exp extract factorial first_value float4 float8 floor gcd generate_series generate_subscripts
  get_bit get_byte height host hostmask initcap int2 int4 int4multirange int4range int8 int8multirange
  int8range interval is_normalized isclosed isempty isfinite ishorizontal isopen isparallel isperp
  isvertical json_array_element json_array_element_text json_array_elements json_array_elements_text
  json_array_length json_each json_each_text json_extract_path json_extract_path_text json_object
  json_object_field json_object_field_text json_object_keys json_strip_nulls json_to_tsvector json_typeof
  jsonb_array_element jsonb_array_element_text jsonb_array_elements jsonb_array_elements_text
  jsonb_array_length jsonb_concat jsonb_contained jsonb_contains jsonb_delete jsonb_delete_path jsonb_each
  jsonb_each_text jsonb_eq jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path
  jsonb_extract_path_text jsonb_ge jsonb_gt jsonb_insert jsonb_le jsonb_lt jsonb_ne jsonb_object
  jsonb_object_agg jsonb_object_field jsonb_object_field_text jsonb_object_keys jsonb_path_exists
  jsonb_path_match jsonb_path_query jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set
  jsonb_set_lax jsonb_strip_nulls jsonb_to_tsvector jsonb_typeof justify_days justify_hours
  justify_interval lag last_value lcm lead left length like like_escape line ln log log10 lower lower_inc
  lower_inf lpad lseg ltrim macaddr macaddr8 macaddr8_set7bit make_date make_interval make_time
  make_timestamp makeaclitem masklen max md5 min min_scale mod mode multirange
  multirange_adjacent_multirange multirange_adjacent_range multirange_after_multirange
  multirange_after_range multirange_before_multirange multirange_before_range
  multirange_contained_by_multirange multirange_contained_by_range multirange_contains_elem
  multirange_contains_multirange multirange_contains_range multirange_eq multirange_ge multirange_gt
  multirange_intersect multirange_le multirange_lt multirange_minus multirange_ne
  multirange_overlaps_multirange multirange_overlaps_range multirange_overleft_multirange
  multirange_overleft_range multirange_overright_multirange multirange_overright_range multirange_union
  name netmask network normalize notlike npoints nth_value ntile num_nonnulls num_nulls numeric
  nummultirange numnode numrange octet_length oid overlaps overlay parse_ident path pclose percent_rank
  percentile_cont percentile_disc pg_encoding_max_length pg_lsn pg_partition_root pg_size_bytes
  pg_size_pretty pg_snapshot_xip pg_snapshot_xmax pg_snapshot_xmin pg_visible_in_snapshot pg_wal_lsn_diff
  pg_walfile_name pg_walfile_name_offset phraseto_tsquery pi plainto_tsquery point polygon popen position
  pow power querytree quote_ident quote_literal quote_nullable radians radius range_adjacent
  range_adjacent_multirange range_after range_after_multirange range_agg range_before
  range_before_multirange range_contained_by range_contained_by_multirange range_contains_elem
  range_contains_multirange range_eq range_ge range_gt range_intersect range_intersect_agg range_le
  range_lt range_merge range_minus range_ne range_overlaps range_overlaps_multirange range_overleft
  range_overleft_multirange range_overright range_overright_multirange range_union rank regexp_count
  regexp_instr regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr regr_avgx regr_avgy regr_count regr_intercept regr_r2 regr_slope
  regr_sxx regr_sxy regr_syy repeat replace reverse right round row_number rpad rtrim scale set_bit
  set_byte set_masklen setweight sha224 sha256 sha384 sha512 sign similar_escape similar_to_escape sin
  sind sinh slope split_part sqrt starts_with stddev stddev_pop stddev_samp string_agg string_to_array
  string_to_table strip strpos substr substring sum tan tand tanh text time timestamp timestamptz timetz
  timezone to_ascii to_hex to_timestamp to_tsquery to_tsvector translate trim_array trim_scale trunc
  ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_token_type tsmultirange
  tsquery_phrase tsrange tstzmultirange tstzrange tsvector_to_array txid_snapshot_xip txid_snapshot_xmax
  txid_snapshot_xmin txid_visible_in_snapshot unistr unnest upper upper_inc upper_inf var_pop var_samp
  varbit varchar variance websearch_to_tsquery width width_bucket xid xml_is_well_formed_content
  xml_is_well_formed_document xmlagg xmlcomment xmlexists xmlvalidate xpath xpath_exists
`
const CHOSEN = `
  acldefault aclexplode any_value array_reverse array_sample array_shuffle array_sort array_to_json array_to_string bit_length char_length
  casefold clock_timestamp col_description concat concat_ws convert convert_from convert_to crc32 crc32c
  current_catalog current_database current_date current_query current_role current_schema current_schemas
  current_setting current_time current_timestamp current_user currval date_add date_subtract date_trunc
  enum_first enum_last enum_range erf erfc format format_type gamma gen_random_uuid get_current_ts_config
  getdatabaseencoding getpgusername has_any_column_privilege has_column_privilege has_database_privilege
  has_foreign_data_wrapper_privilege has_function_privilege has_language_privilege
  has_largeobject_privilege has_parameter_privilege has_schema_privilege has_sequence_privilege
  has_server_privilege has_table_privilege has_tablespace_privilege has_type_privilege inet_client_addr
  inet_client_port inet_server_addr inet_server_port json_agg json_agg_strict json_array json_arrayagg
  json_build_array json_build_object json_exists json_object_agg json_object_agg_strict
  json_object_agg_unique json_object_agg_unique_strict json_objectagg json_populate_record
  json_populate_recordset json_query json_scalar json_serialize json_to_record json_to_recordset
  json_value jsonb_agg jsonb_agg_strict jsonb_build_array jsonb_build_object jsonb_object_agg_strict
  jsonb_object_agg_unique jsonb_object_agg_unique_strict jsonb_path_exists_tz jsonb_path_match_tz
  jsonb_path_query_array_tz jsonb_path_query_first_tz jsonb_path_query_tz jsonb_populate_record
  jsonb_populate_recordset jsonb_to_record jsonb_to_recordset lastval lgamma localtime localtimestamp
  make_timestamptz money mxid_age nextval now obj_description oidvectortypes pg_advisory_lock
  pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared
  pg_advisory_xact_lock pg_advisory_xact_lock_shared pg_available_extension_versions
  pg_available_extensions pg_backend_pid pg_blocking_pids pg_cancel_backend pg_char_to_encoding
  pg_client_encoding pg_collation_actual_version pg_collation_for pg_collation_is_visible
  pg_column_compression pg_column_is_updatable pg_column_size pg_conf_load_time pg_conversion_is_visible
  pg_current_snapshot pg_current_wal_flush_lsn pg_current_wal_insert_lsn pg_current_wal_lsn
  pg_current_xact_id pg_current_xact_id_if_assigned pg_database_collation_actual_version pg_database_size
  pg_describe_object pg_encoding_to_char pg_extension_update_paths pg_filenode_relation
  pg_function_is_visible pg_get_constraintdef pg_get_expr pg_get_function_arg_default
  pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result
  pg_get_function_sqlbody pg_get_functiondef pg_get_indexdef pg_get_keywords pg_get_object_address
  pg_get_partition_constraintdef pg_get_partkeydef pg_get_publication_tables pg_get_replica_identity_index
  pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef pg_get_statisticsobjdef_columns
  pg_get_statisticsobjdef_expressions pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role
  pg_identify_object pg_identify_object_as_address pg_index_column_has_property pg_index_has_property
  pg_indexam_has_property pg_indexes_size pg_input_is_valid pg_is_in_recovery pg_is_other_temp_schema
  pg_jit_available pg_last_wal_receive_lsn pg_last_wal_replay_lsn pg_last_xact_replay_timestamp
  pg_my_temp_schema pg_notification_queue_usage pg_notify pg_opclass_is_visible pg_operator_is_visible
  pg_opfamily_is_visible pg_options_to_table pg_partition_ancestors pg_partition_tree
  pg_postmaster_start_time pg_relation_filenode pg_relation_filepath pg_relation_is_publishable
  pg_relation_is_updatable pg_relation_size pg_sequence_last_value pg_sequence_parameters
  pg_settings_get_flags pg_sleep pg_sleep_for pg_sleep_until pg_stat_get_analyze_count
  pg_stat_get_autoanalyze_count pg_stat_get_autovacuum_count pg_stat_get_blocks_fetched
  pg_stat_get_blocks_hit pg_stat_get_dead_tuples pg_stat_get_last_analyze_time
  pg_stat_get_last_autoanalyze_time pg_stat_get_last_autovacuum_time pg_stat_get_last_vacuum_time
  pg_stat_get_live_tuples pg_stat_get_mod_since_analyze pg_stat_get_numscans pg_stat_get_tuples_deleted
  pg_stat_get_tuples_fetched pg_stat_get_tuples_hot_updated pg_stat_get_tuples_inserted
  pg_stat_get_tuples_returned pg_stat_get_tuples_updated pg_stat_get_vacuum_count
  pg_statistics_obj_is_visible pg_table_is_visible pg_table_size pg_tablespace_databases
  pg_tablespace_location pg_tablespace_size pg_terminate_backend pg_timezone_abbrevs pg_timezone_names
  pg_total_relation_size pg_trigger_depth pg_try_advisory_lock pg_try_advisory_lock_shared
  pg_try_advisory_xact_lock pg_try_advisory_xact_lock_shared pg_ts_config_is_visible pg_ts_dict_is_visible
  pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof pg_xact_commit_timestamp
  pg_xact_status random random_normal regclass row_security_active row_to_json session_user set_config
  setval shobj_description statement_timestamp system_user timeofday to_bin to_char to_date to_json
  to_jsonb to_number to_oct to_regclass to_regcollation to_regnamespace to_regoper to_regoperator
  to_regproc to_regprocedure to_regrole to_regtype transaction_timestamp txid_current
  txid_current_if_assigned txid_current_snapshot txid_status user uuid_extract_timestamp
  uuid_extract_version uuidv4 uuidv7 version xml xml_is_well_formed
`

const TRACEABLE: ReadonlySet<string> = new Set(`${IMMUTABLE} ${CHOSEN}`.trim().split(/\s+/))

/**
 * Built-in functions that are traceable but keep or signal what they are given: a setting, a sequence, a lock, the seed of
 * `random`, the time a statement takes, another process. None of them may be given a protected value.
 */
const KEEPING: ReadonlySet<string> = new Set(
  (
    'nextval setval set_config pg_notify pg_sleep pg_sleep_for pg_sleep_until pg_cancel_backend pg_terminate_backend ' +
    'pg_advisory_lock pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_shared pg_advisory_xact_lock ' +
    'pg_advisory_xact_lock_shared pg_try_advisory_lock pg_try_advisory_lock_shared pg_try_advisory_xact_lock ' +
    'pg_try_advisory_xact_lock_shared'
  ).split(' '),
)

const SERVER_NAMED = /^(pg_|lo_|ts_|txid_|brin_|gin_|binary_upgrade_|(loread|lowrite|setseed|currtid2)$)/

/** Functions that run SQL which is a value to the grammar, so that nobody has read it: also those of known extensions. */
const SQL_RUNNING =
  /^(query_to_xml|cursor_to_xml|dblink|crosstab|xpath_table$|connectby$|ts_stat$|ts_rewrite$|tsvector_update_trigger)/

/**
 * Functions that take a row as their only argument and whose result tells it. PostgreSQL lets them be written like a
 * column, `c.to_json` (manual, section 8.16.5), and then the statement does not look as if it called anything. Found by
 * trying every function of PostgreSQL 15; those of later versions were added.
 */
const ROW_TAKING: ReadonlySet<string> = new Set(
  (
    'any_value array_agg concat hash_record json_agg json_agg_strict json_build_array jsonb_agg jsonb_agg_strict ' +
    'jsonb_build_array max min quote_literal quote_nullable record_out record_send row_to_json to_json to_jsonb'
  ).split(' '),
)

/** True when the result of a built-in function of this name comes from its arguments alone. */
export function isTraceable(name: string): boolean {
  return TRACEABLE.has(name)
}

/** True when a built-in function of this name is known to keep or signal its arguments. */
export function keepsArguments(name: string): boolean {
  return KEEPING.has(name)
}

/**
 * True when a function of this name, which is not traceable, can be one of the server's own that keeps its arguments: all
 * of those with a side effect have such a name, also the ones of versions to come.
 */
export function mayKeepArguments(name: string): boolean {
  return SERVER_NAMED.test(name)
}

/** True when a function of this name runs a text as SQL. */
export function runsSql(name: string): boolean {
  return SQL_RUNNING.test(name)
}

/** True when a column of this name, on a relation without one, is a call with the whole row. */
export function takesRow(name: string): boolean {
  return ROW_TAKING.has(name)
}
