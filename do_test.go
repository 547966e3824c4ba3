package weir_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/weirpool/weir"
)

func TestDoLendsForTheCallAndReturnsItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		type key struct{}
		ctx := context.WithValue(t.Context(), key{}, "mine")
		err := p.Do(ctx, func(ctx context.Context, th *thing) error {
			if ctx.Value(key{}) != "mine" || p.Stats().InUse != 1 || th.id != 1 {
				t.Error("the function got another context or nothing was lent")
			}
			return errRefused
		})
		if err != errRefused {
			t.Errorf("got %v, want the function's own error", err)
		}
		if s := p.Stats(); s.Idle != 1 || s.InUse != 0 {
			t.Errorf("idle %d, in use %d, want 1, 0: an error says nothing against the resource", s.Idle, s.InUse)
		}
	})
}

func TestDoWithoutAFunctionIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{})
		err := p.Do(t.Context(), nil)
		if err == nil {
			t.Fatal("no error")
		}
		wantText(t, err, "weir: do: function is nil")
		if s := p.Stats(); s.Acquired != 0 {
			t.Errorf("%d were lent for it", s.Acquired)
		}
	})
}

func TestDoReturnsTheErrorOfAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		defer hold(t, p).Release()
		err := p.Do(t.Context(), func(context.Context, *thing) error { t.Error("the function ran"); return nil })
		wantIs(t, err, weir.ErrExhausted)
	})
}

func TestDoDiscardsWhenTheFunctionPanicsOrEndsItsGoroutine(t *testing.T) {
	for name, end := range map[string]func(){
		"panic":  func() { panic("index out of range") },
		"Goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{}
				p := newPool(t, m, weir.WithMaxOpen(1))
				with := make(chan any, 1)
				go func() {
					defer func() { with <- recover() }()
					p.Do(t.Context(), func(context.Context, *thing) error { end(); return nil })
				}()
				if got := <-with; name == "panic" && got != "index out of range" {
					t.Errorf("recovered %v, want the function's own panic", got)
				}
				synctest.Wait()
				if s := p.Stats(); s.InUse != 0 || s.Retired[weir.RetiredError] != 1 || m.all()[0].closes() != 1 {
					t.Errorf("in use %d, %d discarded, want 0, 1", s.InUse, s.Retired[weir.RetiredError])
				}
				hold(t, p).Release()
			})
		})
	}
}

func TestVerdictDecidesWhatBecomesOfTheResource(t *testing.T) {
	busy, broken, moved := errors.New("busy"), errors.New("broken pipe"), errors.New("read only")
	classify := func(f *weir.Factory[*thing]) {
		f.Classify = func(err error) weir.Verdict {
			switch {
			case errors.Is(err, broken):
				return weir.Discard
			case errors.Is(err, moved):
				return weir.Demoted
			case err.Error() == "unheard of":
				return weir.Verdict(9)
			case err.Error() == "confusing":
				panic("classify what?")
			}
			return weir.Keep
		}
	}
	for name, c := range map[string]struct {
		err        error
		tune       func(*weir.Factory[*thing])
		kept       bool
		why        weir.Reason
		generation uint64
	}{
		"no error":                      {nil, classify, true, 0, 0},
		"kept":                          {busy, classify, true, 0, 0},
		"discarded":                     {fmt.Errorf("query: %w", broken), classify, false, weir.RetiredError, 0},
		"demoted":                       {moved, classify, false, weir.RetiredRole, 0}, // the checks do not confirm it
		"unknown verdict":               {errors.New("unheard of"), classify, false, weir.RetiredError, 0},
		"classify panics":               {errors.New("confusing"), classify, false, weir.RetiredError, 0},
		"ErrBroken before Classify":     {fmt.Errorf("busy: %w", weir.ErrBroken), classify, false, weir.RetiredError, 0},
		"ErrBroken without Classify":    {weir.ErrBroken, nil, false, weir.RetiredError, 0},
		"ErrWrongRole without Classify": {weir.ErrWrongRole, nil, false, weir.RetiredRole, 1},
		"another pool's exhaustion":     {fmt.Errorf("%w: %w", weir.ErrExhausted, weir.ErrWrongRole), classify, true, 0, 0},
		"exhaustion, but broken":        {fmt.Errorf("%w: %w", weir.ErrExhausted, weir.ErrBroken), nil, false, weir.RetiredError, 0},
		"any without Classify":          {errRefused, nil, true, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &maker{tune: c.tune}
				p := newPool(t, m, weir.WithMaxOpen(1))
				if err := p.Do(t.Context(), func(context.Context, *thing) error { return c.err }); err != c.err {
					t.Errorf("Do returned %v, want %v", err, c.err)
				}
				synctest.Wait()
				s := p.Stats()
				if kept := s.Idle == 1 && s.Open == 1; kept != c.kept || s.InUse != 0 {
					t.Errorf("idle %d, open %d, in use %d, want it kept: %v", s.Idle, s.Open, s.InUse, c.kept)
				}
				if !c.kept && s.Retired[c.why] != 1 {
					t.Errorf("retired %v, want one for %v", s.Retired, c.why)
				}
				if s.Generation != c.generation {
					t.Errorf("generation %d, want %d", s.Generation, c.generation)
				}
				hold(t, p).Release()
			})
		})
	}
}

