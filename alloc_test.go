package weir_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// These live in real time: what a bubble adds would be counted too.

func TestAcquireAndReleaseAllocateNothing(t *testing.T) {
	for name, opts := range map[string][]weir.Option{
		"defaults":    nil,
		"leak naming": {weir.WithLeakThreshold(time.Minute)},
		"no limits":   {weir.WithMaxWait(weir.NoLimit), weir.WithMaxLifetime(weir.NoLimit)},
		"probe":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			m := &maker{}
			if name == "probe" {
				m.tune = probed
			}
			p := newPool(t, m, append(opts, weir.WithMinIdle(1), weir.WithCheckWindow(time.Hour))...)
			ctx := t.Context()
			got := testing.AllocsPerRun(2000, func() {
				l, err := p.Acquire(ctx)
				if err != nil {
					t.Fatal(err)
				}
				l.Release()
			})
			if got != 0 {
				t.Errorf("%v allocations for an acquire and its release, want none", got)
			}
			got = testing.AllocsPerRun(2000, func() {
				l, ok := p.TryAcquire()
				if !ok {
					t.Fatal("nothing was lent")
				}
				l.Release()
			})
			if got != 0 {
				t.Errorf("%v allocations for a try and its release, want none", got)
			}
		})
	}
}

func TestStatsAllocateNothing(t *testing.T) {
	p := newPool(t, &maker{}, weir.WithMinIdle(1))
	if got := testing.AllocsPerRun(1000, func() { p.Stats() }); got != 0 {
		t.Errorf("%v allocations for Stats, want none", got)
	}
}

// Callers who wait use the same few waiters again and again. The race detector makes sync.Pool throw some of them away.
func TestWaitsAllocateNothing(t *testing.T) {
	leavesNothing(t)
	const callers, uses = 8, 2000
	p := newPool(t, &maker{}, weir.WithMaxOpen(2), weir.WithMinIdle(2), weir.WithCheckWindow(time.Hour), weir.WithMaxWait(time.Minute))
	crowd := func() {
		var members sync.WaitGroup
		for range callers {
			members.Go(func() {
				for range uses {
					l, err := p.Acquire(t.Context())
					if err != nil {
						t.Error(err)
						return
					}
					runtime.Gosched()
					l.Release()
				}
			})
		}
		members.Wait()
	}
	crowd() // fills what is kept for later
	before := p.Stats().Waited
	perCrowd := testing.AllocsPerRun(3, crowd)
	waited := float64(p.Stats().Waited-before) / 4 // AllocsPerRun runs it once more
	if waited < uses {
		t.Fatalf("only %v of %d uses waited", waited, callers*uses)
	}
	most := 0.01
	if raceDetector {
		most = 1
	}
	if each := perCrowd / waited; each > most {
		t.Errorf("%.3f allocations for a wait, want at most %v", each, most)
	}
}

// A lateContext seems alive when Acquire looks first, and has ended when it waits.
type lateContext struct {
	context.Context
	ended <-chan struct{}
	asked bool
}

func (c *lateContext) Done() <-chan struct{} { return c.ended }

func (c *lateContext) Err() error {
	if !c.asked {
		c.asked = true
		return nil
	}
	return context.Canceled
}

func TestGivingUpAllocatesTheErrorAndLittleElse(t *testing.T) {
	leavesNothing(t)
	p := newPool(t, &maker{}, weir.WithMaxOpen(1))
	l := hold(t, p)
	defer l.Release()
	ended := make(chan struct{})
	close(ended)
	got := testing.AllocsPerRun(1000, func() {
		_, err := p.Acquire(&lateContext{Context: context.Background(), ended: ended})
		if !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
	})
	if most := 6.0; got > most {
		t.Errorf("%v allocations for a wait that is given up, want at most %v", got, most)
	}
}
