package weir_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

var errReadOnly = errors.New("the server is read-only")

// suspicious makes a factory take errReadOnly for the sign of a demotion.
func suspicious(f *weir.Factory[*thing]) {
	f.Classify = func(err error) weir.Verdict {
		if errors.Is(err, errReadOnly) {
			return weir.Demoted
		}
		return weir.Keep
	}
}

// failRoles makes all checks find the wrong role, or none.
func (m *maker) failRoles(wrong bool) {
	m.failChecks(func(context.Context, *thing) error {
		if wrong {
			return weir.ErrWrongRole
		}
		return nil
	})
}

// wantDemotions compares how often the generation moved, and how often that was told.
func wantDemotions(t *testing.T, p *weir.Pool[*thing], seen *recorder, want int) {
	t.Helper()
	synctest.Wait()
	if g, told := p.Stats().Generation, len(seen.of(weir.EventDemoted)); g != uint64(want) || told != want {
		t.Errorf("generation %d, %d demotions told, want %d of each", g, told, want)
	}
}

// Where the verdicts of statements leave nothing to be checked, it is the next open that confirms them.
func TestOpenOfTheWrongRoleConfirmsASeemingDemotionOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: suspicious}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMaxOpen(2), weir.WithObserver(seen))
		both := holdMany(t, p, 2)
		m.failRoles(true)
		for _, l := range both {
			l.Finish(errReadOnly)
		}
		wantDemotions(t, p, seen, 0)
		if s := p.Stats(); s.Open != 0 || s.Retired[weir.RetiredRole] != 2 {
			t.Fatalf("open %d, %d retired for their role, want 0, 2", s.Open, s.Retired[weir.RetiredRole])
		}
		e, _ := exhausted(t, ask(t.Context(), p))
		wantIs(t, e, weir.ErrWrongRole)
		if n := p.Stats().OpenFails; n < 2 {
			t.Fatalf("%d opens failed, want several: the test shows nothing", n)
		}
		wantDemotions(t, p, seen, 1)
		if told := seen.of(weir.EventDemoted); len(told) == 1 {
			wantIs(t, told[0].Err, weir.ErrWrongRole)
		}
		m.failRoles(false)
		hold(t, p).Release()
		wantDemotions(t, p, seen, 1)
	})
}

// A demotion that an open or a check has disproved is not brought up again by a later open that meets the wrong server.
func TestOpenOrCheckThatSucceedsSettlesASeemingDemotion(t *testing.T) {
	for name, settle := range map[string]func(t *testing.T, p *weir.Pool[*thing], rest lease) (busy lease){
		"open": func(t *testing.T, p *weir.Pool[*thing], rest lease) lease {
			rest.Discard()
			return hold(t, p)
		},
		"check": func(t *testing.T, p *weir.Pool[*thing], rest lease) lease {
			rest.Release()
			before := p.Stats().Checks[weir.OnAcquire]
			busy := hold(t, p)
			if busy.ID() != rest.ID() || p.Stats().Checks[weir.OnAcquire] != before+1 {
				t.Fatal("the other one was not lent, or not checked before: the test shows nothing")
			}
			return busy
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{tune: suspicious}
				seen := &recorder{}
				p := newPool(t, m, weir.WithMaxOpen(2), weir.WithObserver(seen), weir.WithoutCheck(weir.WhileIdle))
				both := holdMany(t, p, 2)
				both[0].Finish(errReadOnly)
				busy := settle(t, p, both[1])
				m.failRoles(true)
				e, _ := exhausted(t, ask(t.Context(), p))
				wantIs(t, e, weir.ErrWrongRole)
				wantDemotions(t, p, seen, 0)
				busy.Release()
			})
		})
	}
}

func TestWithoutASeemingDemotionOpensOfTheWrongRoleMoveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: suspicious}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMaxOpen(2), weir.WithObserver(seen))
		busy := hold(t, p)
		m.failRoles(true)
		e, _ := exhausted(t, ask(t.Context(), p))
		wantIs(t, e, weir.ErrWrongRole)
		wantDemotions(t, p, seen, 0)
		busy.Release()
	})
}

// What an open that began before the doubt has seen may have changed since: it neither confirms nor settles.
func TestOpenFromBeforeTheDoubtDecidesNothing(t *testing.T) {
	for name, wrong := range map[string]bool{"wrong role": true, "right role": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{tune: suspicious, openTakes: 100 * time.Millisecond}
				seen := &recorder{}
				p := newPool(t, m, weir.WithMaxOpen(2), weir.WithObserver(seen), weir.WithoutCheck(weir.WhileIdle),
					weir.WithOpenBackoff(time.Second, time.Second))
				first := hold(t, p)
				m.failRoles(wrong)
				p.TryAcquire() // gets one opened
				time.Sleep(50 * time.Millisecond)
				if n := p.Stats().Opening; n != 1 {
					t.Fatalf("opening %d, want 1: the test shows nothing", n)
				}
				first.Finish(errReadOnly)
				time.Sleep(60 * time.Millisecond)
				wantDemotions(t, p, seen, 0)
				if s := p.Stats(); s.Opening != 0 || (s.OpenFails == 1) != wrong {
					t.Fatalf("opening %d, %d failed: the test shows nothing", s.Opening, s.OpenFails)
				}
				m.failRoles(true)
				p.Evict(func(*thing) bool { return true }) // so that the next open, and no check, has to say it
				exhausted(t, ask(t.Context(), p))
				wantDemotions(t, p, seen, 1)
			})
		})
	}
}