// What Classify takes for a demotion is confirmed by the others' checks before it costs them all.
func TestSeemingDemotionIsConfirmedByTheNextCheck(t *testing.T) {
	moved := errors.New("read only")
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: func(f *weir.Factory[*thing]) { f.Classify = func(error) weir.Verdict { return weir.Demoted } }}
		p := newPool(t, m, weir.WithMinIdle(4), weir.WithMaxOpen(8))
		ask := func() { p.Do(t.Context(), func(context.Context, *thing) error { return moved }) }
		ask()
		synctest.Wait()
		if s := p.Stats(); s.Generation != 0 || s.Retired[weir.RetiredRole] != 1 || s.Checks[weir.WhileIdle] < 3 {
			t.Errorf("a false alarm: generation %d, %d retired, %d checked, want 0, 1 and the other 3", s.Generation, s.Retired[weir.RetiredRole], s.Checks[weir.WhileIdle])
		}
		for _, th := range m.all() {
			th.fall(weir.ErrWrongRole)
		}
		before := p.Stats().Retired[weir.RetiredRole]
		ask()
		synctest.Wait()
		if s := p.Stats(); s.Generation != 1 || s.Retired[weir.RetiredRole] < before+4 { // and what was being opened
			t.Errorf("a demotion: generation %d, %d retired since, want 1 and at least 4", s.Generation, s.Retired[weir.RetiredRole]-before)
		}
	})
}

func TestDemotionByAUserRetiresTheOthersAndOnlyOlderOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := &recorder{}
		p := newPool(t, &maker{}, weir.WithMinIdle(4), weir.WithMaxOpen(8), weir.WithObserver(seen))
		old := holdMany(t, p, 3)
		old[0].Finish(weir.ErrWrongRole)
		synctest.Wait()
		fresh := hold(t, p)
		if fresh.ID() <= 4 {
			t.Errorf("resource %d of the old generation was lent", fresh.ID())
		}
		old[1].Finish(weir.ErrWrongRole) // the same demotion, noticed late
		old[2].Release()
		fresh.Release()
		synctest.Wait()
		s := p.Stats()
		if s.Generation != 1 || len(seen.of(weir.EventDemoted)) != 1 || s.Retired[weir.RetiredRole] != 4 {
			t.Errorf("generation %d, %d demotions, %d retired; want 1, 1, 4", s.Generation, len(seen.of(weir.EventDemoted)), s.Retired[weir.RetiredRole])
		}
		if fresh = hold(t, p); fresh.ID() <= 4 {
			t.Errorf("resource %d of the old generation was lent", fresh.ID())
		}
		fresh.Release()
	})
}
