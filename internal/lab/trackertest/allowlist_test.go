package trackertest_test

import (
	"fmt"
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// literals are tried on every session variable of the server.
var literals = []string{
	"DEFAULT", "0", "1", "65536", "1.5", "ON", "''", "latin1", "utf8mb4_bin", "utf16", "'+01:00'", "'ANSI'", "'READ-COMMITTED'", "'MyISAM'",
}

// TestEveryVariableOfTheServer tries literals on every session variable, whether
// Classify lists it or not. Where the class is Set, the server must set just that
// and the replay must do the same.
func TestEveryVariableOfTheServer(t *testing.T) {
	w := enter(t)
	names, err := w.column(t.Context(), own().variables)
	must(t, err)
	count, listed := newTally(), map[string]bool{}
	for _, variable := range names {
		for _, literal := range literals {
			e := corpus.Entry{Text: fmt.Sprintf("SET SESSION %s = %s", variable, literal)}
			if s := classify(e.Text, 0); s.Kind == sqltext.Pins {
				continue
			}
			listed[variable] = true
			t.Run(name(e), func(t *testing.T) {
				s, o, surprises := w.judged(t.Context(), e.Text, 0)
				must(t, o.probe)
				count.add(s, o)
				report(t, e.Text, s, o, surprises)
				if o.err == nil {
					w.compareReplay(t, e, s, o)
				}
			})
		}
	}
	count.log(t)
	t.Logf("%d of %d session variables are listed", len(listed), len(names))
	if len(listed) < 40 {
		t.Errorf("%d variables are listed, want at least 40", len(listed))
	}
}

// TestListedVariablesCanBeSetInATransaction: where the server refuses that, a session
// with such a variable could not be put on a backend in a transaction, nor leave it.
func TestListedVariablesCanBeSetInATransaction(t *testing.T) {
	w := enter(t)
	names, err := w.column(t.Context(), own().variables)
	must(t, err)
	tried := 0
	for _, variable := range names {
		text := fmt.Sprintf("SET SESSION %s = DEFAULT", variable)
		if classify(text, 0).Kind != sqltext.Set {
			continue
		}
		o := w.run(t.Context(), text, begin...)
		must(t, o.probe)
		if o.err != nil {
			t.Errorf("%q in a transaction: %v", text, o.err)
		}
		tried++
	}
	t.Logf("%d variables set in a transaction", tried)
}
