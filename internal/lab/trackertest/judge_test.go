package trackertest_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab/tracker"
	"github.com/weirpool/weir/internal/sqltext"
)

// coupled are the variables that change with a variable, beside itself.
var coupled = map[string][]string{
	"names":                    {"character_set_client", "character_set_connection", "character_set_results", "collation_connection"},
	"character set":            {"character_set_client", "character_set_connection", "character_set_results", "collation_connection"},
	"character_set_connection": {"collation_connection"},
	"collation_connection":     {"character_set_connection"},
	"character_set_database":   {"collation_database"},
	"collation_database":       {"character_set_database"},
	"character_set_server":     {"collation_server"},
	"collation_server":         {"character_set_server"},
}

// coupledWith are the names by which a change of that variable may show.
func coupledWith(variable string) []string {
	return slices.Concat([]string{variable}, coupled[variable], own().coupled[variable])
}

// explained are surprises that are none on either family.
var explained = []explanation{
	{"show", "FOUND_ROWS()", "some SHOW count no rows"},
	{"analyze", "FOUND_ROWS()", "it counts the rows of the statement that it runs and does not show"},
	{"offset", "FOUND_ROWS() is", "it counts the rows that were passed over"},
	{"f_set", "from_f", "no text shows what a stored function does"},
	{"f_set", "reported state", "the same"},
	{"@@", "was not assigned", "the tracker overlooks an assignment to @@name, which may be of the value that it had"},
}

func isExplained(text, surprise string) bool {
	text = strings.ToLower(text)
	for _, e := range slices.Concat(explained, own().explained) {
		if strings.Contains(text, e.text) && strings.Contains(surprise, e.surprise) {
			return true
		}
	}
	return false
}

// judge lists what an outcome shows that the class of its text rules out. What
// pins may do anything, and of a session that is gone nothing can leak.
func judge(text string, s sqltext.Statement, o outcome) []string {
	if s.Kind == sqltext.Pins || o.lost || o.refused {
		return nil
	}
	surprises := o.after.changed(o.before, func(name string) bool { return mayChange(s, o, name) })
	for _, c := range o.reported {
		if !mayReport(s, o, c) {
			surprises = append(surprises, "reported "+c.String())
		}
	}
	if o.err == nil && o.last.columns > 0 && o.foundRows > o.last.rows && o.foundRows != pastRows {
		surprises = append(surprises, fmt.Sprintf("FOUND_ROWS() is %d after %d rows", o.foundRows, o.last.rows))
	}
	if o.err == nil {
		surprises = append(surprises, undone(s, o)...)
		surprises = append(surprises, forgotten(s, o)...)
	}
	if o.before["in transaction"] == "1" && o.after["in transaction"] != "1" && s.Reach != sqltext.ReachAny && s.Kind != sqltext.Rollback {
		surprises = append(surprises, "the transaction is over, and Reach does not say so")
	}
	return slices.DeleteFunc(surprises, func(surprise string) bool {
		return o.before["in transaction"] == "1" && ofTransaction(surprise) || isExplained(text, surprise)
	})
}

// ofTransaction tells of a surprise whether it is the transaction's and not the
// session's: its locks, and that a statement ended it.
func ofTransaction(surprise string) bool {
	return strings.HasPrefix(surprise, "lock ") && !strings.HasPrefix(surprise, "lock USER") ||
		strings.HasPrefix(surprise, `in transaction: "1" became "0"`)
}

// dropsDefault tells whether a statement may leave the session without a default
// database, which is for the session's owner to see.
func dropsDefault(s sqltext.Statement, o outcome) bool {
	return s.Kind == sqltext.Share && s.Schema == o.before["schema"]
}

// mayChange tells whether a statement of this class may change a fact.
func mayChange(s sqltext.Statement, o outcome, fact string) bool {
	kind, name, _ := strings.Cut(fact, " ")
	switch s.Kind {
	case sqltext.Read:
		return false
	case sqltext.Share:
		return kind == "ran" && strings.HasPrefix(name, "handler_") ||
			fact == "last insert id" && s.Leaves.Has(sqltext.LastInsertID|sqltext.Identity) ||
			strings.HasPrefix(fact, "last value of ") && s.Leaves.Has(sqltext.LastValue) ||
			ofSchema(fact) && dropsDefault(s, o)
	case sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint:
		return fact == "in transaction"
	case sqltext.Set:
		return kind == "variable" && assigned(s, name)
	case sqltext.Use:
		return ofSchema(fact)
	}
	return true
}

