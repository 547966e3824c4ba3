package weir_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// spike is HikariCP's experiment: callers arrive at once on a pool with a few idle resources whose opening is slow.
func spike(t *testing.T, work time.Duration) (took time.Duration, opens int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 150 * time.Millisecond}, weir.WithMinIdle(5), weir.WithMaxOpen(50))
		before := p.Stats().Opened
		start := time.Now()
		var callers sync.WaitGroup
		for range 50 {
			callers.Go(func() {
				err := p.Do(t.Context(), func(context.Context, *thing) error {
					time.Sleep(work)
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		callers.Wait()
		took = time.Since(start)
		s := p.Stats()
		opens = int(s.Opened-before) + s.Opening
	})
	return took, opens
}

func TestSpikeOfShortUsesIsServedByReturns(t *testing.T) {
	took, opens := spike(t, 2*time.Millisecond)
	t.Logf("50 callers served in %v, %d opens", took, opens)
	if took > 24*time.Millisecond || opens > 2 {
		t.Errorf("spike took %v with %d opens, want at most 24ms and 2", took, opens)
	}
}

func TestSpikeOfLongUsesIsServedByOpens(t *testing.T) {
	took, opens := spike(t, 500*time.Millisecond)
	t.Logf("50 callers served in %v, %d opens", took, opens)
	if took > 700*time.Millisecond {
		t.Errorf("spike took %v, want at most 700ms", took)
	}
}

func TestConstructorThatFailsAfterFiveServesAllFifty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 150 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(5), weir.WithMaxOpen(50))
		m.failOpens(errRefused)
		var callers sync.WaitGroup
		served := make(chan struct{}, 50)
		for range 50 {
			callers.Go(func() {
				err := p.Do(t.Context(), func(context.Context, *thing) error {
					time.Sleep(20 * time.Millisecond)
					return nil
				})
				if err != nil {
					t.Error(err)
					return
				}
				served <- struct{}{}
			})
		}
		callers.Wait()
		if got := len(served); got != 50 {
			t.Errorf("served %d of 50", got)
		}
		if p.Stats().OpenFails == 0 {
			t.Error("no open failed: the test shows nothing")
		}
	})
}
