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

// Stacks are dear for layers that borrow for each call: few are recorded, and who keeps a resource says so.
func TestPreferringBorrowersAreNamedNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(3), weir.WithMaxOpen(3), weir.WithMaxWait(time.Millisecond), weir.WithLeakThreshold(time.Hour))
		var leases []lease
		for range 3 {
			leases = append(leases, prefer(t, p, 7))
		}
		got := sites(t, p)
		if !strings.HasPrefix(got[0], "affinity_test.go:") || got[1] != "" || got[2] != "" {
			t.Errorf("named are %q, want the first of the tick only", got)
		}
		leases[2].Trace()
		if got := sites(t, p); !strings.HasPrefix(got[2], "trace_test.go:") || got[1] != "" {
			t.Errorf("named are %q, want the third, too", got)
		}
		leases[0].Trace()
		if got := sites(t, p); !strings.HasPrefix(got[0], "affinity_test.go:") {
			t.Errorf("named are %q, want the first one's line as it was", got)
		}
		for _, l := range leases {
			l.Release()
			l.Trace() // does nothing any more
		}
		for range 3 {
			defer prefer(t, p, 7).Release()
		}
		if got := sites(t, p); got[1] != "" || got[2] != "" {
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
	l, err := p.AcquirePreferring(t.Context(), 7)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
