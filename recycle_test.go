package weir_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

func retired(seen *recorder, why weir.Reason) []weir.Event {
	var out []weir.Event
	for _, e := range seen.of(weir.EventRetired) {
		if e.Reason == why {
			out = append(out, e)
		}
	}
	return out
}

func TestIdleResourceIsReplacedAtItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		newPool(t, &maker{}, weir.WithMinIdle(1), weir.WithObserver(seen), weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0))
		time.Sleep(10 * time.Minute)
		old := retired(seen, weir.RetiredLifetime)
		if len(old) < 9 || len(old) > 10 {
			t.Errorf("%d were replaced in 10 minutes, want one a minute", len(old))
		}
		for _, e := range old {
			wantTook(t, e.Took, time.Minute, time.Minute+time.Second)
		}
	})
}

func TestBusyResourceIsReplacedAtItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{}, weir.WithMaxOpen(1), weir.WithObserver(seen), weir.WithSweepEvery(time.Hour),
			weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0))
		waiter := ask(t.Context(), p)
		for end := time.Now().Add(5*time.Minute + 30*time.Second); time.Now().Before(end); {
			l := served(t, waiter).lease
			time.Sleep(7 * time.Millisecond)
			waiter = ask(t.Context(), p)
			l.Release()
		}
		served(t, waiter).lease.Release()
		old := retired(seen, weir.RetiredLifetime)
		if len(old) != 5 {
			t.Errorf("%d were replaced in 5.5 minutes, want 5", len(old))
		}
		for _, e := range old {
			wantTook(t, e.Took, time.Minute, time.Minute+20*time.Millisecond)
		}
	})
}

func TestLongUseIsNotCutShortByAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxLifetime(time.Minute))
		l := hold(t, p)
		time.Sleep(time.Hour)
		if !l.Valid() || l.Value().closes() != 0 {
			t.Fatal("the lease was ended")
		}
		l.Release()
		synctest.Wait()
		if s := p.Stats(); s.Open != 0 || s.Retired[weir.RetiredLifetime] != 1 {
			t.Errorf("open %d, retired %v, want it replaced on return", s.Open, s.Retired)
		}
	})
}

func TestResourceTooOldIsNotLent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithSweepEvery(time.Hour), weir.WithMaxLifetime(time.Minute), weir.WithIdleTimeout(weir.NoLimit))
		releaseAll(holdMany(t, p, 3))
		time.Sleep(2 * time.Minute)
		l := hold(t, p)
		if l.ID() != 4 {
			t.Errorf("resource %d was lent, want a new one", l.ID())
		}
		l.Release()
	})
}

func TestAgesAreJitteredAndSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		newPool(t, &maker{}, weir.WithMinIdle(50), weir.WithMaxOpen(100), weir.WithObserver(seen), weir.WithMaxLifetime(10*time.Minute))
		time.Sleep(10*time.Minute + 2*time.Second)
		old := retired(seen, weir.RetiredLifetime)
		if len(old) != 50 {
			t.Fatalf("%d were replaced, want 50", len(old))
		}
		seconds := make(map[time.Duration]int)
		for _, e := range old {
			wantTook(t, e.Took, 9*time.Minute, 10*time.Minute+time.Second)
			seconds[e.Took.Truncate(time.Second)]++
		}
		if len(seconds) < 15 {
			t.Errorf("50 ages end in %d different seconds of 60, want them spread", len(seconds))
		}
	})
}

func TestSuccessorsAreOpenBeforeManyRetireAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{openTakes: 100 * time.Millisecond}, weir.WithMinIdle(5), weir.WithMaxOpen(10), weir.WithObserver(seen),
			weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0), weir.WithoutCheck(weir.WhileIdle))
		for range 19_000 {
			time.Sleep(10 * time.Millisecond)
			if s := p.Stats(); s.Idle < 5 || s.Open > 10 {
				t.Fatalf("idle %d, open %d, want at least 5 and at most 10", s.Idle, s.Open)
			}
		}
		if n := len(retired(seen, weir.RetiredLifetime)); n < 15 {
			t.Errorf("%d were replaced in 190s, want three rounds", n)
		}
	})
}

func TestWithoutRoomSuccessorsComeAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{openTakes: 100 * time.Millisecond}
		p := newPool(t, m, weir.WithMinIdle(5), weir.WithMaxOpen(5), weir.WithoutCheck(weir.WhileIdle),
			weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0))
		var short time.Duration
		for range 19_000 {
			time.Sleep(10 * time.Millisecond)
			s := p.Stats()
			if s.Idle < 5 {
				short += 10 * time.Millisecond
			}
			if s.Idle+s.Opening > 5 {
				t.Fatalf("idle %d, opening %d, want at most 5", s.Idle, s.Opening)
			}
		}
		if short == 0 || short > 3*120*time.Millisecond {
			t.Errorf("MinIdle was not kept for %v, want about one open for each of three rounds", short)
		}
	})
}

func TestIdleTimeoutTrimsToMinIdleAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(5), weir.WithMaxOpen(45), weir.WithIdleTimeout(time.Minute), weir.WithMaxLifetime(weir.NoLimit))
		releaseAll(holdMany(t, p, 45))
		time.Sleep(59*time.Second + 500*time.Millisecond) // between two sweeps
		before := uint64(0)
		for range 60 {
			now := p.Stats().Retired[weir.RetiredIdle]
			if most := max((40-before)/10, 1); now-before > most {
				t.Errorf("a sweep closed %d of %d, want at most %d", now-before, 40-before, most)
			}
			before = now
			time.Sleep(time.Second)
		}
		if before < 30 {
			t.Errorf("%d were closed in a minute, want most of 40", before)
		}
		time.Sleep(time.Hour)
		if s := p.Stats(); s.Idle != 5 || s.Retired[weir.RetiredIdle] != 40 || s.Opened != 45 {
			t.Errorf("idle %d, %d retired as idle, %d opened, want 5, 40, 45", s.Idle, s.Retired[weir.RetiredIdle], s.Opened)
		}
	})
}

func TestWhatIsUsedIsNotTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithIdleTimeout(time.Minute), weir.WithMaxLifetime(weir.NoLimit))
		first := hold(t, p)
		hold(t, p).Release()
		first.Release()
		time.Sleep(700 * time.Millisecond) // who comes just after an idle check gets what it proved to be fit
		for range 300 {
			time.Sleep(time.Second)
			hold(t, p).Release()
		}
		if s := p.Stats(); s.Idle != 1 || s.Retired[weir.RetiredIdle] != 1 {
			t.Errorf("idle %d, %d retired, want the used one kept, the other trimmed", s.Idle, s.Retired[weir.RetiredIdle])
		}
	})
}

func TestIdleCheckDoesNotMakeAResourceYounger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{checkTakes: time.Millisecond}, weir.WithCheckIdleEvery(10*time.Second), weir.WithIdleTimeout(time.Minute))
		releaseAll(holdMany(t, p, 4))
		time.Sleep(70 * time.Second)
		if s := p.Stats(); s.Idle != 0 || s.Retired[weir.RetiredIdle] != 4 {
			t.Errorf("idle %d, %d trimmed, want 0, 4", s.Idle, s.Retired[weir.RetiredIdle])
		}
	})
}

func TestWithoutLimitsNothingIsRecycled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxLifetime(weir.NoLimit), weir.WithIdleTimeout(weir.NoLimit))
		releaseAll(holdMany(t, p, 5))
		time.Sleep(5*time.Hour + 500*time.Millisecond) // between two sweeps
		if s := p.Stats(); s.Idle != 5 || s.Retired != [weir.Reasons]uint64{} {
			t.Errorf("idle %d, retired %v", s.Idle, s.Retired)
		}
	})
}

func TestClosingHoldsNobodyUpByDefault(t *testing.T) {
	for name, c := range map[string]struct {
		opts []weir.Option
		took time.Duration
		most int // resources the server sees
	}{
		"default": {nil, 0, 2},
		"strict":  {[]weir.Option{weir.WithStrictMaxOpen()}, 200 * time.Millisecond, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{closeTakes: 200 * time.Millisecond}
				p := newPool(t, m, append(c.opts, weir.WithMaxOpen(1))...)
				start := time.Now()
				hold(t, p).Discard()
				wantTook(t, time.Since(start), 0, 0)
				got := served(t, ask(t.Context(), p))
				wantTook(t, got.took, c.took, c.took)
				if s := p.Stats(); s.Open != c.most {
					t.Errorf("open %d, want %d", s.Open, c.most)
				}
				got.lease.Release()
			})
		})
	}
}

func TestCloseThatFailsOrPanicsIsCountedAndHarmless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		m.onClose = func(th *thing) error {
			if th.id == 1 {
				panic("double free")
			}
			return errRefused
		}
		seen, book := &recorder{}, &logbook{}
		p := newPool(t, m, weir.WithObserver(seen), book.option())
		hold(t, p).Discard()
		hold(t, p).Discard()
		synctest.Wait()
		if s := p.Stats(); s.CloseFails != 2 || s.Open != 0 || len(seen.of(weir.EventCloseFailed)) != 2 {
			t.Errorf("%d failed, open %d, %d told, want 2, 0, 2", s.CloseFails, s.Open, len(seen.of(weir.EventCloseFailed)))
		}
		if got := book.with("weir: closing failed"); len(got) != 2 {
			t.Errorf("logged %q, want two lines", got)
		}
	})
}

func TestCloseThatHangsCountsAsDoneAfterItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{closeTakes: time.Minute}
		seen := &recorder{}
		p := newPool(t, m, weir.WithObserver(seen), weir.WithMaxOpen(1), weir.WithStrictMaxOpen(), weir.WithCloseTimeout(300*time.Millisecond))
		hold(t, p).Discard()
		got := served(t, ask(t.Context(), p))
		wantTook(t, got.took, 300*time.Millisecond, 300*time.Millisecond)
		got.lease.Release()
		failed := seen.of(weir.EventCloseFailed)
		if len(failed) != 1 {
			t.Fatalf("%d failed, want 1", len(failed))
		}
		wantIs(t, failed[0].Err, weir.ErrTimeout)
		time.Sleep(time.Hour)
		if n := len(retired(seen, weir.RetiredError)); n != 1 {
			t.Errorf("told %d times that it was retired, want once", n)
		}
	})
}

func TestHundredsOfResourcesAreCheckedAndReplacedInTime(t *testing.T) {
	const size = 300 // more than the sweep looks at in one go
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithMinIdle(size), weir.WithMaxOpen(2*size), weir.WithCheckIdleEvery(20*time.Second),
			weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0))
		time.Sleep(30 * time.Second)
		if s := p.Stats(); s.Checks[weir.WhileIdle] != size {
			t.Errorf("%d idle checks, want each of %d checked once", s.Checks[weir.WhileIdle], size)
		}
		m.all()[size/2].fall(errRefused)
		time.Sleep(32 * time.Second)
		if s := p.Stats(); s.Idle != size || s.Retired[weir.RetiredLifetime] != size-1 || s.Retired[weir.RetiredError] != 1 {
			t.Errorf("idle %d, retired %v, want %d idle, %d retired by age and the sick one", s.Idle, s.Retired, size, size-1)
		}
	})
}
