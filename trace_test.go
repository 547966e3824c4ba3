package weir_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// sites lists where the leases that are out were borrowed, as an exhausted pool tells it.
func sites(t *testing.T, p *weir.Pool[*thing]) []string {
	t.Helper()
	e, _ := exhausted(t, ask(t.Context(), p))
	var out []string
	for _, h := range e.Holders {
		out = append(out, h.Site())
	}
	return out
}

// Stacks are dear for layers that borrow for each call: the pool records none of theirs, and who keeps a resource says so.
func TestPreferringBorrowersAreNamedWhenTheySaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithMaxWait(time.Millisecond), weir.WithLeakThreshold(time.Hour))
		known, kept := new(weir.CallSite), prefer(t, p, 7)
		known.Record(0)
		told, err := p.AcquirePreferring(t.Context(), 7, known)
		if err != nil {
			t.Fatal(err)
		}
		if got := sites(t, p); got[0] != "" || got[1] != known.Line() {
			t.Errorf("named are %q, want the second only", got)
		}
		kept.Trace()
		told.Trace()
		if got := sites(t, p); !strings.HasPrefix(got[0], "trace_test.go:") || got[0] == got[1] || got[1] != known.Line() {
			t.Errorf("named are %q, want the first, too, and the second as it was", got)
		}
		for _, l := range []lease{kept, told} {
			l.Release()
			l.Trace() // does nothing any more
		}
		for range 2 {
			defer prefer(t, p, 7).Release()
		}
		if got := sites(t, p); got[0] != "" || got[1] != "" {
			t.Errorf("named are %q, want nothing of earlier leases", got)
		}
	})
}

func TestTraceWithoutLeakNamingRecordsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(time.Millisecond))
		l := prefer1(t, p)
		defer l.Release()
		l.Trace()
		if got := sites(t, p); got[0] != "" {
			t.Errorf("named is %q, want nobody", got)
		}
	})
}

func prefer1(t *testing.T, p *weir.Pool[*thing]) lease {
	t.Helper()
	l, err := p.AcquirePreferring(t.Context(), 7, nil)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
