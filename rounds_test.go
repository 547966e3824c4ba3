package weir_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// Short rounds on all processors in which the queue runs empty while others arrive, also as the pool is closed: nobody is left
// behind, and what each saw is in the books.
func TestRoundsThatRunEmptyLeaveNobodyBehind(t *testing.T) {
	const rounds, callers = 1500, 4
	for _, closes := range []bool{false, true} {
		t.Run(fmt.Sprintf("closes %t", closes), func(t *testing.T) {
			leavesNothing(t)
			p := roundPool(t)
			for round := range rounds {
				playRound(t, p, round, callers, closes)
				if closes {
					p = roundPool(t)
				}
			}
			if err := p.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
}

func roundPool(t *testing.T) *weir.Pool[int] {
	t.Helper()
	p, err := weir.New(t.Context(), weir.Factory[int]{
		Open:  func(context.Context) (int, error) { return 1, nil },
		Close: func(int) error { return nil },
	}, quiet(), weir.WithMaxOpen(1), weir.WithMinIdle(1), weir.WithMaxWait(weir.NoLimit), weir.WithSweepEvery(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// playRound lets callers arrive while the only resource comes back.
func playRound(t *testing.T, p *weir.Pool[int], round, callers int, closes bool) {
	t.Helper()
	lent := borrow(t, p)
	before := p.Stats()
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			if l, err := p.Acquire(context.Background()); err == nil {
				l.Release()
			}
		})
		for range (round + n) % 3 {
			runtime.Gosched()
		}
	}
	if closes {
		all.Go(func() {
			if err := p.Close(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	for range round % 5 {
		runtime.Gosched()
	}
	lent.Release()
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(20 * time.Second):
		t.Fatalf("somebody was left behind in round %d: %+v", round, p.Stats())
	}
	s := p.Stats()
	if s.Wait.Sum < before.Wait.Sum || s.Waiting != 0 || !closes && s.Acquired != before.Acquired+uint64(callers) {
		t.Fatalf("round %d: %d waits of %v, %d still wait, %d acquired by %d", round, s.Wait.Count, s.Wait.Sum, s.Waiting,
			s.Acquired-before.Acquired, callers)
	}
	if err := weir.AuditSettled(p); err != nil {
		t.Fatal(err)
	}
}
