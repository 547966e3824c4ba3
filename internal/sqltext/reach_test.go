package sqltext_test

import (
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

func TestReachOfStatements(t *testing.T) {
	for reach, texts := range map[sqltext.Reach][]string{
		sqltext.ReachSession: {"SELECT 1", "select/**/1", "SELECT a FROM t FOR UPDATE", "SELECT @x := 1 FROM t", "SELECT 1 INTO @x", "SELECT GET_LOCK('x', 0)",
			"SHOW TABLES", "EXPLAIN DELETE FROM t", "EXPLAIN ANALYZE SELECT 1", "DO 1", "DO SLEEP(1)", "SELECT SLEEP(1)", "USE other", "SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK",
			"ROLLBACK AND CHAIN", "SET time_zone = '+00:00'", "SET @x = 1", "SET TRANSACTION READ ONLY", "HANDLER t OPEN", "GET DIAGNOSTICS @n = NUMBER", "", "-- x",
			"SET STATEMENT max_statement_time = 1 FOR SELECT 1"},
		sqltext.ReachTransaction: {"INSERT INTO t VALUES (1)", "/* x */ insert/**/into t values (1)", "# x\nREPLACE t SET a = 1", "UPDATE t SET a = @x",
			"DELETE FROM t", "WITH x AS (SELECT 1) DELETE FROM t", "SELECT f(1)", "DO f(1)", "EXPLAIN ANALYZE DELETE FROM t",
			"SELECT NEXTVAL(s)", "CREATE TEMPORARY TABLE x (a INT)", "SELECT f(1) INTO @x", "SET STATEMENT max_statement_time = 1 FOR DELETE FROM t"},
		sqltext.ReachAny: {"COMMIT", "BEGIN", "START TRANSACTION", "SET autocommit = 1", "SET autocommit = 0", "TRUNCATE t", "CREATE TABLE x (a INT)",
			"DROP DATABASE x", "LOCK TABLES t READ", "UNLOCK TABLES", "FLUSH TABLES WITH READ LOCK", "CALL p()", "EXECUTE s", "INSERT INTO t VALUES (1); COMMIT",
			"INSERT INTO t VALUES (1); SELECT 1", "LOAD DATA INFILE 'x' INTO TABLE t", "ANALYZE TABLE t", "SELECT 1 INTO OUTFILE 'x'", "XA COMMIT 'a'", "FROBNICATE",
			"SET GLOBAL max_connections = 1", "GRANT SELECT ON *.* TO u", "SET STATEMENT lock_wait_timeout = 1 FOR DROP TABLE t"},
	} {
		for _, text := range texts {
			if got := sqltext.Classify(text, 0).Reach; got != reach {
				t.Errorf("%q: got reach %d, want %d", text, got, reach)
			}
		}
	}
}

// facts checks one flag over two lists of texts.
func facts(t *testing.T, name string, flag func(s sqltext.Statement) bool, yes, no []string) {
	t.Helper()
	for want, texts := range map[bool][]string{true: yes, false: no} {
		for _, text := range texts {
			if s := sqltext.Classify(text, 0); flag(s) != want {
				t.Errorf("%q: %s is %v, want %v (%+v)", text, name, !want, want, s)
			}
		}
	}
}

func TestTransactionsThatAreChained(t *testing.T) {
	facts(t, "chains", func(s sqltext.Statement) bool { return s.Chains },
		[]string{"COMMIT AND CHAIN", "commit work and/**/chain no release", "ROLLBACK AND CHAIN", "ROLLBACK WORK AND CHAIN", "/*! COMMIT AND CHAIN */"},
		[]string{"COMMIT AND NO CHAIN", "COMMIT /* AND CHAIN */", "COMMIT -- CHAIN", "ROLLBACK AND NO CHAIN", "ROLLBACK TO CHAIN", "ROLLBACK", "COMMIT RELEASE",
			"COMMIT AND CHAIN; SELECT 1", "BEGIN", "SELECT 'CHAIN'"})
}

func TestTransactionsThatOnlyRead(t *testing.T) {
	facts(t, "read only", func(s sqltext.Statement) bool { return s.ReadOnly },
		[]string{"START TRANSACTION READ ONLY", "start transaction read/**/only", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"},
		[]string{"START TRANSACTION", "START TRANSACTION READ WRITE", "START TRANSACTION /* READ ONLY */", "BEGIN -- READ ONLY", "SET TRANSACTION READ ONLY",
			"SET SESSION TRANSACTION READ ONLY"})
}

func TestStatementsWithWarningsOfTheirOwn(t *testing.T) {
	facts(t, "own warnings", func(s sqltext.Statement) bool { return s.OwnWarnings },
		[]string{"SELECT * FROM t", "select a from duties", "SELECT 'it''s' -- x\nFROM/**/t", "SELECT * FROM `dual`", "SELECT * FROM d", "SELECT * FROM du.t",
			"/* x */ SELECT a FROM t", "SELECT EXISTS(SELECT 1 FROM t)", "SELECT * FROM (SELECT a FROM t) x", "(SELECT a FROM t)", "SELECT @x FROM t",
			"INSERT INTO t VALUES (1)", "/* x */ REPLACE INTO t VALUES (1)", "UPDATE t SET a = 1", "DELETE FROM t", "WITH x AS (SELECT 1) UPDATE t SET a = 1",
			"ALTER TABLE t ADD COLUMN x INT", "CREATE TABLE x (a INT)", "CREATE OR REPLACE TABLE x (a INT)", "DROP TABLE x", "drop\ttable if exists x"},
		[]string{"SELECT 1", "SELECT 1 FROM DUAL", "select 1 from dual", "SELECT TRIM('x' FROM CURRENT_USER)", "SELECT EXTRACT(YEAR FROM NOW())",
			"SELECT (SELECT 1), TRIM('x' FROM CURRENT_USER)", "SELECT 'x FROM t'", "SELECT 1 -- FROM t", "SELECT 1 /* FROM t */", "DO 1", "SET time_zone = 'x'", "USE x", "CALL p()",
			"SELECT a FROM t; SELECT 1", "SHOW WARNINGS", "EXPLAIN SELECT a FROM t", "BEGIN", "COMMIT", "DROP VIEW x", "GRANT INSERT ON t TO u", ""})
}

func TestStatementsThatTaint(t *testing.T) {
	facts(t, "taints", func(s sqltext.Statement) bool { return s.Taints },
		[]string{"XA START 'x'", "/* x */ xa end 'x'", "SELECT 1; XA START 'x'", "SET profiling = 1", "SET SESSION `Profiling` = 1", "SET @@profiling=ON", "SET @x = 1, profiling = 1",
			"SET x = y + 1, @@session.profiling = 1", "SELECT 1; SET profiling = 1", "BEGIN NOT ATOMIC SET profiling = 1; END", "SET STATEMENT profiling = 1 FOR SELECT 1",
			"SET RESOURCE GROUP slow", "/* x */ set resource group `a b` FOR 7", "SELECT 1; SET RESOURCE GROUP slow"},
		[]string{"SET x = 'profiling'", "SET x = 1 /* profiling */", "SELECT profiling FROM t", "UPDATE t SET profiling = @x", "SELECT xa, @x FROM t", "CALL p()",
			"CREATE PROCEDURE p() SET profiling = 1", "SELECT @@profiling, @x", "SET x = 'RESOURCE GROUP'", "SET @resource = 1", "CREATE RESOURCE GROUP slow TYPE = USER"})
}

func TestSequencesThatAreRecalled(t *testing.T) {
	for _, c := range []struct{ before, text string }{
		{"SELECT NEXTVAL(s)", "SELECT LASTVAL(s)"},
		{"SELECT NEXT VALUE FOR s", "SELECT PREVIOUS VALUE FOR s"},
		{"/* x */ SELECT 1, nextval( /* y */ db.s )", "SELECT 1 + LASTVAL(db.s)"},
		{"SELECT NEXTVAL(`a b`.`s`) AS id", "SELECT LASTVAL(`a b`.`s`)"},
		{"DO NEXTVAL(s)", "SELECT LASTVAL(s) FROM t WHERE 1"},
		{"INSERT INTO t VALUES (1, NEXTVAL(s))", "SELECT LASTVAL(s)"},
		{"INSERT INTO t (a) VALUES (NEXT VALUE FOR s)", "SELECT LASTVAL(s)"},
		{"REPLACE INTO t (a) VALUES (NEXTVAL(s))", "UPDATE t SET a = LASTVAL(s)"},
		{"SET STATEMENT max_statement_time = 1 FOR SELECT NEXTVAL(s)", "SELECT LASTVAL(s)"},
	} {
		before, s := sqltext.Classify(c.before, 0), sqltext.Classify(c.text, 0)
		if !s.Recalls(&before) {
			t.Errorf("%q after %q: is not recalled (%q, %q)", c.text, c.before, s.Sequence, before.Sequence)
		}
	}
}

func TestSequencesThatMayNotBeTheSame(t *testing.T) {
	for _, c := range []struct{ before, text string }{
		{"SELECT NEXTVAL(s)", "SELECT LASTVAL(r)"},
		{"SELECT NEXTVAL(s)", "SELECT LASTVAL(S)"}, // names of tables have a case on some servers
		{"SELECT NEXTVAL(s)", "SELECT LASTVAL(db.s)"},
		{"SELECT NEXTVAL(s) -- r", "SELECT LASTVAL(r)"},
		{"SELECT 'NEXTVAL(s)'", "SELECT LASTVAL(s)"},
		{"SELECT 1 /* NEXTVAL(s) */", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s), NEXTVAL(r)", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s)", "SELECT LASTVAL(s), LASTVAL(r)"},
		{"SELECT SETVAL(s, 5)", "SELECT LASTVAL(s)"},
		{"SELECT LASTVAL(s)", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s) FROM t", "SELECT LASTVAL(s)"}, // t may be empty
		{"SELECT NEXTVAL(s) WHERE 0", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s) LIMIT 0", "SELECT LASTVAL(s)"},
		{"SELECT IF(0, NEXTVAL(s), 1)", "SELECT LASTVAL(s)"},
		{"SELECT 0 AND NEXTVAL(s)", "SELECT LASTVAL(s)"},
		{"UPDATE t SET a = NEXTVAL(s)", "SELECT LASTVAL(s)"},
		{"INSERT INTO t SELECT NEXTVAL(s) FROM r", "SELECT LASTVAL(s)"},
		{"INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = NEXTVAL(s)", "SELECT LASTVAL(s)"},
		{"INSERT INTO t VALUES (IF(0, NEXTVAL(s), 1))", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s); SELECT 1", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s . r)", "SELECT LASTVAL(s)"},
		{"SELECT 1", "SELECT LASTVAL(s)"},
		{"SELECT NEXTVAL(s)", "SELECT @@last_gtid"},
	} {
		before, s := sqltext.Classify(c.before, 0), sqltext.Classify(c.text, 0)
		if s.Recalls(&before) {
			t.Errorf("%q after %q: is recalled (%q)", c.text, c.before, s.Sequence)
		}
	}
}

func TestDatabasesThatAreDropped(t *testing.T) {
	for text, want := range map[string]string{
		"DROP DATABASE x":                                     "x",
		"drop schema if exists `a``b` ;":                      "a`b",
		"DROP DATABASE /* y */ x -- z":                        "x",
		"CREATE OR REPLACE DATABASE x":                        "x",
		"CREATE DATABASE x":                                   "",
		"CREATE DATABASE IF NOT EXISTS x":                     "",
		"DROP TABLE x":                                        "",
		"ALTER DATABASE x CHARACTER SET latin1":               "",
		"SET STATEMENT lock_wait_timeout=1 FOR DROP SCHEMA x": "x",
	} {
		if s := sqltext.Classify(text, 0); s.Kind != sqltext.Share || s.Schema != want {
			t.Errorf("%q: got %v, schema %q, want share, %q", text, s.Kind, s.Schema, want)
		}
	}
}
