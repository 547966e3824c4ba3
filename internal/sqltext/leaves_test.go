package sqltext_test

import (
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

const inserted = sqltext.LastInsertID | sqltext.Identity

func TestStatementsThatMaySetLastInsertID(t *testing.T) {
	for _, text := range []string{
		"INSERT INTO t (a) VALUES (1)",
		"REPLACE INTO t (a) VALUES (1)",
		"UPDATE counter SET n = LAST_INSERT_ID(n + 1)",
		"SELECT LAST_INSERT_ID(7)",
		"SELECT LAST_INSERT_ID(LAST_INSERT_ID() + 1)",
		"DO `LAST_INSERT_ID`(7)",
		"LOAD DATA INFILE 'x' INTO TABLE t",
		"CREATE TABLE n AS SELECT 1 AS a",
		"ANALYZE INSERT INTO t (a) VALUES (1)",
		"EXPLAIN ANALYZE REPLACE INTO t (a) VALUES (1)",
		"CALL p()",
		"EXECUTE s",
		"SELECT 1; INSERT INTO t (a) VALUES (1)",
	} {
		if got := sqltext.Classify(text, 0).Leaves; got&inserted != inserted {
			t.Errorf("%q: leaves %b, want last insert id and identity in it", text, got)
		}
	}
}

func TestStatementsThatDoNotSetLastInsertID(t *testing.T) {
	for _, text := range []string{"SELECT 1", "SELECT LAST_INSERT_ID()", "UPDATE t SET a = 1", "DELETE FROM t", "SHOW TABLES", "BEGIN",
		"COMMIT", "SET time_zone = '+00:00'", "USE other", "SELECT @x", "DO 1",
		"DROP TABLE t", "ALTER TABLE t ADD COLUMN z INT", "CREATE VIEW x AS SELECT 1", "GRANT SELECT ON *.* TO u@h"} {
		if got := sqltext.Classify(text, 0).Leaves; got.Has(inserted) {
			t.Errorf("%q: leaves %b, want no last insert id", text, got)
		}
	}
}

func TestStatementsAboutWarningsLeaveThem(t *testing.T) {
	for _, text := range []string{"SHOW WARNINGS", "SHOW ERRORS", "SHOW COUNT(*) WARNINGS", "GET DIAGNOSTICS @n = NUMBER"} {
		if got := sqltext.Classify(text, 0).Leaves; got.Has(sqltext.Warnings) {
			t.Errorf("%q: may set warnings anew, want not", text)
		}
	}
	for _, text := range []string{"SELECT 1", "CHECKSUM TABLE t", "SET time_zone = '+00:00'", "COMMIT", "SHOW TABLES"} {
		if got := sqltext.Classify(text, 0).Leaves; !got.Has(sqltext.Warnings) {
			t.Errorf("%q: leaves the warnings, want that it may set them anew", text)
		}
	}
}

func TestSequencesLeaveALastValue(t *testing.T) {
	for _, text := range []string{"SELECT NEXTVAL(s)", "SELECT NEXT VALUE FOR s", "INSERT INTO t (a) VALUES (NEXT VALUE FOR db.s)"} {
		if got := sqltext.Classify(text, 0).Leaves; !got.Has(sqltext.LastValue) {
			t.Errorf("%q: leaves %b, want a last value in it", text, got)
		}
	}
}

func TestWhatASecondStatementAsksOfTheFirstIsNotSticky(t *testing.T) {
	for text, want := range map[string]sqltext.Sticky{
		"INSERT INTO t (a) VALUES (1); SELECT LAST_INSERT_ID()": 0,
		"INSERT INTO t (a) VALUES (1); SELECT @@identity":       0,
		"UPDATE t SET a = 1; SELECT ROW_COUNT(), FOUND_ROWS()":  0,
		"UPDATE t SET a = 1; SHOW WARNINGS":                     0,
		"UPDATE t SET a = 1; SELECT @@warning_count":            0,
		"UPDATE t SET a = 1; SELECT LAST_INSERT_ID()":           sqltext.LastInsertID,
		"SELECT ROW_COUNT(); SELECT 1":                          sqltext.RowCount,
	} {
		if got := sqltext.Classify(text, 0).Sticky; got != want {
			t.Errorf("%q: got sticky %b, want %b", text, got, want)
		}
	}
}

func TestOpaqueStatements(t *testing.T) {
	for text, want := range map[string]bool{
		"CALL p()":                              true,
		"EXECUTE s":                             true,
		"SELECT 1; USE other":                   true,
		"SELECT @x; USE other":                  true,
		"DROP DATABASE `\xc3\xa9`":              true,
		"DROP DATABASE x":                       false,
		"FROBNICATE":                            true,
		"SET sql_mode = CONCAT(@@sql_mode, '')": true,
		"SET sql_mode = @x":                     true,
		"SET @old = @@sql_mode, sql_mode = ''":  true,
		"SET sql_mode = '', autocommit = 0":     true,
		"SET NAMES gbk":                         true,
		"SET @x = 1":                            false,
		"SET @x = (SELECT 1), @y = 2":           false,
		"SET autocommit = 0":                    false,
		"SELECT @x":                             false,
		"SELECT GET_LOCK('x', 0)":               false,
		"LOCK TABLES t READ":                    false,
		"CREATE TEMPORARY TABLE x (a INT)":      false,
		"SET sql_mode = ''":                     false,
		"USE other":                             false,
		"SELECT 1":                              false,
		"INSERT INTO t VALUES (1)":              false,
	} {
		if got := sqltext.Classify(text, 0).Opaque; got != want {
			t.Errorf("%q: opaque is %v, want %v", text, got, want)
		}
	}
}

func TestNamesOfKindsAndPins(t *testing.T) {
	seen := map[string]bool{}
	for p := range sqltext.Pin(sqltext.PinCount) {
		seen[p.String()] = true
	}
	if len(seen) != sqltext.PinCount || seen["pin?"] {
		t.Errorf("%d pins have the names %v", sqltext.PinCount, seen)
	}
	if got := sqltext.Pin(sqltext.PinCount).String(); got != "pin?" {
		t.Errorf("the pin after the last is %q", got)
	}
	if got := []string{sqltext.Read.String(), sqltext.Pins.String(), (sqltext.Pins + 1).String()}; got[0] != "read" || got[1] != "pins" || got[2] != "kind?" {
		t.Errorf("kinds are called %q", got)
	}
}

func TestStatementsWhoseAnswerSaysTheNumber(t *testing.T) {
	for text, want := range map[string]bool{
		"INSERT INTO t (v) VALUES (1)":                                                  true,
		"INSERT INTO t (v) VALUES (1) RETURNING id":                                     false,
		"REPLACE INTO t (v) VALUES (1)":                                                 true,
		"INSERT INTO t (id) VALUES (1) ON DUPLICATE KEY UPDATE id = LAST_INSERT_ID(id)": false,
		"INSERT INTO t (v) VALUES (LAST_INSERT_ID())":                                   true,
		"UPDATE t SET v = LAST_INSERT_ID(7)":                                            false,
		"LOAD DATA INFILE 'x' INTO TABLE t":                                             false,
		"CREATE TABLE n AS SELECT 1 AS a":                                               false,
		"INSERT INTO t (v) VALUES (1); UPDATE t SET v = LAST_INSERT_ID(7)":              false,
		"SELECT LAST_INSERT_ID(7)":                                                      false,
	} {
		if got := sqltext.Classify(text, 0).Says; got != want {
			t.Errorf("%q: says the number is %v, want %v", text, got, want)
		}
	}
}

func TestStatementsThatMeetNothing(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT 1":                            true,
		"SELECT @@version, DATABASE(), NOW()": true,
		"SELECT 1 FROM DUAL":                  false,
		"SELECT f()":                          false,
		"SELECT shop.f()":                     false,
		"SELECT (SELECT MAX(id) FROM t)":      false,
		"SELECT 1; SELECT f()":                false,
		"TABLE t":                             false,
		"SHOW TABLES":                         false,
		"INSERT INTO t VALUES (1)":            false,
		"WITH c AS (SELECT 1) TABLE c":        false,
	} {
		if got := sqltext.Classify(text, 0).Bare; got != want {
			t.Errorf("%q: meets nothing is %v, want %v", text, got, want)
		}
	}
}

func TestWhatFoundRowsCountsForCertain(t *testing.T) {
	for text, want := range map[string]bool{
		"SELECT a FROM t":                      true,
		"(SELECT 1) UNION (SELECT 2)":          true,
		"WITH x AS (SELECT 1) SELECT * FROM x": true,
		"SELECT COUNT(*) FROM t WHERE a = ?":   false,
		"SELECT Max(a) FROM t":                 false,
		"VALUES (1), (2)":                      false,
		"TABLE t":                              false,
		"SHOW TABLES":                          false,
		"EXPLAIN SELECT 1":                     false,
		"SELECT 1; DO 1":                       false,
		"SELECT f(1)":                          false,
		"UPDATE t SET a = 1":                   false,
	} {
		if got := sqltext.Classify(text, 0).OwnFoundRows; got != want {
			t.Errorf("%q: OwnFoundRows = %v, want %v", text, got, want)
		}
	}
}
