package trackertest_test

import (
	"context"
	"errors"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab/tracker"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

var share = sqltext.Statement{Kind: sqltext.Share}

var mariaDB = family{
	args: []string{
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
		"--secure-file-priv=data/mysql", // by the server's working directory
		"--max-allowed-packet=64M",
		"--innodb-file-per-table=0", "--innodb-stats-persistent=0", // so that the schema is soon made anew
	},
	track:     tracker.Params(),
	schema:    corpus.SchemaMariaDB,
	variables: `SELECT LOWER(variable_name) FROM information_schema.system_variables WHERE variable_scope <> 'GLOBAL' ORDER BY variable_name`,
	session: `SELECT LOWER(variable_name), session_value FROM information_schema.system_variables
		WHERE variable_scope <> 'GLOBAL' LIMIT 10000`,
	globals: `SELECT LOWER(variable_name), IF(variable_type LIKE '%INT%' OR variable_type = 'DOUBLE', global_value, QUOTE(global_value))
		FROM information_schema.system_variables
		WHERE read_only = 'NO' AND global_value IS NOT NULL AND variable_name NOT LIKE 'gtid%'`,
	accounts: `SELECT IF(is_role = 'Y', CONCAT('DROP ROLE ', QUOTE(user)), CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host)))
		FROM mysql.user WHERE user NOT IN ('root', 'mysql', 'mariadb.sys', 'app', 'admin', 'PUBLIC')`,
	sequences: `SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables WHERE table_type = 'SEQUENCE'`,
	inside: []ask{{"ran", `SELECT LOWER(variable_name), variable_value FROM information_schema.session_status
		WHERE variable_value <> '0' AND (variable_name LIKE 'Com\_%temporary\_table' OR variable_name LIKE 'Com\_ha\_%'
		OR variable_name LIKE 'Com\_xa\_%' OR variable_name LIKE 'Com\_%lock%' OR variable_name LIKE 'Com\_prepare\_sql'
		OR variable_name IN ('Handler_write', 'Handler_update', 'Handler_delete')) LIMIT 10000`}},
	past: func(ctx context.Context, s *subject) (string, error) {
		return question(ctx, s.Conn, `SELECT '', CONVERT(CONCAT(FOUND_ROWS(), ' ', @@warning_count) USING latin1) LIMIT 1`)
	},
	inTransaction: func(ctx context.Context, s *subject) (string, error) {
		return question(ctx, s.Conn, "SELECT '', CONVERT(@@in_transaction USING latin1) LIMIT 1")
	},
	touched: func(ctx context.Context, _ *world, s *subject) (bool, error) {
		answer, err := question(ctx, s.Conn, `SELECT 'touched', CONVERT(SUM(variable_value) > 0 USING latin1) FROM information_schema.session_status WHERE variable_name REGEXP
			'^(Handler_(write|update|delete)|Com_(alter|call|create|drop|execute|grant|install|load|rename|revoke|set_password|truncate|uninstall|xa_prepare))' LIMIT 1`)
		return answer != "0", err
	},
	rollBackXA: func(ctx context.Context, w *world) error {
		rows, err := w.admin.QueryContext(ctx, "XA RECOVER FORMAT = 'SQL'")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var format, gtrid, bqual int
			var xid string
			if err := rows.Scan(&format, &gtrid, &bqual, &xid); err != nil {
				return err
			}
			_, err := w.admin.ExecContext(ctx, "XA ROLLBACK "+xid)
			if said, ok := errors.AsType[*mysql.MySQLError](err); ok && said.Number == errXARolledBack {
				continue // it was marked so, and now it is done
			}
			if err != nil {
				return err
			}
		}
		return rows.Err()
	},
	restless: map[string]bool{
		"timestamp": true, "rand_seed1": true, "rand_seed2": true, "pseudo_thread_id": true, "last_gtid": true,
		"error_count": true, "warning_count": true, "in_transaction": true, "last_insert_id": true, "identity": true,
	},
	coupled: map[string][]string{
		"transaction_isolation":  {"tx_isolation"},
		"transaction_read_only":  {"tx_read_only"},
		"tmp_table_size":         {"tmp_memory_table_size"},
		"long_query_time":        {"log_slow_query_time"},
		"min_examined_row_limit": {"log_slow_min_examined_row_limit"},
		"default_storage_engine": {"storage_engine"},
		"wsrep_sync_wait":        {"wsrep_causal_reads"},
	},
	explained: []explanation{
		{"nowait", "reported", "the server sets the two lock timeouts for this statement only and reports it"},
		{"over", "ran handler_update", "a window function updates a temporary table of its own"},
		{"procedure analyse", "FOUND_ROWS()", "it counts the rows that were analysed"},
		{"statement", "reported variable", "SET STATEMENT: what was set for one statement is reported, and put back after it"},
		{"statement", "reported state", "the same"},
	},
	reports: []announcement{
		{"write", "", "INSERT INTO tapped VALUES (1)", nil},
		{"blind: variable with @@ and no scope", "", "SET @@time_zone = '+01:00'", nil},
		{"false: only for one statement", "", "SET STATEMENT max_statement_time=3 FOR SELECT 1", []string{"variable max_statement_time=3.000000", "state 1"}},
	},
	denied: []denied{
		{"CREATE TEMPORARY TABLE past.temp (a INT)", share, "ran com_create_temporary_table"},
		{"FLUSH TABLES WITH READ LOCK", share, "lock BACKUP"},
		{"SET ROLE NONE", share, "reported state"},
		{"BACKUP STAGE START", share, "lock BACKUP"},
		{"BACKUP LOCK past.t", share, "lock TABLE past t"},
		{"BEGIN NOT ATOMIC SET @x = 1; SELECT nosuch; END", share, "user variable x"},
		{"BEGIN NOT ATOMIC SET time_zone = '+01:00'; SELECT nosuch; END", share, "variable time_zone"},
		{"BEGIN NOT ATOMIC CREATE TEMPORARY TABLE past.temp (a INT); SELECT nosuch; END", share, "ran com_create_temporary_table"},
	},
	untried: map[string]string{"shutdown": "it would end the server that all tests share"},
	heads: []string{
		"ANALYZE ", "ANALYZE FORMAT=JSON ", "SET STATEMENT max_statement_time = 1 FOR ", "BEGIN NOT ATOMIC ", "EXECUTE IMMEDIATE ", "IF 1 THEN ",
	},
	tails:       []string{" RETURNING @x := 1", " PROCEDURE ANALYSE()"},
	expressions: []string{"NEXTVAL(s)", "NEXT VALUE FOR s", "SETVAL(s, 100)"},
}
