package sessiontest_test

// differAccount gives the account of the twins what they need on each server.
func differAccount() []string {
	return append([]string{"CREATE DATABASE d", "GRANT ALL ON `d%`.* TO app@'%'"}, byFamily(nil, []string{
		"GRANT SESSION_VARIABLES_ADMIN, SYSTEM_VARIABLES_ADMIN, PERSIST_RO_VARIABLES_ADMIN, RESOURCE_GROUP_USER ON *.* TO app@'%'", "CREATE RESOURCE GROUP slow TYPE = USER VCPU = 0",
		"CREATE ROLE clerk", "CREATE ROLE cook", "GRANT clerk, cook TO app@'%'",
	})...)
}

// ofSettings asks for one number of many variables.
func ofSettings(table string) string {
	return "SELECT CONCAT(SUM(CRC32(CONCAT(VARIABLE_NAME, '=', VARIABLE_VALUE)))) FROM " + table + " WHERE VARIABLE_NAME RLIKE '^(character|collation|sql_|time_z|lc_|max_|tx_|auto|session_t|transaction_)'" +
		" AND VARIABLE_NAME NOT IN (" + ofTheMoment + ") LIMIT 1"
}

var differOfMariaDB = repertoire{
	schema: []string{"CREATE SEQUENCE s"},
	reads: []string{
		"VALUES (1), ({n})", "SET STATEMENT sort_buffer_size = 4096 FOR SELECT @@sort_buffer_size, @@sql_mode", "SELECT @@in_transaction, @@autocommit, @@tx_isolation, @@tx_read_only",
		ofSettings("information_schema.SESSION_VARIABLES"),
	},
	writes: []string{"INSERT INTO t (v) VALUES ('x') RETURNING id", "SELECT NEXTVAL(s)", "SELECT NEXT VALUE FOR {db}.s"},
	sticky: []string{"SELECT LASTVAL(s)", "SELECT PREVIOUS VALUE FOR s"},
	hidden: []string{"SELECT VARIABLE_VALUE FROM information_schema.SESSION_VARIABLES WHERE VARIABLE_NAME IN ('IDENTITY', 'LAST_INSERT_ID')"},
	pins: []string{
		"BEGIN NOT ATOMIC SET @z = {n}; SELECT @z; END", "EXECUTE IMMEDIATE 'SET NAMES latin1'", "SET STATEMENT time_zone = '+01:00' FOR SET @x = 1", "SET max_error_count = {n}",
	},
}

