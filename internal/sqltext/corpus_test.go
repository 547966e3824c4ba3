package sqltext_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

func TestClassOfEveryStatementOfTheCorpus(t *testing.T) {
	for _, e := range corpus.Statements {
		got := sqltext.Classify(e.Text, e.Modes)
		if !e.MySQLOnly && !e.MariaDBOnly {
			if other := sqltext.Classify(e.Text, e.Modes|sqltext.MySQL); !cmp.Equal(got, other) {
				t.Errorf("%s: %q: (-MariaDB +MySQL):\n%s", e.Class, e.Text, cmp.Diff(got, other))
			}
		}
		if got.Kind != e.Kind || got.Pin != e.Pin || got.Sticky != e.Sticky {
			t.Errorf("%s: %q: got %v, pin %v, sticky %b; want %v, pin %v, sticky %b",
				e.Class, e.Text, got.Kind, got.Pin, got.Sticky, e.Kind, e.Pin, e.Sticky)
		}
	}
	t.Logf("%d statements", len(corpus.Statements))
}

func TestCorpusCoversEveryKindAndPin(t *testing.T) {
	kinds, reasons := map[sqltext.Kind]int{}, map[sqltext.Pin]int{}
	for _, e := range corpus.Statements {
		kinds[e.Kind]++
		reasons[e.Pin]++
	}
	for k := range sqltext.Pins + 1 {
		if kinds[k] == 0 {
			t.Errorf("no statement of kind %v", k)
		}
	}
	for p := range sqltext.Pin(sqltext.PinCount) {
		if reasons[p] == 0 {
			t.Errorf("no statement with pin %v", p)
		}
	}
}

func TestCorpusHasNoStatementTwice(t *testing.T) {
	type key struct {
		text  string
		modes sqltext.Modes
	}
	seen := map[key]bool{}
	for _, e := range corpus.Statements {
		k := key{e.Text, e.Modes}
		if seen[k] {
			t.Errorf("%q is there twice", e.Text)
		}
		seen[k] = true
	}
}
