package weir_test

import (
	"context"
	"flag"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

var stressFor = flag.Duration("weir.stress", 3*time.Second, "how long the stress test runs")

// A claim is a resource whose owner is swapped in and out: two owners at a time are seen at once.
type claim struct {
	owner  atomic.Int64
	closed atomic.Int32
}

// A forge makes claims, and fails half the time.
type forge struct {
	t            *testing.T
	made, closed atomic.Int64
	cleans       bool // what comes back may have to be cleaned
	cleaned      atomic.Int64
}

func (f *forge) open(context.Context) (*claim, error) {
	if rand.IntN(2) == 0 {
		return nil, errRefused
	}
	f.made.Add(1)
	return &claim{}, nil
}

func (f *forge) close(c *claim) error {
	f.closed.Add(1)
	if n := c.closed.Add(1); n != 1 {
		f.t.Errorf("closed %d times", n)
	}
	if o := c.owner.Load(); o != 0 {
		f.t.Errorf("closed while %d holds it", o)
	}
	return nil
}

func (f *forge) check(_ context.Context, c *claim) error {
	if o := c.owner.Load(); o != 0 {
		f.t.Errorf("checked while %d holds it", o)
	}
	if rand.IntN(8) == 0 {
		return errRefused
	}
	return nil
}

// dirty and clean are for a pool that cleans what comes back.
func (f *forge) dirty(c *claim) bool {
	if o := c.owner.Load(); o != 0 {
		f.t.Errorf("looked at while %d holds it", o)
	}
	return rand.IntN(3) == 0
}

func (f *forge) clean(_ context.Context, c *claim, _ weir.Holder) error {
	runtime.Gosched()
	if o := c.owner.Load(); o != 0 {
		f.t.Errorf("cleaned while %d holds it", o)
	}
	f.cleaned.Add(1)
	if rand.IntN(16) == 0 {
		return errRefused
	}
	return nil
}

// TestStressKeepsSingleOwnership runs callers on 7 resources in real time, with faults everywhere and operators at work, and closes
// the pool under them: a crowd that waits, and a few who at times find something idle, by preference what they had before.
func TestStressKeepsSingleOwnership(t *testing.T) {
	t.Run("a crowd", func(t *testing.T) {
		s := stress(t, &forge{t: t}, 200, 3, 0, *stressFor)
		if s.Waited == 0 || s.Timeouts == 0 {
			t.Errorf("a fault that never came: %+v", s)
		}
	})
	t.Run("a few", func(t *testing.T) {
		stress(t, &forge{t: t}, 6, 30, time.Millisecond, *stressFor/2)
	})
	t.Run("a few, cleaned", func(t *testing.T) {
		f := &forge{t: t, cleans: true}
		stress(t, f, 4, 30, time.Millisecond, *stressFor/2)
		if f.cleaned.Load() == 0 {
			t.Error("nothing was cleaned")
		}
	})
}

// stress lets a crowd loose on a pool. One use in so many is a discard.
func stress(t *testing.T, f *forge, crowd, discards int, window, lasts time.Duration) weir.Stats {
	leavesNothing(t)
	factory := weir.Factory[*claim]{Open: f.open, Close: f.close, Check: f.check}
	if f.cleans {
		factory.Dirty, factory.Clean = f.dirty, f.clean
	}
	p, err := weir.New(t.Context(), factory, quiet(),
		weir.WithMaxOpen(7), weir.WithMinIdle(2), weir.WithStartBackground(), weir.WithCheckWindow(window),
		weir.WithOpenBackoff(50*time.Microsecond, time.Millisecond), weir.WithSweepEvery(5*time.Millisecond),
		weir.WithCheckIdleEvery(10*time.Millisecond), weir.WithMaxLifetime(100*time.Millisecond), weir.WithMaxWait(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	var served, again, refused atomic.Int64
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for n := range crowd {
		callers.Go(func() {
			for !done(stop) {
				uses := useClaim(t, p, int64(n+1), discards)
				served.Add(int64(uses))
				switch uses {
				case 0:
					refused.Add(1)
				case 2:
					again.Add(1)
				}
			}
		})
	}
	callers.Go(func() {
		ticker := time.NewTicker(2 * time.Millisecond)
		defer ticker.Stop()
		for !done(stop) {
			operate(t, p)
			<-ticker.C
		}
	})
	<-time.After(lasts)
	if err := p.Close(context.Background()); err != nil { // under load
		t.Error(err)
	}
	close(stop)
	callers.Wait()
	if err := weir.AuditSettled(p); err != nil {
		t.Error(err)
	}
	s := p.Stats()
	if s.Open+s.Opening+s.Waiting != 0 || f.made.Load() != f.closed.Load() || served.Load() == 0 {
		t.Errorf("made %d, closed %d, served %d: %+v", f.made.Load(), f.closed.Load(), served.Load(), s)
	}
	if s.OpenFails == 0 || s.CheckFails[weir.OnOpen] == 0 || s.CheckFails[weir.OnAcquire] == 0 {
		t.Errorf("a fault that never came: %+v", s)
	}
	if again.Load() == 0 && window > 0 { // with a window of 0 each lease comes after a check
		t.Error("nobody had the same resource again")
	}
	if s.Acquired != uint64(served.Load()) {
		t.Errorf("Acquired is %d, callers got %d", s.Acquired, served.Load())
	}
	t.Logf("%d leases, %d of them again, %d refusals, %d opens, %d failed, retired %v",
		served.Load(), again.Load(), refused.Load(), s.Opened, s.OpenFails, s.Retired)
	return s
}

func done(stop chan struct{}) bool {
	select {
	case <-stop:
		return true
	default:
		return false
	}
}

// useClaim borrows with a deadline of up to 300 µs, or the pool's own for one caller in four, prefers what callers like it had, and
// asks for the same once more. It returns how often it had something.
func useClaim(t *testing.T, p *weir.Pool[*claim], me int64, discards int) (uses int) {
	limit := rand.N(300 * time.Microsecond)
	if me%4 == 0 {
		limit = time.Hour
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	lease, err := p.AcquirePreferring(ctx, uint64(me%3), nil)
	if err != nil {
		return 0
	}
	holdClaim(t, lease, me, discards)
	again, ok := lease.Again()
	if !ok {
		return 1
	}
	if again.ID() != lease.ID() {
		t.Errorf("Again lent resource %d, want %d", again.ID(), lease.ID())
	}
	holdClaim(t, again, me, discards)
	return 2
}

// holdClaim uses a lease, discards it at times and ends it twice.
func holdClaim(t *testing.T, lease weir.Lease[*claim], me int64, discards int) {
	lease.Label(uint64(me % 3))
	lease.Note("stress")
	c := lease.Value()
	if before := c.owner.Swap(me); before != 0 {
		t.Errorf("lent to %d while %d holds it", me, before)
	}
	runtime.Gosched()
	if before := c.owner.Swap(0); before != me {
		t.Errorf("%d holds what was lent to %d", before, me)
	}
	if rand.IntN(discards) == 0 {
		lease.Discard()
	} else {
		lease.Release()
	}
	lease.Release() // a second end, which must touch nobody
	lease.Label(uint64(me))
}

// operate does something an operator might, and audits the books.
func operate(t *testing.T, p *weir.Pool[*claim]) {
	switch rand.IntN(8) {
	case 0:
		most := 1 + rand.IntN(7)
		_ = p.Resize(rand.IntN(most+1), most) // refused once the pool is closed
	case 1:
		p.Pause()
		runtime.Gosched()
		p.Resume()
	case 2:
		p.Evict(func(*claim) bool { return rand.IntN(2) == 0 })
	case 3:
		p.EvictAll()
	case 4:
		p.Stats()
	default:
		if err := weir.Audit(p); err != nil {
			t.Error(err)
		}
	}
}
