package mysqlpool

import (
	"database/sql"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir/internal/sqltext"
)

func set(pairs ...string) []sqltext.Change {
	var out []sqltext.Change
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, sqltext.Change{Name: pairs[i], Value: pairs[i+1]})
	}
	return out
}

func TestEqualSettingsAreOneState(t *testing.T) {
	ss := newStates()
	a := ss.with(ss.with(nil, set("time_zone", "'+01:00'")), set("sql_mode", "'ANSI'"))
	b := ss.with(nil, set("sql_mode", "'ANSI'", "time_zone", "'+01:00'"))
	if a != b {
		t.Errorf("the order of two settings makes two states: %q, %q", a.key, b.key)
	}
	if c := ss.with(a, set("time_zone", "'+02:00'")); c == a || c.labels() == a.labels() {
		t.Error("another time zone is the same state")
	}
	if d := ss.with(nil, set("autocommit", "1")); d != nil {
		t.Errorf("autocommit=1 makes a state of its own: %q", d.key)
	}
}

func TestForgottenStatesAreStillEqual(t *testing.T) {
	ss := newStates()
	before := ss.with(nil, set("time_zone", "'+01:00'"))
	clear(ss.known)
	after := ss.with(nil, set("time_zone", "'+01:00'"))
	b := backend{state: before}
	if got := b.difference(before, after); len(got) != 0 || before.labels() != after.labels() || before.prepares() != after.prepares() {
		t.Errorf("a state that was made anew differs: %q", got)
	}
}

func TestStatementsBindWhatTheyBind(t *testing.T) {
	ss := newStates()
	for name, c := range map[string]struct {
		state *state
		binds bool
	}{
		"time_zone": {ss.with(nil, set("time_zone", "'+01:00'")), false},
		"sql_mode":  {ss.with(nil, set("sql_mode", "'ANSI'")), true},
		"names":     {ss.with(nil, set("names", "latin1")), true},
		"schema":    {ss.in(nil, "shop"), true},
		"MySQL's":   {ss.with(nil, set("group_concat_max_len", "20")), true},
	} {
		if got := c.state.prepares() != 0; got != c.binds {
			t.Errorf("%s: a statement prepared under it differs from one prepared without: %v, want %v", name, got, c.binds)
		}
	}
	if a, b := ss.in(nil, "a"), ss.with(nil, set("names", "a")); a.prepares() == b.prepares() {
		t.Error("a default database and a character set of the same name bind alike")
	}
}

func TestDifference(t *testing.T) {
	ss := newStates()
	pristine := map[string]string{
		"time_zone": "'SYSTEM'", "sql_mode": "'STRICT_TRANS_TABLES'", "transaction_isolation": "'REPEATABLE-READ'",
	}
	asBorn := []string{"NAMES utf8mb4 COLLATE utf8mb4_bin", "character_set_results = 'utf8mb4'", "collation_connection = 'utf8mb4_bin'"}
	for name, c := range map[string]struct {
		have, want *state
		set        []string
	}{
		"nothing": {},
		"one more": {
			want: ss.with(nil, set("time_zone", "'+01:00'")),
			set:  []string{"@@session.time_zone = '+01:00'"},
		},
		"one less": {
			have: ss.with(nil, set("time_zone", "'+01:00'")),
			set:  []string{"@@session.time_zone = 'SYSTEM'"},
		},
		"one for another": {
			have: ss.with(nil, set("time_zone", "'+01:00'")),
			want: ss.with(nil, set("sql_mode", "'ANSI'")),
			set:  []string{"@@session.time_zone = 'SYSTEM'", "@@session.sql_mode = 'ANSI'"},
		},
		"another value": {
			have: ss.with(nil, set("time_zone", "'+01:00'", "sql_mode", "'ANSI'")),
			want: ss.with(nil, set("time_zone", "'+02:00'", "sql_mode", "'ANSI'")),
			set:  []string{"@@session.time_zone = '+02:00'"},
		},
		"old names": {
			want: ss.with(nil, set("transaction_isolation", "'READ-COMMITTED'")),
			set:  []string{"@@session.tx_isolation = 'READ-COMMITTED'"},
		},
		"names": {
			want: ss.with(nil, set("names", "latin1 COLLATE latin1_bin")),
			set:  []string{"NAMES latin1 COLLATE latin1_bin"},
		},
		"names back": {
			have: ss.with(nil, set("names", "latin1")),
			set:  asBorn,
		},
		"names override what was set one by one": {
			have: ss.with(nil, set("names", "latin1")),
			want: ss.with(nil, set("collation_connection", "'latin1_bin'", "character_set_results", "NULL", "names", "latin1")),
		},
		"after names": {
			want: ss.with(nil, set("names", "latin1", "character_set_results", "NULL")),
			set:  []string{"NAMES latin1", "@@session.character_set_results = NULL"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := backend{state: c.have, pristine: pristine, birth: birth{oldNames: true, charset: asBorn}}
			if d := cmp.Diff(c.set, b.difference(c.have, c.want)); d != "" {
				t.Errorf("assignments (-want +got):\n%s", d)
			}
		})
	}
}

func TestWhoseServerReadsATextOutlivesSQLMode(t *testing.T) {
	answers := func(mode string) []sql.NullString {
		row := make([]sql.NullString, len(birthColumns))
		row[1].String = mode
		return row
	}
	for version, want := range map[string]sqltext.Modes{
		"9.7.0": sqltext.MySQL, "8.0.30-Vitess": sqltext.MySQL, "10.11.6-MariaDB": 0,
	} {
		birth := newBirth(version, "", answers("ANSI_QUOTES"))
		if got := birth.modes; got != want|sqltext.AnsiQuotes {
			t.Errorf("%s: modes %b, want %b", version, got, want|sqltext.AnsiQuotes)
		}
		mode := newStates().with(nil, set("sql_mode", "'NO_BACKSLASH_ESCAPES'"))
		if got := mode.reads(birth.modes); got != want|sqltext.NoBackslashEscapes {
			t.Errorf("%s with sql_mode set: modes %b, want %b", version, got, want|sqltext.NoBackslashEscapes)
		}
		if got := birth.modes.With(""); got != want {
			t.Errorf("%s after a reset: modes %b, want %b", version, got, want)
		}
	}
}
