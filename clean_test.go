package weir_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// A laundry makes things dirty, and clean again.
type laundry struct {
	dirty  atomic.Bool
	looks  atomic.Int64
	cleans atomic.Int64
	takes  time.Duration
	fails  error
	stuck  chan struct{} // not nil: Clean waits for it, whatever its context says
	by     weir.Holder
}

func (l *laundry) maker() *maker {
	return &maker{tune: func(f *weir.Factory[*thing]) {
		f.Dirty = func(*thing) bool {
			l.looks.Add(1)
			return l.dirty.Load()
		}
		f.Clean = l.clean
	}}
}

func (l *laundry) clean(ctx context.Context, _ *thing, by weir.Holder) error {
	l.cleans.Add(1)
	l.by = by
	if l.stuck != nil {
		<-l.stuck
	}
	if err := wait(ctx, l.takes); err != nil {
		return err
	}
	l.dirty.Store(false)
	return l.fails
}

func TestADirtyResourceIsCleanedBeforeItIsLentAgain(t *testing.T) {
	for name, finish := range map[string]func(lease){
		"Release": lease.Release,
		"Finish":  func(l lease) { l.Finish(nil) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wash := &laundry{takes: 100 * time.Millisecond}
				p := newPool(t, wash.maker(), weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Minute))
				l := hold(t, p)
				l.Note("a note")
				time.Sleep(time.Second)
				wash.dirty.Store(true)
				finish(l)
				if s := p.Stats(); s.Checking != 1 || s.Idle != 0 || s.InUse != 0 {
					t.Errorf("checking %d, idle %d, in use %d, want 1, 0, 0", s.Checking, s.Idle, s.InUse)
				}
				wantNotAgain(t, p, l)
				audit(t, p)
				a := <-ask(t.Context(), p)
				if a.err != nil || a.took != 100*time.Millisecond || wash.dirty.Load() {
					t.Errorf("lent after %v, %v, dirty %t, want 100ms, clean", a.took, a.err, wash.dirty.Load())
				}
				if wash.by.Age != time.Second || wash.by.Note != "a note" || wash.by.Site() == "" {
					t.Errorf("it was told that %v left it so", wash.by)
				}
				a.lease.Release()
				wantAgain(t, a.lease).Release()
				if n := wash.cleans.Load(); n != 1 {
					t.Errorf("%d cleanings, want 1", n)
				}
				audit(t, p)
			})
		})
	}
}

func TestNobodyWaitsForACleaningWhileAnotherIsIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wash := &laundry{takes: time.Second}
		p := newPool(t, wash.maker(), weir.WithMaxOpen(2), weir.WithMinIdle(2))
		l := hold(t, p)
		wash.dirty.Store(true)
		l.Release()
		if a := <-ask(t.Context(), p); a.err != nil || a.took != 0 || a.lease.ID() == l.ID() {
			t.Errorf("lent resource %d after %v, %v, want the other one at once", a.lease.ID(), a.took, a.err)
		} else {
			a.lease.Discard()
		}
	})
}

func TestWhatCannotBeCleanedIsClosed(t *testing.T) {
	for name, c := range map[string]struct {
		wash  *laundry
		after time.Duration
	}{
		"fails":                {&laundry{fails: errRefused}, 0},
		"keeps its deadline":   {&laundry{takes: time.Minute}, 5 * time.Second},
		"ignores its deadline": {&laundry{stuck: make(chan struct{})}, 5*time.Second + 50*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.wash.stuck != nil {
					c.wash.stuck = make(chan struct{}) // of this bubble
				}
				p := newPool(t, c.wash.maker(), weir.WithMaxOpen(1), weir.WithMaxWait(time.Minute))
				l := hold(t, p)
				c.wash.dirty.Store(true)
				l.Release()
				a := <-ask(t.Context(), p)
				if a.err != nil || a.lease.ID() == l.ID() || a.took != c.after {
					t.Errorf("lent resource %d after %v, %v, want a new one after %v", a.lease.ID(), a.took, a.err, c.after)
				}
				if n := p.Stats().Retired[weir.RetiredError]; n != 1 {
					t.Errorf("%d retired, want 1", n)
				}
				if c.wash.stuck != nil {
					close(c.wash.stuck)
				}
				a.lease.Discard()
				audit(t, p)
			})
		})
	}
}

func TestPanicsInDirtyAndCleanCostTheResource(t *testing.T) {
	for name, tune := range map[string]func(*weir.Factory[*thing]){
		"Dirty": func(f *weir.Factory[*thing]) { f.Dirty = func(*thing) bool { panic("dirty") } },
		"Clean": func(f *weir.Factory[*thing]) {
			f.Dirty, f.Clean = nil, func(context.Context, *thing, weir.Holder) error { panic("clean") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := (&laundry{}).maker()
				first := m.tune
				m.tune = func(f *weir.Factory[*thing]) { first(f); tune(f) }
				p := newPool(t, m, weir.WithMaxOpen(1))
				hold(t, p).Release()
				audit(t, p)
				if n := p.Stats().Retired[weir.RetiredError]; n != 1 {
					t.Errorf("%d retired, want 1", n)
				}
			})
		})
	}
}

// A lease that is ended a second time must not look at what somebody else holds by then.
func TestALeaseEndedTwiceIsNotLookedAt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wash := &laundry{}
		p := newPool(t, wash.maker(), weir.WithMaxOpen(1))
		old := hold(t, p)
		old.Release()
		next := hold(t, p)
		wash.dirty.Store(true)
		old.Release()
		old.Finish(nil)
		if n := wash.looks.Load(); n != 1 || !next.Valid() {
			t.Errorf("looked %d times, the next lease valid %t, want 1, true", n, next.Valid())
		}
		next.Discard() // it is closed, so there is nothing to clean
		audit(t, p)
		if looks, cleans := wash.looks.Load(), wash.cleans.Load(); looks != 1 || cleans != 0 {
			t.Errorf("%d looks, %d cleanings, want 1, 0", looks, cleans)
		}
	})
}

func TestCloseEndsACleaning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wash := &laundry{takes: time.Minute}
		p := newPool(t, wash.maker(), weir.WithMaxOpen(2))
		l, out := hold(t, p), hold(t, p)
		wash.dirty.Store(true)
		l.Release()
		closed := make(chan error, 1)
		go func() { closed <- p.Close(context.Background()) }()
		synctest.Wait()
		out.Release() // dirty, but there is no next one
		if err := <-closed; err != nil {
			t.Error(err)
		}
		if n := wash.cleans.Load(); n != 1 {
			t.Errorf("%d cleanings, want 1", n)
		}
	})
}

func TestDirtyAloneIsRefused(t *testing.T) {
	f := (&laundry{}).maker().factory()
	f.Clean = nil
	_, err := weir.New(t.Context(), f)
	if err == nil {
		t.Fatal("New succeeded")
	}
	wantText(t, err, "weir: new: Factory.Dirty is given and Factory.Clean is nil: a function is required")
}
