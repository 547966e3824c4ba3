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

// prefer acquires with a preference what must be there at once.
func prefer(t *testing.T, p *weir.Pool[*thing], label uint64) lease {
	t.Helper()
	before := p.Stats()
	l, err := p.AcquirePreferring(t.Context(), label, nil)
	if err != nil {
		t.Fatal(err)
	}
	if after := p.Stats(); after.Waited != before.Waited || after.Checks != before.Checks || after.Opening != before.Opening {
		t.Errorf("waited, checked or opened: %+v, before %+v", after, before)
	}
	return l
}

// labelled makes a pool with idle resources labelled so, the first one to be lent next.
func labelled(t *testing.T, m *maker, labels []uint64, opts ...weir.Option) (*weir.Pool[*thing], []lease) {
	t.Helper()
	n := len(labels)
	p := newPool(t, m, append([]weir.Option{weir.WithMinIdle(n), weir.WithMaxOpen(n)}, opts...)...)
	leases := holdMany(t, p, n)
	for i := n - 1; i >= 0; i-- {
		leases[i].Label(labels[i])
		leases[i].Release()
	}
	return p, leases
}

func TestPreferenceChoosesAmongIdleResources(t *testing.T) {
	tests := map[string]struct {
		labels []uint64
		want   int
	}{
		"the last used of the label":           {[]uint64{1, 2, 3, 2}, 1},
		"the last used of all if it has it":    {[]uint64{2, 1, 2}, 0},
		"the last used of all if none has it":  {[]uint64{1, 0, 3}, 0},
		"the eighth is looked at":              {[]uint64{0, 0, 0, 0, 0, 0, 0, 2, 0}, 7},
		"the ninth is not":                     {[]uint64{0, 0, 0, 0, 0, 0, 0, 0, 2}, 0},
		"one that never had a label has none":  {[]uint64{1, 1, 0}, 0},
		"the only one, whatever its label is":  {[]uint64{1}, 0},
		"the last in the list is taken out":    {[]uint64{1, 1, 2}, 2},
		"the same label far away and near too": {[]uint64{1, 2, 2, 2, 2, 2, 2, 2, 2, 2}, 1},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, leases := labelled(t, &maker{}, tt.labels)
				got := prefer(t, p, 2)
				if got.ID() != leases[tt.want].ID() {
					t.Errorf("got resource %d, want %d", got.ID(), leases[tt.want].ID())
				}
				audit(t, p)
				got.Release()
				audit(t, p)
			})
		})
	}
}

func TestNoLabelIsNoPreference(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := labelled(t, &maker{}, []uint64{1, 0})
		if got := prefer(t, p, 0); got.ID() != leases[0].ID() {
			t.Errorf("got resource %d, want %d, used last", got.ID(), leases[0].ID())
		} else {
			got.Release()
		}
	})
}

func TestLabelStaysUntilAnotherHolderChangesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := labelled(t, &maker{}, []uint64{0, 7})
		for range 3 { // holders who leave it alone
			got := prefer(t, p, 7)
			if got.ID() != leases[1].ID() {
				t.Fatalf("got resource %d, want %d", got.ID(), leases[1].ID())
			}
			other := hold(t, p)
			got.Release()
			other.Release()
		}
		got := prefer(t, p, 7)
		got.Label(0)
		other := hold(t, p)
		got.Release()
		other.Release()
		if l := prefer(t, p, 7); l.ID() != other.ID() {
			t.Errorf("got resource %d, whose label was taken off", l.ID())
		} else {
			l.Release()
		}
	})
}

func TestLabelOfALeaseThatHasEndedDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := labelled(t, &maker{}, []uint64{0, 0})
		leases[1].Label(7) // it is idle
		if got := prefer(t, p, 7); got.ID() != leases[0].ID() {
			t.Errorf("got resource %d, which was labelled after its lease had ended", got.ID())
		} else {
			got.Release()
		}
		holders := holdMany(t, p, 2)
		leases[0].Label(7) // it has another holder
		releaseAll(holders)
		if got := prefer(t, p, 7); got.ID() != leases[1].ID() {
			t.Errorf("got resource %d, which was labelled under its next holder", got.ID())
		} else {
			got.Release()
		}
		lease{}.Label(7)
		if n := p.Stats().Misuses; n != 0 {
			t.Errorf("%d misuses, want none", n)
		}
	})
}

func TestLabelOfALeaseTakenBackDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(1))
		l := hold(t, p)
		if err := closeNow(p); err == nil {
			t.Error("nothing was taken back")
		}
		l.Label(7)
		l.Note("late")
		if n := p.Stats().Misuses; n != 0 {
			t.Errorf("%d misuses, want none", n)
		}
	})
}

func TestPreferenceTakesNothingThatNeedsACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{}
		p, leases := labelled(t, m, []uint64{7, 7, 7}, weir.WithCheckWindow(time.Second), weir.WithoutCheck(weir.WhileIdle))
		time.Sleep(2 * time.Second)
		got := hold(t, p) // checked now; it keeps its label and is used last
		got.Label(0)
		got.Release()
		if next := prefer(t, p, 7); next.ID() != got.ID() {
			t.Errorf("got resource %d, want %d: checks of the others are due", next.ID(), got.ID())
		} else {
			next.Release()
		}
		if m.checked() != len(leases)+1 {
			t.Errorf("%d checks, want those on open and one", m.checked())
		}
	})
}

// Acquire would have the caller wait for a check of the resource used last.
func TestPreferenceSparesACheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMinIdle(2), weir.WithMaxOpen(2), weir.WithCheckWindow(time.Second), weir.WithoutCheck(weir.WhileIdle))
		unproved := hold(t, p)
		time.Sleep(2 * time.Second)
		proved := hold(t, p) // checked on acquire
		proved.Label(7)
		proved.Release()
		unproved.Release()
		if got := prefer(t, p, 7); got.ID() != proved.ID() {
			t.Errorf("got resource %d, want %d", got.ID(), proved.ID())
		} else {
			got.Release()
		}
	})
}

func TestPreferenceTakesNothingTooOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{tune: unchecked}, weir.WithMaxOpen(2), weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(0),
			weir.WithSweepEvery(time.Hour))
		old := hold(t, p)
		old.Label(7)
		time.Sleep(30 * time.Second)
		young := hold(t, p)
		old.Release()
		time.Sleep(29 * time.Second)
		young.Release()
		time.Sleep(2 * time.Second) // the old one is idle still: no sweep has come
		if got := prefer(t, p, 7); got.ID() != young.ID() {
			t.Errorf("got resource %d, which is too old", got.ID())
		} else {
			got.Release()
		}
	})
}

func TestAgingResourceThatIsPreferredCountsAsGoneNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := labelled(t, &maker{tune: unchecked}, []uint64{0, 7}, agingOptions()...)
		time.Sleep(55 * time.Second)
		wantAging(t, p, 2)
		l := prefer(t, p, 7)
		wantAging(t, p, 1)
		l.Release()
	})
}

func TestPreferenceTakesNothingOfAnEarlierGeneration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, leases := labelled(t, &maker{}, []uint64{7, 7})
		p.EvictAll()
		l, err := p.AcquirePreferring(t.Context(), 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		if l.ID() <= leases[1].ID() {
			t.Errorf("got resource %d, which was evicted", l.ID())
		}
		l.Release()
	})
}

func TestPreferredResourceFoundDeadGivesWayToAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &maker{tune: probed}
		p, leases := labelled(t, m, []uint64{0, 7}, weir.WithMaxOpening(1)) // so that they are numbered as they were made
		m.all()[leases[1].ID()-1].fall(errRefused)
		got, err := p.AcquirePreferring(t.Context(), 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if s := p.Stats(); got.ID() != leases[0].ID() || s.Acquired != 3 || s.Retired[weir.RetiredError] != 1 {
			t.Errorf("got resource %d, acquired %d, retired %v", got.ID(), s.Acquired, s.Retired)
		}
		got.Release()
	})
}

