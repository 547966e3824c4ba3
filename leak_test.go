package weir_test

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func TestLeakIsNamedOnceAndItsReturnToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, book := &recorder{}, &logbook{}
		p := newPool(t, &maker{}, weir.WithLeakThreshold(5*time.Second), weir.WithObserver(seen), book.option())
		line := lineHere() + 1
		l, err := p.Acquire(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Second)
		if n := p.Stats().Leaks; n != 0 {
			t.Errorf("%d leaks before the threshold", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait() // the sweep of this very moment is done
		lines := book.with("lease is out for longer than LeakThreshold")
		if len(lines) != 1 {
			t.Fatalf("logged %q, want one line", lines)
		}
		site := fmt.Sprintf("leak_test.go:%d", line)
		for _, want := range []string{"borrowed_at=" + site, "resource=1", "stack=", "TestLeakIsNamedOnceAndItsReturnToo", "age="} {
			if !strings.Contains(lines[0], want) {
				t.Errorf("line %q lacks %q", lines[0], want)
			}
		}
		leaked := seen.of(weir.EventLeaked)
		if len(leaked) != 1 || leaked[0].Holder.Site() != site || leaked[0].Resource != l.ID() {
			t.Fatalf("events %+v", leaked)
		}
		wantTook(t, leaked[0].Holder.Age, 5*time.Second, 6*time.Second)
		l.Release()
		back := seen.of(weir.EventReturned)
		if len(back) != 1 || back[0].Holder.Site() != site || back[0].Took != 64*time.Second {
			t.Errorf("events %+v, want one return after 64s", back)
		}
		if got := book.with("returned after all"); len(got) != 1 || !strings.Contains(got[0], "age=1m4s") {
			t.Errorf("logged %q, want one line", got)
		}
		if s := p.Stats(); s.Leaks != 1 || s.LeaksReturned != 1 || s.Misuses != 0 || s.Idle != 1 {
			t.Errorf("leaks %d, returned %d, misuses %d, idle %d, want 1, 1, 0, 1", s.Leaks, s.LeaksReturned, s.Misuses, s.Idle)
		}
	})
}

func TestEachLongLeaseOfAResourceIsNamedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Second))
		for range 3 {
			l := hold(t, p)
			time.Sleep(10 * time.Second)
			l.Release()
		}
		if s := p.Stats(); s.Leaks != 3 || s.LeaksReturned != 3 {
			t.Errorf("leaks %d, returned %d, want 3, 3", s.Leaks, s.LeaksReturned)
		}
	})
}

func TestWaiterIsNamedByWhereItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Second), weir.WithObserver(seen))
		first := hold(t, p)
		waiter := ask(t.Context(), p)
		first.Release()
		l := served(t, waiter).lease
		time.Sleep(10 * time.Second)
		leaked := seen.of(weir.EventLeaked)
		if len(leaked) != 1 || !strings.Contains(leaked[0].Holder.Stack(), "weir_test.ask.func1") {
			t.Errorf("events %+v, want the waiter's stack", leaked)
		}
		l.Release()
	})
}

func TestTryAcquireAndDoAreNamedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(1), weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Hour))
		line := lineHere() + 1
		l, _ := p.TryAcquire()
		e, _ := exhausted(t, ask(t.Context(), p))
		if got, want := e.Holders[0].Site(), fmt.Sprintf("leak_test.go:%d", line); got != want {
			t.Errorf("TryAcquire was called at %q, want %q", got, want)
		}
		l.Release()
	})
}

