package benchmarks

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// bubbled is a crowd of 12 on 3 resources, in which each use takes a millisecond of fake time.
func bubbled(p Pool) crowd {
	return crowd{
		pool: p, size: 12, max: 3,
		work: func() { time.Sleep(time.Millisecond) },
		settle: func(queued func() bool) error {
			if synctest.Wait(); !queued() {
				return errors.New("asleep before all came")
			}
			return nil
		},
	}
}

func openBubbled(t *testing.T, open func(Config) (Pool, error)) crowd {
	t.Helper()
	p, err := open(Config{Max: 3, Idle: 3, Open: Instant})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return bubbled(p)
}

// In order of arrival every wait of the crowded state takes exactly three uses. Only the first waits, and those at the end
// after others have left, are shorter.
func TestOnlyWaitsOfTheWholeCrowdAreSeen(t *testing.T) {
	for _, peer := range Peers() {
		if !peer.FIFO || peer.Unbounded {
			continue
		}
		t.Run(peer.Name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got, err := openBubbled(t, peer.Open).watch(50*time.Millisecond + 500*time.Microsecond)
				if err != nil {
					t.Fatal(err)
				}
				const want = 3 * time.Millisecond
				if len(got.ended) == 0 || got.ended[0] != want || got.ended[len(got.ended)-1] != want || got.longest != want {
					t.Errorf("waits %v, longest %v: want all of %v", got.ended, got.longest, want)
				}
				// Served at 0, 1, ... 50 ms, three at a time, of which the first of each goroutine is no wait of the crowd.
				if n := len(got.ended); n != 3*51-12 {
					t.Errorf("%d waits were seen, want %d", n, 3*51-12)
				}
				if ratio, _ := got.fairness(); ratio != 13.0/12 {
					t.Errorf("fairness %v, want %v", ratio, 13.0/12)
				}
			})
		})
	}
}

func TestWaitThatNeverEndsIsTheLongest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const length = 50*time.Millisecond + 500*time.Microsecond
		got, err := openBubbled(t, openStack).watch(length)
		if err != nil {
			t.Fatal(err)
		}
		if got.longest != length {
			t.Errorf("the longest wait took %v, want %v", got.longest, length)
		}
		if got.ended[len(got.ended)-1] >= length {
			t.Errorf("the longest wait that ended took %v", got.ended[len(got.ended)-1])
		}
		if ratio, _ := got.fairness(); ratio < 2 {
			t.Errorf("fairness %v of a pool that starves", ratio)
		}
	})
}

func TestSharingUsesThePoolAsOftenAsAsked(t *testing.T) {
	for _, n := range []int{1, 5, 12, 100} {
		synctest.Test(t, func(t *testing.T) {
			c := openBubbled(t, openChannel)
			var mu sync.Mutex
			uses, atStart := 0, -1
			c.work = func() {
				mu.Lock()
				defer mu.Unlock()
				uses++
			}
			refused, err := c.share(n, func() { atStart = uses })
			if err != nil || refused != 0 || uses != n || atStart != 0 {
				t.Errorf("n=%d: %d uses, %d at the start, %d refused, %v", n, uses, atStart, refused, err)
			}
		})
	}
}

func TestRefusalsAreCountedWhereTheWaitIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := openChannel(Config{Max: 3, Idle: 3, MaxWait: 1500 * time.Microsecond, Open: Instant})
		if err != nil {
			t.Fatal(err)
		}
		c := bubbled(p)
		if _, err := c.share(100, func() {}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("without a limit: got %v, want the refusal", err)
		}
		c.limited = true
		if refused, err := c.share(100, func() {}); err != nil || refused == 0 {
			t.Errorf("with a limit: %d refused, %v", refused, err)
		}
		if got, err := c.watch(50 * time.Millisecond); err != nil || got.refused == 0 {
			t.Errorf("watched: %d refused, %v", got.refused, err)
		}
	})
}

func TestStuckPoolIsAnErrorAndNoHang(t *testing.T) {
	run := map[string]func(crowd) error{
		"share": func(c crowd) error {
			_, err := c.share(100, func() {})
			return err
		},
		"watch": func(c crowd) error {
			_, err := c.watch(100 * time.Millisecond)
			return err
		},
	}
	for name, run := range run {
		for _, uses := range []int{0, 2, 3, 50} {
			synctest.Test(t, func(t *testing.T) {
				p, free := openSticky(t, uses)
				c := bubbled(p)
				c.work = nothing
				start := time.Now()
				err := run(c)
				if took := time.Since(start); !errors.Is(err, errStuck) || took > 10*time.Second {
					t.Errorf("%s, stuck after %d uses: got %v after %v", name, uses, err, took)
				}
				free()
				synctest.Wait()
			})
		}
	}
}

