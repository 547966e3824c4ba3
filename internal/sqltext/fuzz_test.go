package sqltext_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

const allModes = sqltext.NoBackslashEscapes | sqltext.AnsiQuotes

// seed gives f the corpus and what has tripped lexers before.
func seed(f *testing.F) {
	for _, e := range corpus.Statements {
		f.Add(e.Text, uint8(e.Modes))
	}
	for _, text := range []string{"SELECT 1/*!*/", "/*!/*", "@@", "@'", "`", "SELECT .", "SELECT 1e", "--", "/*!99999", "SET x=-", "WITH (",
		"CREATE PROCEDURE p() BEGIN CASE END CASE END; SET @x=1", "SHOW COUNT(", "SET @@session.", "SET NAMES x COLLATE", "EXPLAIN ANALYZE"} {
		f.Add(text, uint8(0))
	}
}

func FuzzClassify(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, modes uint8) {
		m := sqltext.Modes(modes) & allModes
		s := sqltext.Classify(text, m)
		if problem := incoherent(s); problem != "" {
			t.Errorf("%q: %s: %+v", text, problem, s)
		}
		if s.Pin == sqltext.Unknown {
			return // an open comment or string would take in what is put around it
		}
		wrapped := "\v/* SET @x */ \n" + text + "\n-- @x"
		if w := sqltext.Classify(wrapped, m); !alike(s, w) {
			t.Errorf("%q is %+v, but with comments around it %+v", text, s, w)
		}
	})
}

// incoherent says what in s can't be, "" if nothing.
func incoherent(s sqltext.Statement) string {
	switch {
	case s.Kind > sqltext.Pins || int(s.Pin) >= sqltext.PinCount:
		return "no such kind or pin"
	case (s.Kind == sqltext.Pins) != (s.Pin != sqltext.NoPin):
		return "a pin without a reason, or a reason without a pin"
	case (s.Kind == sqltext.Set) != (len(s.Changes) > 0):
		return "a set without changes, or changes without a set"
	case s.Schema != "" && s.Kind != sqltext.Use && s.Kind != sqltext.Share:
		return "a schema without a use or a drop"
	case s.Chains && s.Kind != sqltext.Commit && s.Kind != sqltext.Rollback:
		return "a chain without an end"
	case s.ReadOnly && s.Kind != sqltext.Begin:
		return "read only without a begin"
	case s.Kind == sqltext.Read && s.Reach != sqltext.ReachSession:
		return "a read that reaches further"
	case (s.Kind == sqltext.Commit || s.Kind == sqltext.Begin) && s.Reach != sqltext.ReachAny:
		return "a commit without reach"
	case s.Taints && s.Kind != sqltext.Pins:
		return "a taint without a pin"
	case s.Sequence != "" && !s.Leaves.Has(sqltext.LastValue) && !s.Sticky.Has(sqltext.LastValue):
		return "a sequence without a value"
	case s.Opaque && s.Kind != sqltext.Pins:
		return "opaque without a pin"
	}
	return ""
}

func alike(a, b sqltext.Statement) bool {
	return a.Kind == b.Kind && a.Pin == b.Pin && a.Sticky == b.Sticky && a.Leaves == b.Leaves && a.Opaque == b.Opaque &&
		a.Schema == b.Schema && a.Reach == b.Reach && a.Chains == b.Chains && a.ReadOnly == b.ReadOnly &&
		a.OwnWarnings == b.OwnWarnings && a.Taints == b.Taints && a.Sequence == b.Sequence && len(a.Changes) == len(b.Changes)
}

func FuzzExecutableComment(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, text string, modes uint8) {
		m := sqltext.Modes(modes) & allModes
		inLater := sqltext.Classify("/*!99999 "+text+"\n*/", m)
		if inLater.Kind != sqltext.Pins {
			t.Errorf("%q is %v where it is code on some servers only", text, inLater.Kind)
		}
		s := sqltext.Classify(text, m)
		if s.Pin == sqltext.Unknown || strings.Contains(text, "*/") || strings.Contains(text, "/*!") {
			return
		}
		for _, mark := range []string{"/*! ", "/*!50000 ", "/*!\n"} {
			if in := sqltext.Classify(mark+text+"\n*/", m); !alike(s, in) {
				t.Errorf("%q is %+v, but %+v in %s*/", text, s, in, mark)
			}
		}
	})
}

// Whatever stands before and behind it, a user variable between blanks pins, unless it is in a string, a comment or a body.
func FuzzHiddenVariable(f *testing.F) {
	f.Add("SELECT 1, ", " FROM t", uint8(0))
	f.Add("SELECT 'a' || ", " || 'b'", uint8(0))
	f.Add("SELECT 1.", "", uint8(1))
	f.Add("CREATE TABLE x AS SELECT ", "", uint8(0))
	f.Fuzz(func(t *testing.T, before, behind string, modes uint8) {
		if strings.ContainsAny(before, "'\"`#/-\\") || bodies(before) {
			return
		}
		m := sqltext.Modes(modes) & allModes
		text := before + " , @x , " + behind
		if s := sqltext.Classify(text, m); s.Kind != sqltext.Pins {
			t.Errorf("%q is %v", text, s.Kind)
		}
	})
}

// bodies reports whether text may define a stored program, whose body is not run.
func bodies(text string) bool {
	text = strings.ToLower(text)
	for _, word := range []string{"procedure", "function", "trigger", "event"} {
		if strings.Contains(text, word) {
			return true
		}
	}
	return false
}
