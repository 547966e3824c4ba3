package sqltext_test

import (
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

func TestDefinitionsMentionWhatTheyAskForLater(t *testing.T) {
	const id, value = sqltext.LastInsertID | sqltext.Identity, sqltext.LastValue
	for text, want := range map[string]sqltext.Sticky{
		"CREATE VIEW v AS SELECT LAST_INSERT_ID() AS id":                                      id,
		"CREATE OR REPLACE VIEW v AS SELECT LASTVAL(s) AS n":                                  value,
		"ALTER VIEW v AS SELECT PREVIOUS VALUE FOR s":                                         value,
		"CREATE VIEW v AS SELECT * FROM information_schema.SESSION_VARIABLES":                 id,
		"CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET NEW.v = last_insert_id()":      id,
		"CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.v = @@identity; END": id,
		"CREATE FUNCTION f() RETURNS BIGINT RETURN LAST_INSERT_ID()":                          id,
		"CREATE DEFINER=root@localhost FUNCTION f() RETURNS BIGINT RETURN LASTVAL(s)":         value,
		"CREATE PROCEDURE p() SELECT `LAST_INSERT_ID`()":                                      id,
		"CREATE TABLE d (a INT, b BIGINT DEFAULT (@@last_insert_id))":                         id,
		"ALTER TABLE d ALTER b SET DEFAULT LASTVAL(s)":                                        value,
		"SELECT 1; CREATE VIEW v AS SELECT LAST_INSERT_ID() AS id":                            id,
		"CREATE VIEW v AS SELECT 1":                                                           0,
		"CREATE TABLE d (a INT AUTO_INCREMENT PRIMARY KEY)":                                   0,
		"SELECT LAST_INSERT_ID()":                                                             0,
		"INSERT INTO t (v) VALUES (LAST_INSERT_ID())":                                         0,
	} {
		got := sqltext.Classify(text, 0).Mentions
		if got&^id != want&^id || got.Has(id) != want.Has(id) {
			t.Errorf("%q: mentions %b, want %b", text, got, want)
		}
	}
}

func TestAViewIsNotAskedWhenItIsMade(t *testing.T) {
	if s := sqltext.Classify("CREATE VIEW v AS SELECT LAST_INSERT_ID(), FOUND_ROWS()", 0); s.Sticky != 0 || s.Variables {
		t.Errorf("sticky %b, variables %v; want none", s.Sticky, s.Variables)
	}
}

func TestListsOfVariables(t *testing.T) {
	for text, want := range map[string]bool{
		"SHOW VARIABLES":                                            true,
		"SHOW SESSION VARIABLES":                                    true,
		"show local variables where Variable_name = 'x'":            true,
		"SHOW VARIABLES LIKE '%ident%'":                             true,
		"SHOW VARIABLES LIKE 'LAST%'":                               true,
		"SHOW VARIABLES LIKE 'l_st\\_insert%'":                      true,
		"SHOW VARIABLES LIKE 'sql_mode'":                            false,
		"SHOW VARIABLES LIKE 'character_set%'":                      false,
		"SHOW GLOBAL VARIABLES":                                     false,
		"SHOW STATUS":                                               false,
		"SELECT * FROM information_schema.SESSION_VARIABLES":        true,
		"SELECT * FROM information_schema.`system_variables`":       true,
		"SELECT * FROM performance_schema.session_variables":        true,
		"SELECT * FROM performance_schema.variables_by_thread":      true,
		"SELECT 'session_variables' FROM information_schema.TABLES": false,
	} {
		if got := sqltext.Classify(text, 0).Variables; got != want {
			t.Errorf("%q: lists variables is %v, want %v", text, got, want)
		}
	}
	for text, want := range map[string]sqltext.Sticky{
		"SHOW VARIABLES LIKE 'identity'":       sqltext.Identity,
		"SHOW VARIABLES LIKE 'LAST_INSERT_ID'": sqltext.Identity,
		"SHOW VARIABLES LIKE 'warning_count'":  sqltext.Warnings,
		"SHOW VARIABLES LIKE 'last_gtid'":      sqltext.LastValue,
		"SHOW VARIABLES LIKE 'wait_timeout'":   0,
		"SHOW VARIABLES":                       0,
	} {
		if got := sqltext.Classify(text, 0).Sticky; got != want {
			t.Errorf("%q: asks for %b, want %b", text, got, want)
		}
	}
}

func TestStringsThatAreExecutedAsk(t *testing.T) {
	for text, want := range map[string]sqltext.Sticky{
		"EXECUTE IMMEDIATE 'SELECT FOUND_ROWS()'":      sqltext.FoundRows,
		"EXECUTE IMMEDIATE 'SELECT ROW_COUNT()'":       sqltext.RowCount | sqltext.Warnings,
		"EXECUTE IMMEDIATE 'SELECT @@warning_count'":   sqltext.Warnings,
		"PREPARE p FROM 'SELECT FOUND_ROWS()'":         sqltext.FoundRows,
		"PREPARE p FROM 'SELECT ROW_COUNT()'":          0,
		"PREPARE p FROM 'SELECT PREVIOUS VALUE FOR s'": sqltext.LastValue,
		"EXECUTE p": 0,
	} {
		if got := sqltext.Classify(text, 0).Sticky; got != want {
			t.Errorf("%q: asks for %b, want %b", text, got, want)
		}
	}
}
