package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestMaxWaitEndsAWaitExactly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(900*time.Millisecond))
		defer hold(t, p).Release()
		var callers []<-chan answer
		for range 10 {
			callers = append(callers, ask(t.Context(), p))
			time.Sleep(7 * time.Millisecond)
		}
		for _, c := range callers {
			e, took := exhausted(t, c)
			if took != 900*time.Millisecond || e.Waited != took || e.Limit != weir.LimitMaxWait {
				t.Errorf("waited %v, error says %v by %v, want 900ms by MaxWait", took, e.Waited, e.Limit)
			}
			wantIs(t, e, weir.ErrExhausted)
			wantIs(t, e, context.DeadlineExceeded)
		}
	})
}

func TestErrorTellsWhatEndedTheWait(t *testing.T) {
	ordered := errors.New("operator said stop")
	const limit = 30 * time.Millisecond
	deadline := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, limit)
	}
	cancelled := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(limit, cancel)
		return ctx, cancel
	}
	caused := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancelCause(ctx)
		time.AfterFunc(limit, func() { cancel(ordered) })
		return ctx, func() { cancel(nil) }
	}
	dueCause := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(ctx, limit, ordered)
	}
	none := func(ctx context.Context) (context.Context, context.CancelFunc) { return context.WithCancel(ctx) }
	for name, c := range map[string]struct {
		ctx    func(context.Context) (context.Context, context.CancelFunc)
		limit  weir.Limit
		is     []error
		not    []error
		counts [2]uint64 // timeouts, cancelled
	}{
		"MaxWait":             {none, weir.LimitMaxWait, []error{context.DeadlineExceeded}, []error{context.Canceled}, [2]uint64{1, 0}},
		"deadline":            {deadline, weir.LimitContext, []error{context.DeadlineExceeded}, []error{context.Canceled}, [2]uint64{1, 0}},
		"cancelled":           {cancelled, weir.LimitContext, []error{context.Canceled}, []error{context.DeadlineExceeded}, [2]uint64{0, 1}},
		"cancelled for cause": {caused, weir.LimitContext, []error{context.Canceled, ordered}, []error{context.DeadlineExceeded}, [2]uint64{0, 1}},
		"deadline with cause": {dueCause, weir.LimitContext, []error{context.DeadlineExceeded, ordered}, []error{context.Canceled}, [2]uint64{1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(100*time.Millisecond))
				defer hold(t, p).Release()
				ctx, cancel := c.ctx(t.Context())
				defer cancel()
				e, took := exhausted(t, ask(ctx, p))
				if e.Limit != c.limit || e.Waited != took {
					t.Errorf("limit %v, waited %v, want %v, %v", e.Limit, e.Waited, c.limit, took)
				}
				for _, target := range append(c.is, weir.ErrExhausted) {
					wantIs(t, e, target)
				}
				for _, target := range append(c.not, weir.ErrClosed) {
					if errors.Is(e, target) {
						t.Errorf("%v matches %v", e, target)
					}
				}
				s := p.Stats()
				if got := [2]uint64{s.Timeouts, s.Canceled}; got != c.counts {
					t.Errorf("timeouts and cancelled are %v, want %v", got, c.counts)
				}
			})
		})
	}
}

func TestTwoLimitsAtOneMomentAreCountedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(50*time.Millisecond))
		defer hold(t, p).Release()
		const callers = 200
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		var all []<-chan answer
		for range callers {
			all = append(all, ask(ctx, p))
		}
		for _, c := range all {
			exhausted(t, c)
		}
		if s := p.Stats(); s.Timeouts != callers || s.Wait.Count != callers+1 {
			t.Errorf("%d timeouts and %d waits were counted for %d callers", s.Timeouts, s.Wait.Count-1, callers)
		}
	})
}

