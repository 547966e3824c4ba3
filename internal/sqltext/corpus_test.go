package sqltext_test

import (
	"testing"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

func TestClassOfEveryStatementOfTheCorpus(t *testing.T) {
	for _, e := range corpus.Statements {
		got := sqltext.Classify(e.Text, e.Modes)
		if got.Kind != e.Kind || got.Pin != e.Pin || got.Sticky != e.Sticky {
			t.Errorf("%s: %q: got %v, pin %v, sticky %b; want %v, pin %v, sticky %b",
				e.Class, e.Text, got.Kind, got.Pin, got.Sticky, e.Kind, e.Pin, e.Sticky)
		}
	}
	t.Logf("%d statements", len(corpus.Statements))
}