func TestPreferenceDoesNotChangeTheOrderOfThoseWhoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPool(t, &maker{}, weir.WithMaxOpen(2), weir.WithMaxWait(time.Minute))
		leases := holdMany(t, p, 2)
		leases[0].Label(7)
		first := ask(t.Context(), p)
		second := make(chan lease, 1)
		go func() {
			l, err := p.AcquirePreferring(t.Context(), 7, nil)
			if err != nil {
				t.Error(err)
			}
			second <- l
		}()
		synctest.Wait()
		leases[0].Release()
		if got := served(t, first).lease; got.ID() != leases[0].ID() {
			t.Errorf("who came first got resource %d, want %d", got.ID(), leases[0].ID())
		} else {
			defer got.Release()
		}
		leases[1].Release()
		got := <-second
		if got.ID() != leases[1].ID() {
			t.Errorf("who came second got resource %d, want %d", got.ID(), leases[1].ID())
		}
		got.Release()
	})
}

func TestPreferringInAPausedPoolWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := labelled(t, &maker{}, []uint64{7}, weir.WithMaxWait(100*time.Millisecond))
		p.Pause()
		_, err := p.AcquirePreferring(t.Context(), 7, nil)
		wantIs(t, err, weir.ErrExhausted)
		p.Resume()
		prefer(t, p, 7).Release()
	})
}

func TestPreferringFailsAsAcquireDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := labelled(t, &maker{}, []uint64{7})
		_, err := p.AcquirePreferring(nil, 7, nil)
		wantIs(t, err, weir.ErrNilContext)
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(errRefused)
		_, err = p.AcquirePreferring(ctx, 7, nil)
		wantIs(t, err, errRefused)
		if errors.Is(err, weir.ErrExhausted) || p.Stats().Canceled != 1 {
			t.Errorf("%v, canceled %d, want 1", err, p.Stats().Canceled)
		}
		closeNow(p)
		_, err = p.AcquirePreferring(t.Context(), 7, nil)
		wantIs(t, err, weir.ErrClosed)
	})
}

func TestPreferringCallersAreNamedAsTheySay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := labelled(t, &maker{}, []uint64{7}, weir.WithLeakThreshold(time.Hour), weir.WithMaxOpen(1))
		var here weir.CallSite
		line := lineHere() + 1
		here.Record(0)
		want := fmt.Sprintf("affinity_test.go:%d", line)
		first, err := p.AcquirePreferring(t.Context(), 7, &here)
		if err != nil {
			t.Fatal(err)
		}
		if got := sites(t, p); got[0] != want {
			t.Errorf("borrowed at %q, want %q", got, want)
		}
		waits := make(chan lease)
		go func() {
			l, _ := p.AcquirePreferring(t.Context(), 7, &here)
			waits <- l
		}()
		synctest.Wait()
		first.Release()
		second := <-waits
		if got := sites(t, p); got[0] != want {
			t.Errorf("who had waited borrowed at %q, want %q", got, want)
		}
		second.Release()
		third, err := p.AcquirePreferring(t.Context(), 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := sites(t, p); got[0] != "" {
			t.Errorf("who told nothing borrowed at %q", got)
		}
		third.Release()
	})
}

func TestPreferringAllocatesNothing(t *testing.T) {
	p, _ := labelled(t, &maker{}, []uint64{0, 0, 7, 0}, weir.WithCheckWindow(time.Hour))
	ctx := t.Context()
	got := testing.AllocsPerRun(2000, func() {
		l, err := p.AcquirePreferring(ctx, 7, nil)
		if err != nil {
			t.Fatal(err)
		}
		l.Label(7)
		l.Release()
	})
	if got != 0 {
		t.Errorf("%v allocations for an acquire, a label and a release, want none", got)
	}
}
