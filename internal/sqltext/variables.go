package sqltext

// A rule says which values of a variable can be replayed.
type rule uint8

const (
	unlisted      rule = iota // none
	anyLiteral                // every literal: a number, a string, a bare word, DEFAULT
	charset                   // the name of a character set or collation in which texts can be read
	charsetOrNull             // that, or NULL
	modeList                  // a list of modes of sql_mode that are known
	onlyOff                   // 0, OFF or FALSE
	onOrOff                   // autocommit
	transaction               // as anyLiteral, but @@name without a scope is for the next transaction only
)

// variables is the allow-list: session variables that are as good set on one connection as on another, that no statement but
// SET changes, and whose setting changes nothing else. Not in it, although proxies track some of them:
//
//   - character_set_database, collation_database: USE changes them.
//   - optimizer_switch, optimizer_trace: a value names only what changes, so the last one does not tell the state.
//   - max_join_size: it sets sql_big_selects too. wsrep_sync_wait: it sets wsrep_causal_reads too.
//   - sql_log_bin, sql_log_off: a write left out of the log can't be mended, so such a connection stays with who set it.
//   - completion_type: COMMIT would begin a transaction or close the connection.
//   - timestamp, insert_id, last_insert_id, identity, rand_seed1, pseudo_thread_id, gtid_next and their like: they are for the
//     next statement, or belong to replication.
//   - session_track_gtids: MySQL refuses to set it within a transaction (1766), and so to take it back there.
//   - profiling, old_mode, debug and whatever is not known.
var variables = map[string]rule{
	"autocommit": onOrOff,

	// Tracked by RDS Proxy.
	"auto_increment_increment": anyLiteral,
	"character_set_client":     charset,
	"character_set_connection": charset,
	"character_set_filesystem": anyLiteral,
	"character_set_results":    charsetOrNull,
	"character_set_server":     anyLiteral,
	"collation_connection":     charset,
	"collation_server":         anyLiteral,
	"interactive_timeout":      anyLiteral,
	"net_write_timeout":        anyLiteral,
	"query_cache_type":         anyLiteral,
	"session_track_schema":     anyLiteral,
	"sql_mode":                 modeList,
	"time_zone":                anyLiteral,
	"transaction_isolation":    transaction,
	"transaction_read_only":    transaction,
	"wait_timeout":             anyLiteral,

	// Tracked by ProxySQL besides.
	"auto_increment_offset":               anyLiteral,
	"default_storage_engine":              anyLiteral,
	"default_tmp_storage_engine":          anyLiteral,
	"div_precision_increment":             anyLiteral,
	"foreign_key_checks":                  anyLiteral,
	"group_concat_max_len":                anyLiteral,
	"innodb_lock_wait_timeout":            anyLiteral,
	"innodb_strict_mode":                  anyLiteral,
	"join_buffer_size":                    anyLiteral,
	"lc_messages":                         anyLiteral,
	"lc_time_names":                       anyLiteral,
	"lock_wait_timeout":                   anyLiteral,
	"long_query_time":                     anyLiteral,
	"max_execution_time":                  anyLiteral,
	"max_heap_table_size":                 anyLiteral,
	"max_sort_length":                     anyLiteral,
	"max_statement_time":                  anyLiteral,
	"optimizer_prune_level":               anyLiteral,
	"optimizer_search_depth":              anyLiteral,
	"optimizer_use_condition_selectivity": anyLiteral,
	"read_buffer_size":                    anyLiteral,
	"read_rnd_buffer_size":                anyLiteral,
	"sort_buffer_size":                    anyLiteral,
	"sql_auto_is_null":                    onlyOff, // else IS NULL asks for LAST_INSERT_ID()
	"sql_big_selects":                     anyLiteral,
	"sql_generate_invisible_primary_key":  anyLiteral,
	"sql_quote_show_create":               anyLiteral,
	"sql_require_primary_key":             anyLiteral,
	"sql_safe_updates":                    anyLiteral,
	"sql_select_limit":                    anyLiteral,
	"tmp_table_size":                      anyLiteral,
	"unique_checks":                       anyLiteral,

	// By the same measure. Package trackertest tries each variable on MySQL and MariaDB.
	"block_encryption_mode":           anyLiteral,
	"cte_max_recursion_depth":         anyLiteral,
	"default_week_format":             anyLiteral,
	"eq_range_index_dive_limit":       anyLiteral,
	"information_schema_stats_expiry": anyLiteral,
	"low_priority_updates":            anyLiteral,
	"max_length_for_sort_data":        anyLiteral,
	"max_recursive_iterations":        anyLiteral,
	"max_seeks_for_key":               anyLiteral,
	"min_examined_row_limit":          anyLiteral,
	"net_read_timeout":                anyLiteral,
	"range_optimizer_max_mem_size":    anyLiteral,
	"session_track_state_change":      anyLiteral,
	"session_track_system_variables":  anyLiteral,
	"session_track_transaction_info":  anyLiteral,
	"sql_notes":                       anyLiteral,
	"sql_warnings":                    anyLiteral,
	"updatable_views_with_limit":      anyLiteral,
}

// listed returns the name a variable is replayed by and its rule. It takes lower case.
func listed(variable string) (string, rule) {
	switch variable {
	case "tx_isolation":
		variable = "transaction_isolation"
	case "tx_read_only":
		variable = "transaction_read_only"
	case "storage_engine":
		variable = "default_storage_engine"
	case "sql_low_priority_updates":
		variable = "low_priority_updates"
	}
	return variable, variables[variable]
}
