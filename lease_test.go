package weir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// panics reports what fn panics with, or nil.
func panics(fn func()) (with any) {
	defer func() { with = recover() }()
	fn()
	return nil
}

func TestSecondReleaseDoesNotTouchTheNextHolder(t *testing.T) {
	for name, again := range map[string]func(lease){
		"Release": lease.Release,
		"Discard": lease.Discard,
		"Finish":  func(l lease) { l.Finish(weir.ErrBroken) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				seen := &recorder{}
				p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithObserver(seen))
				mine := hold(t, p)
				mine.Release()
				next := hold(t, p)
				again(mine)
				if !next.Valid() || next.Value().closes() != 0 {
					t.Fatal("the next holder lost its resource")
				}
				if _, ok := p.TryAcquire(); ok {
					t.Fatal("two hold the only resource")
				}
				if s := p.Stats(); s.InUse != 1 || s.Misuses != 1 {
					t.Errorf("in use %d, misuses %d, want 1, 1", s.InUse, s.Misuses)
				}
				misused := seen.of(weir.EventMisused)
				if len(misused) != 1 || misused[0].Holder.Site() == "" {
					t.Fatalf("events %+v, want one with the line that did it", misused)
				}
				wantText(t, misused[0].Err, "weir: lease was ended a second time")
				next.Release()
			})
		})
	}
}

func TestSecondReleaseOfAnIdleResourceChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{})
		l := hold(t, p)
		same := l // a copy is the same lease
		l.Release()
		same.Release()
		if s := p.Stats(); s.Idle != 1 || s.Open != 1 || s.Misuses != 1 {
			t.Errorf("idle %d, open %d, misuses %d, want 1, 1, 1", s.Idle, s.Open, s.Misuses)
		}
	})
}

func TestMisuseIsLoggedWithTheLineThatDidIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		book := &logbook{}
		p := newPool(t, &maker{}, book.option())
		l := hold(t, p)
		l.Release()
		l.Release()
		if got := book.with("ended a second time"); len(got) != 1 {
			t.Errorf("logged %q, want one line", got)
		}
		if got := book.with("at=lease_test.go:"); len(got) != 1 {
			t.Errorf("logged %q, want this file's line", got)
		}
	})
}

func TestReleaseAfterDiscardIsNoMisuse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{})
		l := hold(t, p)
		l.Discard()
		l.Release()
		broken := hold(t, p)
		broken.Finish(weir.ErrBroken)
		broken.Release()
		if s := p.Stats(); s.Misuses != 0 || s.Retired[weir.RetiredError] != 2 {
			t.Errorf("misuses %d, %d discarded, want 0, 2", s.Misuses, s.Retired[weir.RetiredError])
		}
	})
}

func TestValueAfterTheEndPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		if !l.Valid() || l.ID() != 1 {
			t.Errorf("valid %v, ID %d, want true, 1", l.Valid(), l.ID())
		}
		l.Release()
		const want = "weir: Lease.Value called after the lease ended"
		if got := panics(func() { l.Value() }); got != want {
			t.Errorf("panicked with %v, want %q", got, want)
		}
		next := hold(t, p)
		if got := panics(func() { l.Value() }); got != want {
			t.Errorf("with a new holder: panicked with %v, want %q", got, want)
		}
		next.Release()
		if l.Valid() {
			t.Error("still valid")
		}
	})
}

func TestZeroLeaseHasEnded(t *testing.T) {
	var l lease
	l.Release()
	l.Discard()
	l.Finish(errRefused)
	if l.Valid() || l.ID() != 0 {
		t.Errorf("valid %v, ID %d, want false, 0", l.Valid(), l.ID())
	}
	if panics(func() { l.Value() }) == nil {
		t.Error("Value did not panic")
	}
}

func TestStaleLeaseStaysHarmlessAfterManyHolders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		var stale []lease
		for range 50 {
			l := hold(t, p)
			for _, s := range stale {
				s.Release()
			}
			if !l.Valid() {
				t.Fatal("a stale lease ended this one")
			}
			time.Sleep(time.Millisecond)
			l.Release()
			stale = append(stale, l)
		}
		if s := p.Stats(); s.Misuses != 50*49/2 {
			t.Errorf("%d misuses, want %d", s.Misuses, 50*49/2)
		}
	})
}