func TestReclaimTakesALeaseBackAndALateReleaseIsHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithMaxWait(time.Minute), weir.WithObserver(seen),
			weir.WithLeakThreshold(time.Second), weir.WithReclaimAfter(5*time.Second))
		l := hold(t, p)
		th := l.Value()
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 5*time.Second, 6*time.Second)
		synctest.Wait()
		if l.Valid() || th.closes() != 1 {
			t.Errorf("valid %v, closed %d times, want it taken back", l.Valid(), th.closes())
		}
		l.Release()
		l.Discard()
		if !got.lease.Valid() || got.lease.Value().closes() != 0 {
			t.Error("the late release touched the next holder")
		}
		got.lease.Release()
		s := p.Stats()
		if s.Leaks != 1 || s.LeaksReturned != 0 || s.Misuses != 2 || s.Retired[weir.RetiredLeaked] != 1 || s.Idle != 1 {
			t.Errorf("stats %+v", s)
		}
		misused := seen.of(weir.EventMisused)
		if len(misused) != 2 {
			t.Fatalf("%d misuses told, want 2", len(misused))
		}
		wantText(t, misused[0].Err, "weir: lease was ended after its resource had been taken back by force")
	})
}

func TestLeakNamingIsOffByDefault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		time.Sleep(time.Hour)
		e, _ := exhausted(t, ask(t.Context(), p))
		if s := p.Stats(); s.Leaks != 0 || e.Holders[0].Site() != "" {
			t.Errorf("%d leaks, site %q, want none", s.Leaks, e.Holders[0].Site())
		}
		l.Release()
	})
}

// The runtime's clean-ups run outside every bubble, so this one lives in real time.
func TestDroppedLeaseIsFound(t *testing.T) {
	leavesNothing(t)
	seen := &recorder{}
	p, err := weir.New(t.Context(), (&maker{}).factory(), weir.WithMaxOpen(2), weir.WithLeakThreshold(time.Hour),
		weir.WithSweepEvery(5*time.Millisecond), weir.WithObserver(seen), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(p)
	kept := hold(t, p)
	drop(t, p)
	deadline := time.After(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for len(seen.of(weir.EventLeaked)) == 0 {
		runtime.GC()
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the dropped lease was not found in 10s")
		}
	}
	leaked := seen.of(weir.EventLeaked)
	if len(leaked) != 1 || leaked[0].Resource == kept.ID() {
		t.Fatalf("events %+v, want the dropped lease alone", leaked)
	}
	wantText(t, leaked[0].Err, "lease was dropped without Release")
	if stack := leaked[0].Holder.Stack(); !strings.Contains(stack, "weir_test.drop ") {
		t.Errorf("stack is\n%s", stack)
	}
	if s := p.Stats(); s.Leaks != 1 {
		t.Errorf("%d leaks, want 1", s.Leaks)
	}
	kept.Release()
	if err := p.Close(context.Background()); err != nil { // it does not wait for what nobody can end
		t.Error(err)
	}
	if s := p.Stats(); s.Open != 0 || s.Retired[weir.RetiredLeaked] != 1 {
		t.Errorf("after Close: open %d, %d taken back, want 0 and 1", s.Open, s.Retired[weir.RetiredLeaked])
	}
}

//go:noinline
func drop(t *testing.T, p *weir.Pool[*thing]) {
	if _, err := p.Acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// "go pool.Do(...)" leaves no frame of the program on the goroutine; the line that started it is the program's.
func TestGoroutineOfThePoolsMethodIsNamedByWhoStartedIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithLeakThreshold(time.Hour))
		done := make(chan struct{})
		line := lineHere() + 1
		go p.Do(t.Context(), func(context.Context, *thing) error { <-done; return nil })
		synctest.Wait()
		e, _ := exhausted(t, ask(t.Context(), p))
		if got, want := e.Holders[0].Site(), fmt.Sprintf("leak_test.go:%d", line); got != want {
			t.Errorf("borrowed at %q, want %q", got, want)
		}
		if got := e.Holders[0].Stack(); strings.Contains(got, "goexit") || !strings.Contains(got, "TestGoroutineOfThePoolsMethodIsNamedByWhoStartedIt") {
			t.Errorf("stack is\n%s", got)
		}
		close(done)
	})
}
