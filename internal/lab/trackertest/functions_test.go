package trackertest_test

import (
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
)

// TestNoStoredFunctionIsTakenForTheServersOwn makes a stored function by the name of
// each function that Classify knows. Where the server has none of its own, a text
// that calls it may do anything.
func TestNoStoredFunctionIsTakenForTheServersOwn(t *testing.T) {
	w := enter(t)
	must(t, w.clean(t.Context()))
	s, err := w.connect(t.Context())
	must(t, err)
	defer func() { must(t, w.end(t.Context(), s)) }()
	w.dirty = true
	made := 0
	for _, name := range sqltext.Functions() {
		_, err := s.ExecContext(t.Context(), "CREATE FUNCTION `"+name+"`(n INT) RETURNS INT NO SQL RETURN n")
		must(t, err)
		notes, _, err := results(t.Context(), s.Conn, "SHOW WARNINGS")
		must(t, err)
		if strings.Contains(strings.Join(notes, ""), "This function '"+name+"' has the same name as a native function") { // which comes first
			continue
		}
		// A word of the grammar cannot be called without quotes.
		if _, _, err := results(t.Context(), s.Conn, "SELECT "+name+"(1)"); err != nil {
			continue
		}
		made++
		if c := classify("SELECT "+name+"(1)", 0); c.Kind == sqltext.Read || c.Reach == sqltext.ReachSession {
			t.Errorf("%s() may be a stored function, and is read as the server's own", name)
		}
	}
	t.Logf("%d names are not the server's own", made)
}