// ofSchema tells whether a fact follows the default database.
func ofSchema(fact string) bool {
	return fact == "schema" || fact == "variable character_set_database" || fact == "variable collation_database"
}

// assigned tells whether a Set changes the variable.
func assigned(s sqltext.Statement, variable string) bool {
	return slices.ContainsFunc(s.Changes, func(c sqltext.Change) bool {
		return slices.Contains(coupledWith(c.Name), variable)
	})
}

// mayReport tells whether the tracker may say that of a statement of this class.
// Transactions are judged by what is so afterwards.
func mayReport(s sqltext.Statement, o outcome, c tracker.Change) bool {
	switch c.What {
	case tracker.Variable:
		return s.Kind == sqltext.Set && assigned(s, c.Name)
	case tracker.Schema:
		return s.Kind == sqltext.Use || dropsDefault(s, o)
	case tracker.State:
		return s.Kind == sqltext.Set || s.Kind == sqltext.Use
	case tracker.GTIDs: // something was logged
		return s.Reach == sqltext.ReachAny || s.Reach == sqltext.ReachTransaction && o.before["in transaction"] != "1"
	}
	return true
}

// undone lists what a statement that succeeded should have done and did not.
func undone(s sqltext.Statement, o outcome) []string {
	var out []string
	switch s.Kind {
	case sqltext.Begin:
		if o.after["in transaction"] != "1" {
			out = append(out, "no transaction has begun")
		}
		if only := slices.ContainsFunc(o.reported, func(c tracker.Change) bool {
			return c.What == tracker.Characteristics && strings.Contains(c.Value, "READ ONLY")
		}); only != s.ReadOnly {
			out = append(out, fmt.Sprintf("the transaction is read only: %v, and ReadOnly is %v", only, s.ReadOnly))
		}
	case sqltext.Commit, sqltext.Rollback:
		if began := o.after["in transaction"] == "1"; began != s.Chains {
			out = append(out, fmt.Sprintf("a transaction is open: %v, and Chains is %v", began, s.Chains))
		}
	case sqltext.Use:
		if got := o.after["schema"]; got != s.Schema {
			out = append(out, fmt.Sprintf("the schema is %q, want %q", got, s.Schema))
		}
	case sqltext.Set:
		for _, c := range s.Changes {
			if !wasAssigned(c, o) {
				out = append(out, c.Name+" was not assigned")
			}
		}
	}
	return out
}

// forgotten lists what of the past has changed and is not in Leaves.
func forgotten(s sqltext.Statement, o outcome) []string {
	var out []string
	if o.foundRows != pastRows && !s.Leaves.Has(sqltext.FoundRows) {
		out = append(out, fmt.Sprintf("FOUND_ROWS() changed from %d to %d, and Leaves does not say so", pastRows, o.foundRows))
	}
	if s.OwnFoundRows && o.last.columns > 0 && o.last.rows != pastRows && o.foundRows == pastRows {
		out = append(out, "FOUND_ROWS() is that of before, and OwnFoundRows does not say so")
	}
	if s.Says && o.id == 0 && o.after["last insert id"] != o.before["last insert id"] {
		out = append(out, "the last insert id has changed, and no answer said so")
	}
	if o.warnings == pastWarnings && s.OwnWarnings {
		out = append(out, "the warnings are those of before, and OwnWarnings does not say so")
	}
	if o.warnings != pastWarnings && !s.Leaves.Has(sqltext.Warnings) {
		out = append(out, fmt.Sprintf("the warnings changed from %d to %d, and Leaves does not say so", pastWarnings, o.warnings))
	}
	return out
}

// wasAssigned tells whether the tracker reported a change or its value is a new one.
func wasAssigned(c sqltext.Change, o outcome) bool {
	return slices.ContainsFunc(coupledWith(c.Name), func(name string) bool {
		return o.after["variable "+name] != o.before["variable "+name] ||
			slices.ContainsFunc(o.reported, func(r tracker.Change) bool { return r.What == tracker.Variable && r.Name == name })
	})
}

// judged classifies a text, runs it and judges the outcome.
func (w *world) judged(ctx context.Context, text string, m sqltext.Modes, prelude ...string) (sqltext.Statement, outcome, []string) {
	s := classify(text, m)
	o := w.run(ctx, text, prelude...)
	return s, o, judge(text, s, o)
}

// denied is a statement under a class that is wrong.
type denied struct {
	text  string
	class sqltext.Statement
	want  string // part of a surprise
}

