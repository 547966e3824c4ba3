package sqltext_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir/internal/sqltext"
)

func TestChangesOfASet(t *testing.T) {
	for _, c := range []struct {
		text string
		want []sqltext.Change
	}{
		{"SET NAMES utf8mb4", []sqltext.Change{{Name: "names", Value: "utf8mb4"}}},
		{"SET NAMES 'utf8mb4'", []sqltext.Change{{Name: "names", Value: "'utf8mb4'"}}},
		{"SET NAMES utf8mb4 /* and */ COLLATE -- what\n utf8mb4_bin", []sqltext.Change{{Name: "names", Value: "utf8mb4 COLLATE utf8mb4_bin"}}},
		{"SET CHARACTER SET latin1", []sqltext.Change{{Name: "character set", Value: "latin1"}}},
		{"SET CHARSET 'utf8'", []sqltext.Change{{Name: "character set", Value: "'utf8'"}}},
		{"SET TIME_ZONE = '+00:00'", []sqltext.Change{{Name: "time_zone", Value: "'+00:00'"}}},
		{"SET @@SESSION.`Time_Zone` := '+00:00'", []sqltext.Change{{Name: "time_zone", Value: "'+00:00'"}}},
		{`SET time_zone = "+00:00"`, []sqltext.Change{{Name: "time_zone", Value: "'+00:00'"}}},
		{"SET sql_mode = ANSI;", []sqltext.Change{{Name: "sql_mode", Value: "ANSI"}}},
		{"SET long_query_time = -1.5e1", []sqltext.Change{{Name: "long_query_time", Value: "-1.5e1"}}},
		{"SET sql_select_limit=DEFAULT", []sqltext.Change{{Name: "sql_select_limit", Value: "DEFAULT"}}},
		{"SET character_set_results = NULL", []sqltext.Change{{Name: "character_set_results", Value: "NULL"}}},
		{"SET foreign_key_checks=0, unique_checks=OFF", []sqltext.Change{
			{Name: "foreign_key_checks", Value: "0"}, {Name: "unique_checks", Value: "OFF"}}},
		{"SET time_zone='a', SESSION time_zone='b', NAMES latin1, autocommit=ON", []sqltext.Change{
			{Name: "time_zone", Value: "'a'"}, {Name: "time_zone", Value: "'b'"}, {Name: "names", Value: "latin1"}, {Name: "autocommit", Value: "1"}}},
		{"SET SESSION tx_isolation = 'READ-COMMITTED'", []sqltext.Change{{Name: "transaction_isolation", Value: "'READ-COMMITTED'"}}},
		{"SET tx_read_only = 1", []sqltext.Change{{Name: "transaction_read_only", Value: "1"}}},
		{"SET storage_engine = InnoDB", []sqltext.Change{{Name: "default_storage_engine", Value: "InnoDB"}}},
		{"SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY", []sqltext.Change{
			{Name: "transaction_isolation", Value: "'REPEATABLE-READ'"}, {Name: "transaction_read_only", Value: "1"}}},
		{"SET LOCAL TRANSACTION READ WRITE, ISOLATION LEVEL READ UNCOMMITTED", []sqltext.Change{
			{Name: "transaction_read_only", Value: "0"}, {Name: "transaction_isolation", Value: "'READ-UNCOMMITTED'"}}},
		{"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", []sqltext.Change{{Name: "transaction_isolation", Value: "'SERIALIZABLE'"}}},
		{"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", []sqltext.Change{{Name: "transaction_isolation", Value: "'READ-COMMITTED'"}}},
		{"/*!40101 SET NAMES utf8 */", []sqltext.Change{{Name: "names", Value: "utf8"}}},
	} {
		got := sqltext.Classify(c.text, 0)
		if got.Kind != sqltext.Set {
			t.Errorf("%q: got %v, pin %v, want set", c.text, got.Kind, got.Pin)
		}
		if diff := cmp.Diff(c.want, got.Changes); diff != "" {
			t.Errorf("%q: changes (-want +got):\n%s", c.text, diff)
		}
	}
}

func TestSetThatPinsHasNoChanges(t *testing.T) {
	for _, text := range []string{
		"SET time_zone = '+00:00', @x = 1",
		"SET time_zone = '+00:00', autocommit = 0",
		"SET time_zone = '+00:00', GLOBAL max_connections = 5",
		"SET time_zone = '+00:00'; SELECT 1",
		"SET NAMES gbk",
		"SET session_track_gtids = OWN_GTID",
		"SET @@tx_isolation = 'SERIALIZABLE'",
	} {
		if got := sqltext.Classify(text, 0); got.Kind != sqltext.Pins || got.Changes != nil {
			t.Errorf("%q: got %v with changes %v, want pins with none", text, got.Kind, got.Changes)
		}
	}
}

// What is replayed must mean the same under another sql_mode and in another character set.
func TestSetToAStringThatModesReadDifferentlyPins(t *testing.T) {
	for _, text := range []string{
		`SET time_zone = 'a\b'`, `SET time_zone = 'a''b'`, `SET time_zone = "a'b"`, `SET time_zone = 'a"b'`,
		"SET time_zone = 'caf\xc3\xa9'", "SET time_zone = 'a\tb'", "SET time_zone = caf\xc3\xa9",
	} {
		if got := sqltext.Classify(text, 0); got.Pin != sqltext.UnlistedSet || !got.Opaque {
			t.Errorf("%q: got %v, pin %v, opaque %v, want an opaque unlisted set", text, got.Kind, got.Pin, got.Opaque)
		}
	}
}

func TestSchemaOfAUse(t *testing.T) {
	for _, c := range []struct {
		text  string
		modes sqltext.Modes
		want  string
	}{
		{"USE a", 0, "a"},
		{"use A_b$1 ;", 0, "A_b$1"},
		{"USE 2024db", 0, "2024db"},
		{"USE `a b`", 0, "a b"},
		{"USE `a``b```", 0, "a`b`"},
		{`USE "a""b"`, sqltext.AnsiQuotes, `a"b`},
		{"USE `caf_1`", 0, "caf_1"},
		{"USE /* x */ a -- y", 0, "a"},
	} {
		if got := sqltext.Classify(c.text, c.modes); got.Kind != sqltext.Use || got.Schema != c.want {
			t.Errorf("%q: got %v of %q, want use of %q", c.text, got.Kind, got.Schema, c.want)
		}
	}
}

func TestSchemaOfWhatIsNoUseIsEmpty(t *testing.T) {
	for _, text := range []string{"USE a b", "USE a; SELECT 1", "USE 'a'", "SELECT 1", "USE caf\xc3\xa9"} {
		if got := sqltext.Classify(text, 0); got.Schema != "" {
			t.Errorf("%q: got schema %q, want none", text, got.Schema)
		}
	}
}
