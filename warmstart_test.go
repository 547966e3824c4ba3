package weir_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestWarmStartOpensInParallelWithinMaxOpening(t *testing.T) {
	for name, c := range map[string]struct {
		opts []weir.Option
		took time.Duration
		most int
	}{
		"no cap":   {nil, 100 * time.Millisecond, 6},
		"cap of 2": {[]weir.Option{weir.WithMaxOpening(2)}, 300 * time.Millisecond, 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{openTakes: 100 * time.Millisecond}
				start := time.Now()
				p := newPool(t, m, append(c.opts, weir.WithMinIdle(6))...)
				wantTook(t, time.Since(start), c.took, c.took)
				if s := p.Stats(); s.Idle != 6 || m.most() != c.most {
					t.Errorf("idle %d after %d opens at a time, want 6, %d", s.Idle, m.most(), c.most)
				}
			})
		})
	}
}

// failsAfter makes all opens but the first good ones fail with err.
func failsAfter(m *maker, good int, err error) {
	m.onOpen = func(_ context.Context, n int) error {
		if n > good {
			return err
		}
		return nil
	}
}

// mustNotStart wants New to fail, and everything it opened to be closed.
func mustNotStart(t *testing.T, m *maker, opts ...weir.Option) error {
	t.Helper()
	p, err := weir.New(t.Context(), m.factory(), append(opts, quiet())...)
	if err == nil {
		p.Close(t.Context())
		t.Fatal("New succeeded")
	}
	if p != nil {
		t.Error("New returned a pool beside its error")
	}
	for _, th := range m.all() {
		if th.closes() != 1 {
			t.Errorf("resource %d was closed %d times, want once", th.id, th.closes())
		}
	}
	return err
}

func TestByDefaultTheFirstFailedOpenFailsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		failsAfter(m, 2, errRefused)
		start := time.Now()
		err := mustNotStart(t, m, weir.WithMinIdle(5), weir.WithMaxOpening(1))
		wantText(t, err, `weir: new: pool "pool": connection refused`)
		wantIs(t, err, errRefused)
		wantTook(t, time.Since(start), 30*time.Millisecond, 30*time.Millisecond)
		if len(m.all()) != 2 {
			t.Errorf("%d were opened, want 2: the test shows nothing", len(m.all()))
		}
	})
}

func TestStartWaitGoesOnUntilMinIdleIsReached(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(errRefused)
		time.AfterFunc(2*time.Second, func() { m.failOpens(nil) })
		start := time.Now()
		p := newPool(t, m, weir.WithMinIdle(3), weir.WithStartWait(10*time.Second))
		wantTook(t, time.Since(start), 2*time.Second, 7*time.Second)
		if s := p.Stats(); s.Idle != 3 {
			t.Errorf("idle %d, want 3", s.Idle)
		}
	})
}

func TestStartWaitEndsInTimeWithTheLastError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		failsAfter(m, 1, errRefused)
		start := time.Now()
		err := mustNotStart(t, m, weir.WithMinIdle(3), weir.WithStartWait(3*time.Second))
		wantTook(t, time.Since(start), 3*time.Second, 3*time.Second)
		wantIs(t, err, errRefused)
		wantIs(t, err, context.DeadlineExceeded)
	})
}

func TestPermanentFailureEndsStartWaitAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.failOpens(fmt.Errorf("wrong password: %w", weir.ErrPermanent))
		start := time.Now()
		err := mustNotStart(t, m, weir.WithMinIdle(1), weir.WithStartWait(time.Hour))
		wantIs(t, err, weir.ErrPermanent)
		wantTook(t, time.Since(start), 0, 0)
	})
}

func TestContextOfNewEndsTheWarmStart(t *testing.T) {
	ordered := errors.New("deployment was rolled back")
	for name, opts := range map[string][]weir.Option{"default": nil, "wait": {weir.WithStartWait(time.Hour)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				m.onOpen = func(ctx context.Context, n int) error {
					if n == 1 {
						return nil
					}
					return wait(ctx, time.Hour)
				}
				ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, ordered)
				defer cancel()
				start := time.Now()
				_, err := weir.New(ctx, m.factory(), append(opts, weir.WithMinIdle(2), weir.WithOpenTimeout(time.Minute), quiet())...)
				wantIs(t, err, ordered)
				wantTook(t, time.Since(start), time.Second, time.Second)
				if th := m.all()[0]; th.closes() != 1 {
					t.Errorf("what was open was closed %d times, want once", th.closes())
				}
			})
		})
	}
}

func TestContextOfNewBoundsOnlyTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for range 50 {
			for _, opts := range [][]weir.Option{{}, {weir.WithMinIdle(1), weir.WithStartBackground()}} {
				p, err := weir.New(ctx, (&maker{}).factory(), append(opts, quiet())...)
				if err != nil {
					t.Fatalf("nothing was to be waited for, yet: %v", err)
				}
				hold(t, p).Release()
				if err := p.Close(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestStartInBackgroundReturnsAtOnceAndNeverGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		m.failOpens(weir.ErrPermanent)
		start := time.Now()
		p := newPool(t, m, weir.WithMinIdle(3), weir.WithStartBackground())
		wantTook(t, time.Since(start), 0, 0)
		time.Sleep(time.Minute)
		m.failOpens(nil) // the password was put right
		time.Sleep(6 * time.Second)
		if s := p.Stats(); s.Idle != 3 || s.OpenFails < 5 {
			t.Errorf("idle %d after %d failures, want 3 after some", s.Idle, s.OpenFails)
		}
	})
}

func TestSweepKeepsMinIdleAsFarAsMaxOpenLeavesRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{openTakes: 10 * time.Millisecond}, weir.WithMinIdle(2), weir.WithMaxOpen(5))
		for _, c := range []struct{ held, idle int }{{0, 2}, {2, 2}, {3, 2}, {4, 1}, {5, 0}} {
			leases := holdMany(t, p, c.held)
			time.Sleep(1500 * time.Millisecond)
			if s := p.Stats(); s.Idle != c.idle || s.Open > 5 {
				t.Errorf("with %d lent: idle %d, open %d, want %d idle", c.held, s.Idle, s.Open, c.idle)
			}
			for _, l := range leases {
				l.Discard()
			}
			time.Sleep(1500 * time.Millisecond)
		}
	})
}

func TestMinIdleMayBeMaxOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(4), weir.WithMaxOpen(4))
		leases := holdMany(t, p, 4)
		time.Sleep(time.Minute)
		if s := p.Stats(); s.Open != 4 || len(m.started()) != 4 {
			t.Errorf("open %d after %d opens, want 4, 4: MaxOpen wins", s.Open, len(m.started()))
		}
		releaseAll(leases)
	})
}
