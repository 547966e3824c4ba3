package trackertest_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/sqltext"
)

// pasts are what a session may have done just before: together they leave an
// insert id, a row count, a count of found rows, warnings and last values of
// sequences that a new session does not have.
func (w *world) pasts() map[string][]string {
	values := []string{}
	for _, name := range w.sequences {
		values = append(values, "DO NEXTVAL("+name+")")
	}
	insert := "INSERT IGNORE INTO past.t (v) VALUES (5), (6), (1000)" // the last one warns
	return map[string][]string{
		"a write": append(slices.Clone(values), insert),
		"a read":  append(values, insert, "SELECT SQL_CALC_FOUND_ROWS CAST('x' AS SIGNED) FROM past.t WHERE id < 73 LIMIT 1"),
	}
}

// ofTheConnection are words of texts whose answer counts what this connection has
// done, or lists connections.
var ofTheConnection = []string{"status", "processlist"}

// TestReadsDoNotDependOnThePast runs each Read that is said to ask nothing of the
// statements before it in new sessions and in sessions with a past: on whichever
// connection such a text lands, it must answer the same.
func TestReadsDoNotDependOnThePast(t *testing.T) {
	w := enter(t)
	must(t, w.clean(t.Context()))
	compared := 0
	for _, e := range runnable() {
		s := classify(e.Text, e.Modes)
		lower := strings.ToLower(e.Text)
		if s.Kind != sqltext.Read || s.Sticky != 0 ||
			slices.ContainsFunc(ofTheConnection, func(word string) bool { return strings.Contains(lower, word) }) {
			continue
		}
		t.Run(name(e), func(t *testing.T) {
			for what, diff := range w.differences(t, e.Text, prelude(e)) {
				t.Errorf("%q after %s (-new session +session with a past):\n%s", e.Text, what, diff)
			}
			compared++
		})
	}
	t.Logf("%d reads compared", compared)
}

// differences compares the answer of a text in a new session with those in sessions
// with a past, unless new sessions differ among themselves.
func (w *world) differences(t *testing.T, text string, before []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	want := w.answer(t, text, before)
	for what, past := range w.pasts() {
		got := w.answer(t, text, append(slices.Clone(before), past...))
		if diff := cmp.Diff(want, got); diff != "" && cmp.Equal(want, w.answer(t, text, before)) {
			out[what] = diff
		}
	}
	return out
}

// TestThePastIsSeen asks what does depend on the past.
func TestThePastIsSeen(t *testing.T) {
	w := enter(t)
	must(t, w.clean(t.Context()))
	texts := []string{
		"SELECT LAST_INSERT_ID()", "SELECT @@identity", "SELECT ROW_COUNT()", "SELECT FOUND_ROWS()", "SHOW WARNINGS",
		"SELECT @@warning_count",
	}
	if len(w.sequences) > 0 {
		texts = append(texts, "SELECT LASTVAL(s)", "SELECT PREVIOUS VALUE FOR s")
	}
	for _, text := range texts {
		if len(w.differences(t, text, nil)) == 0 {
			t.Errorf("%q answers as in a new session after each past", text)
		}
	}
}

// answer returns the rows of a text in a new session after some statements.
func (w *world) answer(t *testing.T, text string, before []string) []string {
	t.Helper()
	s, err := w.connect(t.Context())
	must(t, err)
	defer func() { must(t, w.end(context.WithoutCancel(t.Context()), s)) }()
	w.dirty = w.dirty || len(before) > 0
	for _, p := range before {
		exec(t, s.Conn, p)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	rows, _, err := results(ctx, s.Conn, text)
	if err != nil {
		rows = append(rows, err.Error())
	}
	return rows
}
