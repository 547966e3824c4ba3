package sqltext_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

func TestCacheSaysWhatClassifySays(t *testing.T) {
	c := sqltext.NewCache()
	for range 2 {
		for _, e := range corpus.Statements {
			if diff := cmp.Diff(sqltext.Classify(e.Text, e.Modes), *c.Classify(e.Text, e.Modes)); diff != "" {
				t.Errorf("%q (-classified +cached):\n%s", e.Text, diff)
			}
		}
	}
}

func TestCacheRemembers(t *testing.T) {
	c := sqltext.NewCache()
	first, second := c.Classify("SELECT 1", 0), c.Classify("SELECT 1", 0)
	if first != second {
		t.Error("the same text was classified twice")
	}
}

func TestCacheTellsModesApart(t *testing.T) {
	c := sqltext.NewCache()
	const text = `SELECT '\', @x, '`
	for _, want := range []struct {
		modes sqltext.Modes
		pin   sqltext.Pin
	}{{0, sqltext.NoPin}, {sqltext.NoBackslashEscapes, sqltext.UserVariable}, {0, sqltext.NoPin}} {
		if got := c.Classify(text, want.modes).Pin; got != want.pin {
			t.Errorf("modes %b: got pin %v, want %v", want.modes, got, want.pin)
		}
	}
}

func TestCacheKeepsNoLongText(t *testing.T) {
	c := sqltext.NewCache()
	longest := "SELECT " + strings.Repeat("1", 2048-len("SELECT "))
	if c.Classify(longest, 0) != c.Classify(longest, 0) {
		t.Error("a text of 2,048 bytes was not kept")
	}
	longer := longest + "1"
	if c.Classify(longer, 0) == c.Classify(longer, 0) {
		t.Error("a text of 2,049 bytes was kept")
	}
}

// Many more texts than slots, from many goroutines: slots are overwritten all the time.
func TestCacheUnderManyTextsAtOnce(t *testing.T) {
	c := sqltext.NewCache()
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range 5000 {
				n := (i*7 + worker) % 3000
				text, want := fmt.Sprintf("SELECT %d", n), sqltext.Read
				if n%2 == 1 {
					text, want = fmt.Sprintf("SELECT @x%d", n), sqltext.Pins
				}
				if got := c.Classify(text, 0).Kind; got != want {
					t.Errorf("%q: got %v, want %v", text, got, want)
					return
				}
			}
		})
	}
	wg.Wait()
}