func TestPercentileIsTheNearestRank(t *testing.T) {
	upTo := func(n int) (values []time.Duration) {
		for i := range n {
			values = append(values, time.Duration(i+1))
		}
		return values
	}
	for _, test := range []struct {
		of, thousandths int
		want            time.Duration
	}{
		{1, 500, 1}, {1, 999, 1}, {2, 500, 1}, {3, 500, 2}, {100, 990, 99}, {101, 990, 100}, {1000, 999, 999}, {1001, 999, 1000},
		{10, 0, 1}, {10, 1000, 10},
	} {
		if got := percentile(upTo(test.of), test.thousandths); got != test.want {
			t.Errorf("percentile %d/1000 of 1..%d: got %d, want %d", test.thousandths, test.of, got, test.want)
		}
	}
}

func TestFairnessOfTooFewUsesIsNotSound(t *testing.T) {
	for _, test := range []struct {
		served []int
		ratio  float64
		sound  bool
	}{
		{[]int{1, 1}, 1, false},
		{[]int{20, 19}, 20.0 / 19, false},
		{[]int{20, 20}, 1, true},
		{[]int{40, 0}, 40, true}, // one who was never served counts as served once
	} {
		ratio, sound := waits{served: test.served}.fairness()
		if ratio != test.ratio || sound != test.sound {
			t.Errorf("%v: got %v, %v, want %v, %v", test.served, ratio, sound, test.ratio, test.sound)
		}
	}
}

func TestOnlyTheRunThatCountsIsWatched(t *testing.T) {
	for _, test := range []struct {
		goal string
		n    int
		took time.Duration
		size int
		want time.Duration
	}{
		{"100ms", 10_000, 99 * time.Millisecond, 64, 0},
		{"100ms", 10_000, 100 * time.Millisecond, 64, watchLeast},
		{"100ms", 1000, 110 * time.Millisecond, 64, 176 * time.Millisecond}, // 64 goroutines, 25 uses each, 110 us a use
		{"100ms", 1000, 110 * time.Millisecond, 1000, watchMost},
		{"1x", 1, time.Millisecond, 64, shortWatch},
		{"5000x", 1, time.Millisecond, 64, 0},
		{"5000x", 5000, 5 * time.Millisecond, 64, watchLeast},
	} {
		if got := watchAfter(test.goal, test.n, test.took, test.size); got != test.want {
			t.Errorf("-benchtime %s, N=%d in %v, %d goroutines: got %v, want %v", test.goal, test.n, test.took, test.size, got, test.want)
		}
	}
}

// A stack is a pool that serves whoever came last.
type stack struct {
	mu      sync.Mutex // guards the fields below
	free    int
	waiting []chan struct{}
}

func openStack(c Config) (Pool, error) { return &stack{free: c.Max}, nil }

func (s *stack) Use(_ context.Context, work func()) error {
	if turn := s.enter(); turn != nil {
		<-turn
	}
	work()
	s.mu.Lock()
	defer s.mu.Unlock()
	last := len(s.waiting) - 1
	if last < 0 {
		s.free++
		return nil
	}
	s.waiting[last] <- struct{}{}
	s.waiting = s.waiting[:last]
	return nil
}

func (s *stack) enter() (turn chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.free > 0 {
		s.free--
		return nil
	}
	turn = make(chan struct{}, 1)
	s.waiting = append(s.waiting, turn)
	return turn
}

func (s *stack) Close() {}

// A sticky pool serves so many uses; all later ones hang until it is freed.
type sticky struct {
	Pool
	mu   sync.Mutex // guards left
	left int
	gate chan struct{}
}

func openSticky(t *testing.T, uses int) (p Pool, free func()) {
	t.Helper()
	inner, err := openChannel(Config{Max: 3, Idle: 3, Open: Instant})
	if err != nil {
		t.Fatal(err)
	}
	s := &sticky{Pool: inner, left: uses, gate: make(chan struct{})}
	return s, func() { close(s.gate) }
}

func (s *sticky) Use(ctx context.Context, work func()) error {
	s.mu.Lock()
	s.left--
	stuck := s.left < 0
	s.mu.Unlock()
	if stuck {
		<-s.gate
	}
	return s.Pool.Use(ctx, work)
}
