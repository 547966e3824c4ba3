package trackertest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// replay is how a session's owner puts what it remembers of a Set or Use on
// another connection. Two variables go by their older names on this server.
func replay(s sqltext.Statement) []string {
	if s.Kind == sqltext.Use {
		return []string{"USE `" + strings.ReplaceAll(s.Schema, "`", "``") + "`"}
	}
	var out []string
	for _, c := range s.Changes {
		switch c.Name {
		case "names", "character set":
			out = append(out, "SET "+c.Name+" "+c.Value)
		case "transaction_isolation", "transaction_read_only":
			if labtest.Kind() == lab.MySQL {
				out = append(out, "SET SESSION "+c.Name+" = "+c.Value)
				continue
			}
			out = append(out, "SET SESSION tx_"+strings.TrimPrefix(c.Name, "transaction_")+" = "+c.Value)
		default:
			out = append(out, "SET SESSION "+c.Name+" = "+c.Value)
		}
	}
	return out
}

// TestReplayMakesTheSameSession proves that what Classify keeps of a Set or Use is
// all of it: replayed on another connection it leaves the same session.
func TestReplayMakesTheSameSession(t *testing.T) {
	w := enter(t)
	replayed := 0
	for _, e := range runnable() {
		s := classify(e.Text, e.Modes)
		if s.Kind != sqltext.Set && s.Kind != sqltext.Use {
			continue
		}
		t.Run(name(e), func(t *testing.T) {
			o := w.run(t.Context(), e.Text, prelude(e)...)
			must(t, o.probe)
			if o.err != nil {
				t.Skipf("the server refuses: %v", o.err)
			}
			w.compareReplay(t, e, s, o)
			replayed++
		})
	}
	t.Logf("%d statements replayed", replayed)
	if replayed < 40 {
		t.Errorf("%d statements replayed, want at least 40", replayed)
	}
}

// compareReplay compares what an entry left with what its replay leaves.
func (w *world) compareReplay(t *testing.T, e corpus.Entry, s sqltext.Statement, o outcome) {
	t.Helper()
	got, err := w.replayed(t.Context(), s, prelude(e))
	must(t, err)
	for _, d := range got.changed(o.after, func(string) bool { return false }) {
		t.Errorf("%q by replay of %q: %s", e.Text, replay(s), d)
	}
}

// replayed returns the facts of another session after the replay.
func (w *world) replayed(ctx context.Context, s sqltext.Statement, before []string) (facts, error) {
	c, err := w.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer w.end(ctx, c)
	for _, text := range append(before, replay(s)...) {
		if _, err := c.ExecContext(ctx, text); err != nil {
			return nil, fmt.Errorf("%s: %w", text, err)
		}
	}
	return w.ask(ctx, c, nil)
}
