package benchmarks

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A lookup asks for one row.
type lookup func(ctx context.Context, id int) (benchRow, error)

// A sessionLoad is goroutines that ask for one row after the other, each in its own way.
type sessionLoad struct {
	asks  []lookup          // one for each goroutine
	more  func() bool       // asked before each call
	pause func(i, turn int) // what the i-th does before each call but is no part of it; nil: nothing
	begin func()            // called when all of them stand ready
	took  [][]time.Duration // of each goroutine's calls
	fault atomic.Pointer[error]
}

// run returns what each call took, in no order, and the first error: it ends all.
func (l *sessionLoad) run() ([]time.Duration, error) {
	l.took = make([][]time.Duration, len(l.asks))
	var ready, callers sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(len(l.asks))
	for i := range l.asks {
		callers.Go(func() {
			ready.Done()
			<-gate
			l.took[i] = l.calls(i)
		})
	}
	ready.Wait()
	l.begin()
	close(gate)
	callers.Wait()
	if err := l.fault.Load(); err != nil {
		return nil, *err
	}
	return slices.Concat(l.took...), nil
}

// calls is the life of the i-th goroutine.
func (l *sessionLoad) calls(i int) []time.Duration {
	ctx := context.Background()
	took := make([]time.Duration, 0, 256)
	for turn := 0; ; turn++ {
		if l.pause != nil {
			l.pause(i, turn)
		}
		if l.fault.Load() != nil || !l.more() {
			return took
		}
		id := (i*131+turn*7919)%mysqlRows + 1 // all rows in turn, no two neighbours
		start := time.Now()
		row, err := l.asks[i](ctx, id)
		took = append(took, time.Since(start))
		if err == nil {
			err = row.check(id)
		}
		if err != nil {
			l.fault.CompareAndSwap(nil, &err)
			return took
		}
	}
}

// counted lets n calls pass.
func counted(n int) func() bool {
	var begun atomic.Int64
	return func() bool { return begun.Add(1) <= int64(n) }
}

// reportCalls says how many calls there were in a second, and what they took. It sorts them.
func reportCalls(b *testing.B, took []time.Duration, elapsed time.Duration) {
	if len(took) == 0 {
		b.Fatal("nobody made a call")
	}
	slices.Sort(took)
	b.ReportMetric(float64(len(took))/elapsed.Seconds(), "ops/s")
	b.ReportMetric(float64(mysqlRank(took, 50)), "call-p50-ns")
	b.ReportMetric(float64(mysqlRank(took, 99)), "call-p99-ns")
	b.ReportMetric(float64(took[len(took)-1]), "longest-ns")
}
