package trackertest_test

import (
	"context"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
)

// outlives tells whether a fact is known to outlive a reset: the default database,
// the role and the client's character sets, which sessions put back themselves, and
// what counts statements.
func outlives(fact string) bool {
	return ofSchema(fact) || strings.HasPrefix(fact, "ran ") || fact == "role" || strings.HasPrefix(fact, "variable character_set_") || strings.HasPrefix(fact, "variable collation_")
}

// TestResetLeavesNothingOfAPin runs each text that pins and is not said to taint its
// connection, and looks for what a reset of the connection leaves of it.
func TestResetLeavesNothingOfAPin(t *testing.T) {
	w := enter(t)
	pristine := w.afterReset(t, nil)
	tried := 0
	for _, e := range runnable() {
		s := classify(e.Text, e.Modes)
		if s.Kind != sqltext.Pins || s.Taints || e.Refused || e.Harmful {
			continue
		}
		t.Run(name(e), func(t *testing.T) {
			for _, d := range w.afterReset(t, append(prelude(e), e.Text)).changed(pristine, outlives) {
				t.Errorf("%q, and a reset: %s", e.Text, d)
			}
			tried++
		})
	}
	t.Logf("%d texts that pin, and a reset", tried)
}

// TestWhatTaintsOutlivesAReset shows that the test before would see it.
func TestWhatTaintsOutlivesAReset(t *testing.T) {
	labtest.Only(t, lab.MySQL, "what outlives a reset of MariaDB's, the list of SHOW PROFILES, is not among the facts")
	w := enter(t)
	pristine := w.afterReset(t, nil)
	const text = "SET RESOURCE GROUP idle"
	if !classify(text, 0).Taints {
		t.Errorf("%q: Taints is false", text)
	}
	if len(w.afterReset(t, []string{text}).changed(pristine, outlives)) == 0 {
		t.Errorf("%q, and a reset: nothing is left", text)
	}
}

// afterReset returns the facts of a new session that has run some statements and
// has been reset.
func (w *world) afterReset(t *testing.T, texts []string) facts {
	t.Helper()
	must(t, w.clean(t.Context()))
	s, err := w.connect(t.Context())
	must(t, err)
	defer func() { must(t, w.end(context.WithoutCancel(t.Context()), s)) }()
	w.dirty = true
	var o outcome
	written := w.written(t.Context(), &o)
	for _, text := range texts {
		if _, _, err := results(t.Context(), s.Conn, text); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
	}
	must(t, s.PingContext(t.Context())) // a statement is counted after it is answered
	touched, err := own().touched(t.Context(), w, s)
	w.dirty = err != nil || touched || w.written(t.Context(), &o) != written // an error need not be one: XA refuses to be asked
	must(t, o.probe)
	must(t, w.restoreGlobals(t.Context())) // a reset takes them over
	must(t, s.reset())
	f, err := w.ask(t.Context(), s, nil)
	must(t, err)
	return f
}
