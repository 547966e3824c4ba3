package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A rower is what asks: a *sql.Conn, or a *sql.DB that borrows one by itself.
type rower interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// A mysqlUse is what a caller does with a connection.
type mysqlUse func(ctx context.Context, on rower) error

// A mysqlQuery asks for the i-th time. A wrong answer is an error: it would be one meant for somebody else.
type mysqlQuery struct {
	name string
	ask  func(ctx context.Context, on rower, i int) error
}

func mysqlQueries() []mysqlQuery {
	return []mysqlQuery{{"select1", askOne}, {"indexed", askIndexed}}
}

func askOne(ctx context.Context, on rower, _ int) error {
	var got int
	if err := on.QueryRowContext(ctx, "SELECT 1").Scan(&got); err != nil {
		return err
	}
	return mysqlAnswer(got, 1)
}

// askIndexed has an argument, so the statement is prepared, executed and closed in each call, as database/sql does it
// unless told otherwise.
func askIndexed(ctx context.Context, on rower, i int) error {
	id := i*7919%mysqlRows + 1 // all rows in turn, no two neighbours
	var got int
	if err := on.QueryRowContext(ctx, "SELECT v FROM t WHERE id = ?", id).Scan(&got); err != nil {
		return err
	}
	return mysqlAnswer(got, mysqlValue(id))
}

func mysqlAnswer(got, want int) error {
	if got != want {
		return fmt.Errorf("benchmarks: the server answered %d, want %d", got, want)
	}
	return nil
}

// mysqlCalls is what became of the calls of one load.
type mysqlCalls struct {
	took    []time.Duration // from asking for a connection until it is given back
	waited  []time.Duration // until there was one
	refused int64           // those whose limit ran out
}

// loadMySQL makes n calls, from as many goroutines as told. begin is called when all of them stand ready.
func loadMySQL(pool mysqlPool, goroutines, n int, q mysqlQuery, begin func()) (*mysqlCalls, error) {
	calls := &mysqlCalls{took: make([]time.Duration, n), waited: make([]time.Duration, n)}
	var next, refused atomic.Int64
	var failed atomic.Pointer[error]
	var ready, callers sync.WaitGroup
	gate := make(chan struct{})
	ready.Add(goroutines)
	for range goroutines {
		callers.Go(func() {
			ready.Done()
			<-gate
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				err := calls.one(pool, i, q)
				switch {
				case err == nil:
				case errors.Is(err, context.DeadlineExceeded):
					refused.Add(1)
				default:
					failed.CompareAndSwap(nil, &err)
					next.Store(int64(n)) // the others stop
				}
			}
		})
	}
	ready.Wait()
	begin()
	close(gate)
	callers.Wait()
	calls.refused = refused.Load()
	if err := failed.Load(); err != nil {
		return nil, *err
	}
	return calls, nil
}

// one makes the i-th call. Of a call that was refused all was waiting.
func (c *mysqlCalls) one(pool mysqlPool, i int, q mysqlQuery) error {
	start := time.Now()
	var waited time.Duration
	served := false
	err := pool.call(func(ctx context.Context, on rower) error {
		waited, served = time.Since(start), true
		return q.ask(ctx, on, i)
	})
	took := time.Since(start)
	if !served {
		waited = took
	}
	c.took[i], c.waited[i] = took, waited
	return err
}

// report says what the calls took beside the mean, which the benchmark itself tells.
func (c *mysqlCalls) report(b *testing.B, waits bool) {
	reportMySQLTimes(b, "", c.took)
	if waits {
		reportMySQLTimes(b, "wait-", c.waited)
	}
	if c.refused > 0 { // on a starved machine a limit may be reached: the results say so
		b.ReportMetric(float64(c.refused), "refused")
	}
}

func reportMySQLTimes(b *testing.B, what string, times []time.Duration) {
	slices.Sort(times)
	b.ReportMetric(float64(mysqlRank(times, 50)), what+"p50-ns")
	b.ReportMetric(float64(mysqlRank(times, 99)), what+"p99-ns")
	b.ReportMetric(float64(times[len(times)-1]), what+"max-ns")
}

// mysqlRank is the least of the sorted times that percent of them do not exceed.
func mysqlRank(times []time.Duration, percent int) time.Duration {
	rank := (len(times)*percent + 99) / 100
	return times[max(rank, 1)-1]
}
