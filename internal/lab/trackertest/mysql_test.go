package trackertest_test

import (
	"context"
	"fmt"
	"slices"

	"github.com/weirpool/weir/internal/lab/tracker"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// ranMySQL are the statements that a thread has run, by name. Its session status does not count them.
const ranMySQL = `FROM performance_schema.events_statements_summary_by_thread_by_event_name
	WHERE thread_id = ` + thread + ` AND count_star > 0 AND event_name `

// ownVariable is the user variable of the oracle itself.
const ownVariable = "oracle.warnings"

var mySQL = family{
	args: []string{
		"--performance-schema-instrument=wait/lock/metadata/sql/mdl=ON",
		"--secure-file-priv=NULL", "--local-infile=1",
		"--max-allowed-packet=64M",
		"--innodb-file-per-table=0", "--innodb-stats-persistent=0",
		"--log-bin", "--gtid-mode=ON", "--enforce-gtid-consistency=ON", "--log-bin-trust-function-creators=1", // so that it tells what was logged
	},
	modes:  sqltext.MySQL,
	track:  tracker.ParamsMySQL(),
	schema: append(slices.Clone(corpus.SchemaMySQL), "CREATE ROLE clerk", "CREATE RESOURCE GROUP idle TYPE = USER"),
	grants: []string{"GRANT clerk TO subject@'%'"},
	variables: `SELECT variable_name FROM performance_schema.variables_by_thread WHERE thread_id = PS_CURRENT_THREAD_ID()
		ORDER BY variable_name`,
	session: `SELECT variable_name, variable_value FROM performance_schema.variables_by_thread
		WHERE thread_id = PS_CURRENT_THREAD_ID() LIMIT 10000`,
	globals: `SELECT variable_name, IF(variable_value REGEXP '^-?[0-9.]+$' AND variable_name NOT LIKE '%version%', variable_value, QUOTE(variable_value))
		FROM performance_schema.global_variables WHERE variable_name NOT LIKE 'gtid%'`,
	accounts: `SELECT CONCAT('DROP USER ', QUOTE(user), '@', QUOTE(host)) FROM mysql.user
		WHERE user NOT IN ('root', 'mysql.sys', 'mysql.session', 'mysql.infoschema', 'app', 'admin')`,
	others: []string{
		"SELECT CONCAT('ALTER DATABASE `', schema_name, '` READ ONLY = 0') FROM information_schema.schemata_extensions WHERE options LIKE '%READ ONLY=1%'",
		`SELECT CONCAT('DROP RESOURCE GROUP ', resource_group_name, ' FORCE') FROM information_schema.resource_groups
			WHERE resource_group_name NOT IN ('USR_default', 'SYS_default')`,
		`SELECT CONCAT('DROP TABLESPACE ', name) FROM information_schema.innodb_tablespaces
			WHERE space_type = 'General' AND name <> 'mysql'`,
		`SELECT DISTINCT 'RESET PERSIST' FROM performance_schema.persisted_variables`,
	},
	outside: []ask{
		{"ran", `SELECT REPLACE(event_name, 'statement/sql/', 'com_'), count_star ` + ranMySQL + `REGEXP
			'^statement/sql/(ha_|xa_|.*lock|prepare_sql|set_resource_group)'`},
		{"", `SELECT 'resource group', resource_group FROM performance_schema.threads WHERE processlist_id = ?`},
		{"temporary table", `SELECT 'temporary tables', COUNT(*) FROM information_schema.innodb_temp_table_info WHERE name NOT LIKE '%intrinsic%' AND ? > 0`},
	},
	past: func(ctx context.Context, s *subject) (string, error) {
		// FOUND_ROWS() warns that it is deprecated, in place of the warnings before.
		if _, err := s.ExecContext(ctx, "GET DIAGNOSTICS @"+ownVariable+" = NUMBER"); err != nil {
			return "", err
		}
		return question(ctx, s.Conn, "SELECT '', CONVERT(CONCAT(FOUND_ROWS(), ' ', @"+ownVariable+") USING latin1) LIMIT 1")
	},
	inTransaction: func(ctx context.Context, s *subject) (string, error) {
		if err := s.PingContext(ctx); err != nil {
			return "", err
		}
		commands, err := s.tap.Take()
		if err != nil {
			return "", err
		}
		status, ok := commands[len(commands)-1].Status()
		if !ok {
			return "", fmt.Errorf("a ping was answered without flags: %+v", commands)
		}
		return fmt.Sprint(int(status & tracker.InTransaction)), nil
	},
	touched: func(ctx context.Context, w *world, s *subject) (touched bool, err error) {
		err = w.admin.QueryRowContext(ctx, `SELECT COUNT(*) > 0 `+ranMySQL+`REGEXP
			'^statement/sql/(alter|call|create|drop|execute|grant|install|load|rename|revoke|set_password|set_role|import|truncate|uninstall|xa_prepare)'`, s.id).Scan(&touched)
		return touched, err
	},
	written: `SELECT COALESCE(SUM(count_write), 0) FROM performance_schema.table_io_waits_summary_by_table
		WHERE object_schema NOT IN ('mysql', 'sys', 'performance_schema', 'information_schema')`,
	rollBackXA: func(ctx context.Context, w *world) error {
		rows, err := w.admin.QueryContext(ctx, "XA RECOVER CONVERT XID")
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var format, gtrid, bqual int
			var data string
			if err := rows.Scan(&format, &gtrid, &bqual, &data); err != nil {
				return err
			}
			data = data[len("0x"):]
			if _, err := w.admin.ExecContext(ctx, fmt.Sprintf("XA ROLLBACK X'%s', X'%s', %d", data[:2*gtrid], data[2*gtrid:], format)); err != nil {
				return err
			}
		}
		return rows.Err()
	},
	restless: map[string]bool{
		"timestamp": true, "rand_seed1": true, "rand_seed2": true, "pseudo_thread_id": true, "statement_id": true,
		"error_count": true, "warning_count": true, "last_insert_id": true, "identity": true,
	},
	explained: []explanation{
		{"", "reported variable statement_id", "it is reported with each statement"},
		{"set_var", "reported", "what a hint sets for one statement is reported when it is put back after it"},
		{"/*!", "the warnings changed", "it warns of a comment in a comment that is code"},
		{"explain for schema", "reported", "the server changes to that database and back"},
		{"sys.", "reported", "the same, for a function in another database"},
		{"character_set_filesystem = utf16", "session_track_system_variables", "the server shows the value in that character set"},
	},
	reports: []announcement{
		{"write", "", "INSERT INTO tapped VALUES (1)", []string{"gtids"}},
		{"commit", "INSERT INTO tapped VALUES (2)", "COMMIT", nil},
		{"variable with @@ and no scope", "", "SET @@time_zone = '+01:00'", []string{"state 1", "variable time_zone=+01:00"}},
		{"blind: role", "", "SET ROLE NONE", nil},
		{"false: only for one statement", "", "SELECT /*+ SET_VAR(lock_wait_timeout=3) */ 1", []string{"state 1", "variable lock_wait_timeout=31536000"}},
	},
	denied: []denied{
		{"CREATE TEMPORARY TABLE past.temp (a INT)", share, "temporary tables"},
		{"CREATE TEMPORARY TABLE past.temp (a INT)", share, "reported state"},
		{"FLUSH TABLES WITH READ LOCK", share, "lock GLOBAL"},
		{"LOCK INSTANCE FOR BACKUP", share, "lock BACKUP LOCK"},
		{"SET RESOURCE GROUP idle", share, "resource group"},
		{"SET ROLE clerk", share, "role"},
		{"INSERT INTO past.t (v) VALUES (9)", sqltext.Statement{Kind: sqltext.Share, Reach: sqltext.ReachSession}, "reported gtids"},
	},
	untried: map[string]string{
		"shutdown": "it would end the server that all tests share", "restart": "the same",
		"start replica": "it would look for a source", "start group_replication": "it would look for a group",
	},
	heads: []string{
		"EXPLAIN ANALYZE ", "EXPLAIN FORMAT=JSON INTO @x ", "EXPLAIN FORMAT=TREE ", "/*!80000 */", "EXPLAIN FORMAT=JSON ",
	},
	tails:       []string{" INTO @x, @y", " FOR SHARE SKIP LOCKED", " FOR UPDATE OF t INTO @x", " EXCEPT TABLE t", " AS new"},
	expressions: []string{"/*!80000 @x := */ 1", "/*!80100 1 */ -- ", "/*+ SET_VAR(sql_auto_is_null = 1) */ 1", "ROLES_GRAPHML()", "JSON_VALUE('1', '$')", "$$'$$", "$a$"},
}