var differOfMySQL = repertoire{
	schema: []string{
		"CREATE TABLE hidden (id BIGINT UNSIGNED AUTO_INCREMENT PRIMARY KEY INVISIBLE, v INT, w INT AS (v + 1) INVISIBLE, j JSON, CHECK (v < 1000000))",
		"CREATE TABLE words (w VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, KEY ((UPPER(w))))", "INSERT INTO words VALUES ('résumé'), ('RESUME'), ('x ')",
		"CREATE PROCEDURE act(r INT) SQL SECURITY INVOKER BEGIN IF r THEN SET ROLE clerk; ELSE SET ROLE NONE; END IF; END",
	},
	reads: []string{
		"VALUES ROW(1), ROW({n})", "TABLE who", "TABLE {db}.u ORDER BY code LIMIT 2", "SELECT /*+ SET_VAR(sort_buffer_size = 65536) */ @@sort_buffer_size, @@sql_mode", "SELECT /*+ MAX_EXECUTION_TIME(100000) */ {n}",
		"SELECT /*+ RESOURCE_GROUP(slow) */ DATABASE()", "SELECT @@autocommit, @@transaction_isolation, @@transaction_read_only", "SELECT @@session_track_gtids, @@block_encryption_mode, HEX(AES_ENCRYPT('x', 'k'))",
		"SELECT CURRENT_ROLE()", "SELECT code, ROW_NUMBER() OVER w, LAG(code, 1, '-') OVER w FROM u WINDOW w AS (ORDER BY code) ORDER BY 1, 2",
		"SELECT j, DATABASE() FROM JSON_TABLE('[1, {n}, \"a\"]', '$[*]' COLUMNS (i FOR ORDINALITY, j VARCHAR(9) PATH '$' DEFAULT '\"-\"' ON ERROR)) x ORDER BY i",
		"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {n} + 1) SELECT COUNT(*), SUM(n) FROM c", "SELECT 1 INTERSECT SELECT 1", "(SELECT {n}) EXCEPT (SELECT v FROM m ORDER BY id LIMIT 0)",
		"SELECT COUNT(*) FROM words WHERE w = 'resume'", "SELECT 'a' = 'A' COLLATE utf8mb4_0900_as_cs, 'x' = 'x ' COLLATE utf8mb4_0900_bin, COLLATION(_utf8mb4'x')", "SELECT w FROM words WHERE w = ? ORDER BY w COLLATE utf8mb4_0900_bin",
		"SELECT v, j->>'$.a' FROM {db}.hidden ORDER BY id DESC LIMIT 3", "SELECT id, w FROM hidden ORDER BY id DESC LIMIT 3", "SELECT x.a FROM who, LATERAL (SELECT CONCAT(name, {n}) AS a) x",
		"EXPLAIN FORMAT = TREE SELECT {n}", "SELECT JSON_PRETTY(JSON_OBJECT('a', ?))", "SELECT * FROM t WHERE id = {n} FOR SHARE SKIP LOCKED", "SHOW CREATE TABLE hidden", "SELECT GROUPING(name), COUNT(*) FROM who GROUP BY name WITH ROLLUP",
		"SELECT REGEXP_REPLACE(DATABASE(), '[0-9]', '{n}')", "SHOW GRANTS FOR CURRENT_USER() USING clerk", ofSettings("performance_schema.session_variables"),
	},
	writes: []string{
		"INSERT INTO t (id, v) VALUES ({id}, 'x') AS new ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(t.id), v = CONCAT(new.v, 'd')", "INSERT INTO t (v) VALUES ROW('r'), ROW('s')", "INSERT INTO t (v) TABLE u",
		"INSERT INTO hidden (v, j) VALUES ({n}, '{\"a\": {n}}')", "INSERT INTO hidden (v, w) VALUES ({n}, DEFAULT)", "INSERT INTO hidden (v) VALUES (1000001)", "UPDATE hidden SET j = JSON_SET(COALESCE(j, '{}'), '$.a', {n}) WHERE v < {n}",
		"UPDATE t JOIN (SELECT {n} AS a) x SET t.n = x.a WHERE t.id < 9", "WITH x AS (SELECT {n} AS a) DELETE t FROM t JOIN x ON t.n = x.a", "INSERT INTO words VALUES (?)", "DELETE FROM words WHERE w = 'X'",
		"ALTER TABLE hidden ALTER COLUMN w SET VISIBLE", "ALTER TABLE hidden ALTER COLUMN w SET INVISIBLE", "SET PERSIST connect_timeout = 10{n}", "SET PERSIST_ONLY back_log = 9{n}", "RESET PERSIST IF EXISTS connect_timeout",
	},
	sticky: []string{"GET CURRENT DIAGNOSTICS @c = NUMBER, @r = ROW_COUNT", "SHOW ERRORS"},
	hidden: []string{"SELECT VARIABLE_VALUE FROM performance_schema.session_variables WHERE VARIABLE_NAME IN ('identity', 'last_insert_id')"},
	pins: []string{
		"SET ROLE clerk", "SET ROLE ALL", "SET ROLE ALL EXCEPT cook", "SET ROLE NONE", "SET ROLE DEFAULT", "CALL act({n} MOD 2)", "SET RESOURCE GROUP slow", "SET session_track_gtids = OWN_GTID", "SET optimizer_switch = 'mrr=off'",
		"SET SESSION optimizer_trace_limit = {n}", "SET max_error_count = {n}", "TABLE who INTO @x", "SELECT v, n FROM t ORDER BY id LIMIT 1 INTO @x, @y", "EXPLAIN FORMAT = JSON INTO @plan SELECT {n}", "SELECT JSON_VALID(@plan)",
		"SET SESSION explain_format = TREE", "SET default_collation_for_utf8mb4 = utf8mb4_general_ci", "SET @@SESSION.time_zone = '+02:00', GLOBAL connect_timeout = 1{n}", "SET group_concat_max_len = 50, PERSIST connect_timeout = 2{n}",
		"SELECT GET_LOCK('l{me}', 5), GET_LOCK('m{me}', 5)", "SELECT RELEASE_ALL_LOCKS()", "SET gtid_next = AUTOMATIC",
	},
	errors: []string{
		"SET ROLE nobody", "SET RESOURCE GROUP nowhere", "SET PERSIST nowhere = 1", "SELECT * FROM JSON_TABLE('[', '$[*]' COLUMNS (j INT PATH '$')) x", "SELECT ROW_NUMBER() FROM who", "TABLE nowhere", "INSERT INTO hidden VALUES (1, '{')",
		"WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT COUNT(*) FROM c",
	},
	prepare: []string{
		"SELECT COUNT(*) FROM words WHERE w = ?", "SELECT ROW_NUMBER() OVER (ORDER BY ?), name FROM who", "SELECT /*+ SET_VAR(sort_buffer_size = 65536) */ ?, @@sort_buffer_size", "TABLE who LIMIT ?",
		"SELECT j FROM JSON_TABLE(CONCAT('[', ?, ']'), '$[*]' COLUMNS (j INT PATH '$')) x", "INSERT INTO hidden (v) VALUES (?)",
	},
}
