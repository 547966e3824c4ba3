package weir_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// A hook that was left behind after its time limit costs the end of the pool no more than another such limit.
func TestCloseWithoutADeadlineEndsThoughAFunctionHangs(t *testing.T) {
	for name, hang := range map[string]func(t *testing.T, m *maker, p *weir.Pool[*thing], until <-chan struct{}){
		"Close": func(t *testing.T, m *maker, p *weir.Pool[*thing], until <-chan struct{}) {
			m.mu.Lock()
			m.onClose = func(*thing) error { <-until; return nil }
			m.mu.Unlock()
			hold(t, p).Discard()
		},
		"Check": func(t *testing.T, m *maker, p *weir.Pool[*thing], until <-chan struct{}) {
			hold(t, p).Release()
			time.Sleep(time.Second)
			m.failChecks(func(context.Context, *thing) error { <-until; return nil })
			p.TryAcquire()
		},
		"Open": func(_ *testing.T, m *maker, p *weir.Pool[*thing], until <-chan struct{}) {
			m.mu.Lock()
			m.onOpen = func(context.Context, int) error { <-until; return nil }
			m.mu.Unlock()
			p.TryAcquire()
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				until := make(chan struct{})
				p := newPool(t, m, weir.WithOpenTimeout(time.Second), weir.WithCloseTimeout(5*time.Second))
				defer close(until) // the bubble ends when everything in it has
				hang(t, m, p, until)
				time.Sleep(10 * time.Second)
				if s := p.Stats(); s.Open+s.Opening != 0 {
					t.Errorf("open %d, opening %d: what hangs has not been left behind", s.Open, s.Opening)
				}
				start := time.Now()
				err := p.Close(context.Background())
				e, ok := errors.AsType[*weir.CloseError](err)
				if !ok || e.Running != 1 || e.Forced != 0 {
					t.Errorf("got %v, want one call still running and nothing forced", err)
				}
				wantTook(t, time.Since(start), 0, 6*time.Second)
			})
		})
	}
}

func TestCloseInsideAnObserverEndsAndSaysWhatStillRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *weir.Pool[*thing]
		var once sync.Once
		closed := make(chan error, 1)
		m := &maker{}
		m.failOpens(errRefused)
		p = newPool(t, m, weir.WithMaxOpen(1), weir.WithObserver(observe(func(e weir.Event) {
			once.Do(func() { closed <- p.Close(context.Background()) })
		})))
		a := <-ask(t.Context(), p)
		wantIs(t, a.err, weir.ErrClosed)
		start := time.Now()
		err := <-closed
		if e, ok := errors.AsType[*weir.CloseError](err); !ok || e.Running != 1 {
			t.Errorf("got %v, want the observer itself still running", err)
		}
		wantTook(t, time.Since(start), 0, 6*time.Second)
	})
}

func TestCloseWaitsForTheObserverOfALateOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var observing atomic.Int32
		m := &maker{}
		m.onOpen = func(context.Context, int) error {
			time.Sleep(1060 * time.Millisecond) // left behind just before it returns
			return errRefused
		}
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithOpenTimeout(time.Second), weir.WithObserver(observe(func(e weir.Event) {
			observing.Add(1)
			defer observing.Add(-1)
			time.Sleep(3 * time.Second)
		})))
		exhausted(t, ask(t.Context(), p))
		time.Sleep(100 * time.Millisecond)
		if observing.Load() != 1 {
			t.Fatal("nothing is being told: the test shows nothing")
		}
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if n := observing.Load(); n != 0 {
			t.Errorf("%d observers run after Close", n)
		}
	})
}

func TestObserverMayBorrowWhenACheckOnOpenIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var p *weir.Pool[*thing]
		borrowed := make(chan error, 1)
		p = newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithObserver(observe(func(e weir.Event) {
			if e.Kind != weir.EventChecked || e.Moment != weir.OnOpen {
				return
			}
			l, err := p.Acquire(context.Background())
			l.Release()
			borrowed <- err
		})))
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 0, 0)
		got.lease.Release()
		if err := <-borrowed; err != nil {
			t.Error(err)
		}
	})
}

func TestNewEndsWithItsContextThoughOpenIgnoresIts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := make(chan struct{})
		defer close(until)
		m := &maker{onOpen: func(context.Context, int) error { <-until; return errRefused }}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		_, err := weir.New(ctx, m.factory(), weir.WithMinIdle(1), quiet())
		wantIs(t, err, context.DeadlineExceeded)
		wantTook(t, time.Since(start), time.Second, 1100*time.Millisecond)
	})
}

func TestCheckOnOpenThatIgnoresItsDeadlineCostsThatResourceOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		until := make(chan struct{})
		m.failChecks(func(_ context.Context, th *thing) error {
			if th.id == 1 {
				<-until
			}
			return nil
		})
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithOpenTimeout(weir.NoLimit), weir.WithMaxWait(time.Minute))
		defer close(until)
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 1050*time.Millisecond, 1060*time.Millisecond)
		if first := m.all()[0]; got.lease.Value() == first || first.closes() != 1 {
			t.Errorf("resource %d was lent, the first one closed %d times; want the second, once", got.lease.Value().id, first.closes())
		}
		if s := p.Stats(); s.OpenFails != 1 || s.CheckFails[weir.OnOpen] != 1 || s.Open != 1 {
			t.Errorf("%d opens and %d checks on open failed, %d open; want 1 of each", s.OpenFails, s.CheckFails[weir.OnOpen], s.Open)
		}
		got.lease.Release()
	})
}

// The deadline of the open as a whole ends first, and the check hangs on: the value is closed all the same.
func TestCheckOnOpenThatOutlivesTheOpenLeavesNothingOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung := make(chan struct{})
		m := &maker{openTakes: 80 * time.Millisecond}
		m.onCheck = func(context.Context, *thing) error { <-hung; return nil }
		p := newPool(t, m, weir.WithMaxOpen(1), weir.WithOpenTimeout(100*time.Millisecond), weir.WithCheckTimeout(weir.OnOpen, 100*time.Millisecond),
			weir.WithMaxWait(90*time.Millisecond))
		exhausted(t, ask(t.Context(), p))
		time.Sleep(time.Second)
		all := m.all()
		if len(all) == 0 || all[0].closes() != 1 {
			t.Errorf("%d opened, the first not closed under its check", len(all))
		}
		close(hung)
	})
}

func TestClosingAClosedPoolAgainSucceedsWhateverTheContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1))
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		for i := range 100 {
			ctx := ended
			if i == 0 {
				ctx = context.Background()
			}
			if err := p.Close(ctx); err != nil {
				t.Fatalf("Close number %d: %v", i+1, err)
			}
		}
	})
}