// When many were in the same trouble, those found well afterwards are not asked again for each that is found ill; when one of
// them falls ill in its turn, that is news, and the others are.
func TestOnlyTheFailureOfAClearedResourceRaisesNewDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = time.Minute
		m := &maker{}
		p := newPool(t, m, weir.WithMaxOpen(3), weir.WithCheckWindow(window), weir.WithoutCheck(weir.WhileIdle))
		wantChecks := func(when string, want, failed uint64) {
			t.Helper()
			synctest.Wait()
			if s := p.Stats(); s.Checks[weir.OnAcquire] != want || s.CheckFails[weir.OnAcquire] != failed {
				t.Errorf("%s: %d checks, %d failed, want %d, %d", when, s.Checks[weir.OnAcquire], s.CheckFails[weir.OnAcquire], want, failed)
			}
		}
		all := holdMany(t, p, 3)
		ill, well, illToo := all[0], all[1], all[2]
		ill.Value().fall(errRefused)
		illToo.Value().fall(errRefused)
		illToo.Release()
		well.Release()
		ill.Release() // on top
		time.Sleep(window + time.Second)
		well = hold(t, p)
		wantChecks("the first failure", 2, 1)
		time.Sleep(window / 2)
		fresh := hold(t, p) // opened instead of the other that is ill
		wantChecks("the second failure, of old", 3, 2)
		cleared := well.Value()
		fresh.Release()
		well.Release() // on top
		for range 2 {
			releaseAll(holdMany(t, p, 2)) // twice turned over
		}
		wantChecks("lent again", 3, 2)
		time.Sleep(window/2 + 5*time.Second)
		cleared.fall(errRefused)
		for _, want := range []uint64{4, 5} { // its own check, then that of the other one, inside its window
			l := hold(t, p)
			if l.ID() != fresh.ID() {
				t.Errorf("resource %d was lent, want %d", l.ID(), fresh.ID())
			}
			wantChecks("the failure of a cleared one", want, 3)
			l.Release()
		}
	})
}

func TestWindowOfZeroChecksWhatWasOpenedUnchecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p := newPool(t, m, weir.WithoutCheck(weir.OnOpen), weir.WithCheckWindow(0))
		l := hold(t, p)
		if s := p.Stats(); s.Checks[weir.OnAcquire] != 1 || s.Checks[weir.OnOpen] != 0 {
			t.Errorf("%d checks on acquire, %d on open, want 1, 0", s.Checks[weir.OnAcquire], s.Checks[weir.OnOpen])
		}
		l.Release()
	})
}

// Every other resource must pass its check after a seeming demotion, also where the one that told of it was itself last checked
// before an older doubt.
func TestSeemingDemotionMakesTheOthersBeCheckedAlsoAfterAnOlderDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const window = time.Minute
		m := &maker{tune: suspicious}
		seen := &recorder{}
		p := newPool(t, m, weir.WithMaxOpen(3), weir.WithCheckWindow(window), weir.WithoutCheck(weir.WhileIdle), weir.WithObserver(seen))
		all := holdMany(t, p, 3)
		long, well, ill := all[0], all[1], all[2]
		ill.Value().fall(errRefused)
		well.Release()
		ill.Release() // on top
		time.Sleep(window + time.Second)
		well = hold(t, p) // the ill one fails its check, which raises the doubt; this one passes
		if s := p.Stats(); s.CheckFails[weir.OnAcquire] != 1 || s.Checks[weir.OnAcquire] != 2 {
			t.Fatalf("%d checks, %d failed: the test shows nothing", s.Checks[weir.OnAcquire], s.CheckFails[weir.OnAcquire])
		}
		well.Release()
		time.Sleep(10 * time.Second)
		m.failRoles(true)
		long.Finish(errReadOnly) // held since before the doubt
		if l, ok := p.TryAcquire(); ok {
			t.Errorf("resource %d was lent unchecked after the refusal", l.ID())
			l.Release()
		}
		wantDemotions(t, p, seen, 1)
	})
}

// A check that began before the doubt has not answered it: the resource is asked again before it is lent.
func TestCheckFromBeforeTheDoubtIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: suspicious, checkTakes: 10 * time.Millisecond}
		p := newPool(t, m, weir.WithMaxOpen(2), weir.WithCheckWindow(time.Second), weir.WithoutCheck(weir.WhileIdle))
		all := holdMany(t, p, 2)
		all[1].Release()
		time.Sleep(2 * time.Second)
		before := m.checked()
		waiting := ask(t.Context(), p) // starts a check of the idle one
		time.Sleep(time.Millisecond)
		all[0].Finish(errReadOnly)
		served(t, waiting).lease.Release()
		if got := m.checked() - before; got < 2 {
			t.Errorf("%d checks before the resource was lent, want another one after the doubt", got)
		}
	})
}