// TestJudgeSeesWhatAClassDenies runs statements under classes that are wrong: an
// oracle that overlooked one of these would prove nothing.
func TestJudgeSeesWhatAClassDenies(t *testing.T) {
	set := sqltext.Statement{Kind: sqltext.Set, Changes: []sqltext.Change{{Name: "time_zone", Value: "'+01:00'"}}}
	read := sqltext.Statement{Kind: sqltext.Read}
	tests := []denied{
		{"SET time_zone = '+01:00'", share, "variable time_zone"},
		{"SET time_zone = @@time_zone", share, "reported variable time_zone"},
		{"SET NAMES latin1", read, "variable collation_connection"},
		{"SET time_zone = '+01:00', lock_wait_timeout = 3", set, "variable lock_wait_timeout"},
		{"SET time_zone = '+01:00', @x = 1", set, "user variable x"},
		{"SET lock_wait_timeout = 3", set, "time_zone was not assigned"},
		{"SET timestamp = 1", share, "time stands still"},
		{"USE past", share, "schema"},
		{"USE past", sqltext.Statement{Kind: sqltext.Use, Schema: "other"}, "the schema is"},
		{"SELECT @x := 1", read, "user variable x"},
		{"SELECT 1 INTO @x", share, "user variable x"},
		{"LOCK TABLES past.t READ", share, "lock TABLE past t"},
		{"SELECT GET_LOCK('a', 0)", read, "lock USER LEVEL LOCK a"},
		{"PREPARE p FROM 'SELECT 1'", share, "prepared"},
		{"HANDLER past.t OPEN", share, "lock TABLE past t"},
		{"XA START 'a'", share, "ran com_xa_start"},
		{"BEGIN", share, "in transaction"},
		{"SET autocommit = 0", share, "variable autocommit"},
		{"COMMIT", sqltext.Statement{Kind: sqltext.Begin}, "no transaction has begun"},
		{"SET TRANSACTION READ ONLY", share, "next transaction"},
		{"SELECT SQL_CALC_FOUND_ROWS a.id FROM past.t a, past.t b LIMIT 1", read, "FOUND_ROWS() is 49 after 1 rows"},
		{"SELECT 1", read, "FOUND_ROWS() changed from 7 to 1"},
		{"DROP TABLE IF EXISTS past.nothing", share, "the warnings changed from 63 to 1"},
		{"INSERT INTO past.t (v) VALUES (9)", read, "ran handler_write"},
		{"INSERT INTO past.t (v) VALUES (9)", share, "last insert id"},
		{"START TRANSACTION READ ONLY", sqltext.Statement{Kind: sqltext.Begin}, "ReadOnly"},
		{"COMMIT AND CHAIN", sqltext.Statement{Kind: sqltext.Commit}, "Chains"},
		{"SELECT LAST_INSERT_ID(5)", read, "last insert id"},
		{"SHOW WARNINGS", sqltext.Statement{Kind: sqltext.Share, OwnWarnings: true}, "the warnings are those of before"},
		{"DROP DATABASE corpus", sqltext.Statement{Kind: sqltext.Share, Schema: "other"}, "schema"},
		{"SELECT 1; SET @x = 1", read, "user variable x"},
	}
	tests = append(tests, own().denied...)
	w := enter(t)
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			o := w.run(t.Context(), tt.text)
			must(t, o.probe)
			got := judge(tt.text, tt.class, o)
			if !slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, tt.want) }) {
				t.Errorf("run as %v (error %v): surprises %q, want %q among them", tt.class.Kind, o.err, got, tt.want)
			}
		})
	}
}

// TestJudgeSeesWhatEndsATransaction runs what commits as if it did not.
func TestJudgeSeesWhatEndsATransaction(t *testing.T) {
	w := enter(t)
	for _, text := range []string{"CREATE TABLE past.more (a INT)", "SET autocommit = 1", "COMMIT", "FLUSH TABLES"} {
		o := w.run(t.Context(), text, "SET autocommit = 0", "START TRANSACTION", "UPDATE past.t SET v = 9 - v WHERE id = 70")
		must(t, o.probe)
		if got := judge(text, sqltext.Statement{Reach: sqltext.ReachTransaction}, o); !slices.Contains(got, "the transaction is over, and Reach does not say so") {
			t.Errorf("%q (error %v): surprises %q, want that the transaction is over", text, o.err, got)
		}
	}
}
