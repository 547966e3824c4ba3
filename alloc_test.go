package weir_test

import (
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
