package benchmarks

import (
	"container/list"
	"context"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestTailKeepsQuantilesToASixteenth(t *testing.T) {
	var all tail
	for d := range 100_000 {
		all.add(time.Duration(d))
	}
	for _, q := range []float64{0.001, 0.5, 0.99, 0.9999} {
		want := time.Duration(q * 100_000)
		if got := all.quantile(q); got < want || got > want+want/tailParts {
			t.Errorf("quantile %v: got %v, want %v to a sixteenth more", q, got, want)
		}
	}
	all.add(time.Second)
	if got := all.quantile(1); got != time.Second || all.longest != time.Second {
		t.Errorf("got %v and %v, want the longest, 1s", got, all.longest)
	}
}

func TestTailHasASpaceForEveryDuration(t *testing.T) {
	for _, d := range []time.Duration{0, 1, 15, 16, 17, 31, 32, 33, 1023, 1024, 1_000_000_007, math.MaxInt64 - 1, math.MaxInt64} {
		var one tail
		one.add(d)
		end := tailEnd(tailPlace(d))
		if end < d || end-d > d/tailParts {
			t.Errorf("%d: its place ends at %d", d, end)
		}
		if got := one.quantile(0.5); got != d {
			t.Errorf("alone %d: got %d", d, got)
		}
	}
}

func TestResidentMemoryIsReadFromTheStatus(t *testing.T) {
	for _, c := range []struct {
		status string
		kib    float64
		ok     bool
	}{
		{"Name:\tx\nVmHWM:\t    9000 kB\nVmRSS:\t    5120 kB\nRssAnon:\t 1 kB\n", 5120, true},
		{"Name:\tx\nThreads:\t7\n", 0, false},
		{"", 0, false},
	} {
		if kib, ok := residentKiB(c.status); kib != c.kib || ok != c.ok {
			t.Errorf("%q: got %v %v, want %v %v", c.status, kib, ok, c.kib, c.ok)
		}
	}
	if residentBytes() <= 0 {
		t.Error("this process has no memory")
	}
}

func TestEveryBoundedPeerIsMeasured(t *testing.T) {
	seen := map[string]bool{}
	for _, full := range []bool{false, true} {
		clear(seen)
		for _, cases := range [][]Case{expiryCases(), memoryCases(full), growthCases(full)} {
			for _, c := range cases {
				if seen[c.Name()] {
					t.Errorf("%s is there twice", c.Name())
				}
				seen[c.Name()] = true
			}
		}
		for _, p := range Peers() {
			for _, group := range []string{"W7Memory/of=idle resource", "W7Memory/of=waiter", "W9Growth/idle=1000"} {
				if got := seen[group+"/pool="+p.Name]; got == p.Unbounded {
					t.Errorf("%s of %s: measured %v, without limit %v", group, p.Name, got, p.Unbounded)
				}
			}
			if got := seen["W6Expiry/pool="+p.Name]; got != !(p.Unlimited || p.Unbounded) {
				t.Errorf("W6Expiry of %s: measured %v", p.Name, got)
			}
		}
	}
}

func TestLostResourceIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := openChannel(Config{Max: 2, Idle: 2, MaxWait: 5 * time.Millisecond, Open: Instant})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tryTakeAll(p, 3); err == nil {
			t.Error("3 of 2 resources were held")
		}
		giveBack, err := tryTakeAll(p, 2)
		if err != nil {
			t.Fatalf("after a try that failed: %v", err)
		}
		giveBack()
	})
}

func TestStockFillsAPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := openStocked(25, 10)
		if err != nil {
			t.Fatal(err)
		}
		defer p.Close()
		if got := p.(weirPool).pool.Stats(); got.Idle != 25 || got.MaxOpen != 25 {
			t.Errorf("%d of %d are idle, want 25 of 25", got.Idle, got.MaxOpen)
		}
	})
}

func TestChurnUsesThePoolAsOftenAsAsked(t *testing.T) {
	var uses countingPool
	if err := churn(&uses, 1001); err != nil {
		t.Fatal(err)
	}
	if got := uses.n.Load(); got != 1001 {
		t.Errorf("%d uses, want 1001", got)
	}
}

type countingPool struct{ n atomic.Int64 }

func (p *countingPool) Use(context.Context, func()) error {
	p.n.Add(1)
	return nil
}

func (p *countingPool) Close() {}

func TestLeaversLeaveTheMiddleOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const ahead, behind = 4, 3
		var q fullPool
		stay, end := context.WithCancel(t.Context())
		var callers sync.WaitGroup
		for range ahead {
			callers.Go(func() { mustGiveUp(t, &q, stay) })
		}
		synctest.Wait()
		var over atomic.Bool
		leavers := make([]*leaver, behind)
		for i := range leavers {
			leavers[i] = newLeaver()
			callers.Go(func() { leavers[i].queue(t, &q, &over) })
			synctest.Wait()
		}
		for i := range 10 {
			leavers[i%behind].leave()
			synctest.Wait()
			if q.left != ahead || q.queue.Len() != ahead+behind {
				t.Errorf("turn %d: number %d left, and %d wait, want %d and %d", i, q.left, q.queue.Len(), ahead, ahead+behind)
			}
		}
		over.Store(true)
		for _, l := range leavers {
			l.leave()
		}
		end()
		callers.Wait()
	})
}

// A fullPool serves nobody.
type fullPool struct {
	mu    sync.Mutex // guards the fields below
	queue list.List
	left  int // how many were ahead of who left last
}

func (p *fullPool) Use(ctx context.Context, _ func()) error {
	p.mu.Lock()
	place := p.queue.PushBack(nil)
	p.mu.Unlock()
	<-ctx.Done()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = -1
	for e := place; e != nil; e = e.Prev() {
		p.left++
	}
	p.queue.Remove(place)
	return ctx.Err()
}

func (p *fullPool) Close() {}