func TestDoneContextGetsNothing(t *testing.T) {
	ordered := errors.New("operator said stop")
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1))
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(ordered)
		for range 100 {
			_, err := p.Acquire(ctx)
			wantIs(t, err, context.Canceled)
			wantIs(t, err, ordered)
		}
		plain, stop := context.WithCancel(t.Context())
		stop()
		_, err := p.Acquire(plain)
		if got := err.Error(); got != "weir: acquire: context canceled" {
			t.Errorf("error is %q", got)
		}
		if s := p.Stats(); s.Acquired != 0 || s.Idle != 1 || s.Canceled != 101 {
			t.Errorf("acquired %d, idle %d, cancelled %d, want 0, 1, 101", s.Acquired, s.Idle, s.Canceled)
		}
	})
}

func TestNilContextIsAnError(t *testing.T) {
	var none context.Context
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(1))
		_, acquire := p.Acquire(none)
		_, create := weir.New(none, m.factory())
		do := p.Do(none, func(context.Context, *thing) error { return nil })
		for name, err := range map[string]error{"Acquire": acquire, "New": create, "Do": do, "Close": p.Close(none)} {
			if !errors.Is(err, weir.ErrNilContext) {
				t.Errorf("%s with a nil context: %v, want ErrNilContext", name, err)
			}
		}
		hold(t, p).Release() // Close(nil) closed nothing
	})
}

func TestMaxWaitersTurnsOthersAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWaiters(2))
		only := hold(t, p)
		one, two := ask(t.Context(), p), ask(t.Context(), p)
		e, took := exhausted(t, ask(t.Context(), p))
		if e.Limit != weir.LimitMaxWaiters || took != 0 || e.Waited != 0 || e.Waiting != 2 {
			t.Errorf("limit %v after %v, %d waiting; want MaxWaiters at once, 2 waiting", e.Limit, took, e.Waiting)
		}
		if errors.Is(e, context.DeadlineExceeded) {
			t.Error("nobody's time ran out, yet the error matches DeadlineExceeded")
		}
		only.Release()
		served(t, one).lease.Release()
		served(t, two).lease.Release()
		if s := p.Stats(); s.Shed != 1 {
			t.Errorf("shed %d, want 1", s.Shed)
		}
	})
}

func TestNoWaitersAllowedStillLendsWhatMustBeCheckedFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{checkTakes: time.Millisecond}, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithMaxWaiters(0))
		time.Sleep(10 * time.Second) // the check on open has grown old
		l := hold(t, p)
		e, took := exhausted(t, ask(t.Context(), p))
		if e.Limit != weir.LimitMaxWaiters || took != 0 {
			t.Errorf("limit %v after %v, want MaxWaiters at once", e.Limit, took)
		}
		l.Release()
	})
}

func TestMaxWaitCoversAFailingCheckToo(t *testing.T) {
	for name, c := range map[string]struct {
		open, want time.Duration
		ok         bool
	}{
		"enough left":     {400 * time.Millisecond, 700 * time.Millisecond, true},
		"not enough left": {800 * time.Millisecond, time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				p := newPool(t, m, weir.WithMaxOpen(1), weir.WithCheckWindow(0))
				hold(t, p).Release()
				m.openTakes = c.open
				m.failChecks(func(_ context.Context, th *thing) error {
					if th.id > 1 {
						return nil
					}
					time.Sleep(300 * time.Millisecond)
					return errRefused
				})
				a := <-ask(t.Context(), p)
				if (a.err == nil) != c.ok {
					t.Errorf("error is %v", a.err)
				}
				wantTook(t, a.took, c.want, c.want)
				a.lease.Release()
			})
		})
	}
}

func TestWithoutALimitTheCallerWaitsForAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(weir.NoLimit))
		only := hold(t, p)
		waiter := ask(t.Context(), p)
		time.Sleep(time.Hour)
		only.Release()
		got := served(t, waiter)
		got.lease.Release()
		wantTook(t, got.took, time.Hour, time.Hour)
	})
}
