package pooltest_test

import (
	"context"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A move is a change of roles with the endpoint's name following it.
type move struct {
	timings lab.Timings
	named   time.Time // when the name led to the new primary
}

// moveRoles runs a change of roles and moves the name as soon as the replica is promoted.
func moveRoles(ctx context.Context, t *testing.T, pair *lab.Cluster, names *lab.Resolver, change func(context.Context, *lab.Server) (lab.Timings, error)) move {
	t.Helper()
	to := pair.Replicas()[0]
	var m move
	done := make(chan error, 1)
	go func() {
		var err error
		m.timings, err = change(ctx, to)
		done <- err
	}()
	until(ctx, t, "the replica is promoted", func() bool { return pair.Primary() == to })
	must(t, names.Set(endpoint, to.Host()))
	m.named = time.Now()
	must(t, <-done)
	return m
}

// startWriters makes a pair with a name, a pool on it, and 16 writers at work. Their MaxWait is longer than any change of roles.
func startWriters(ctx context.Context, t *testing.T) (*lab.Cluster, *lab.Resolver, *mysqlpool.Pool, *ledger) {
	t.Helper()
	pair := startPair(t)
	exec(ctx, t, pair.Primary().Admin(), schema)
	must(t, pair.Sync(ctx))
	names := newResolver(t, endpoint, pair.Primary().Host())
	pool := open(t, endpointDSN(t, pair.Primary()), weir.WithMaxOpen(8), weir.WithMinIdle(4), weir.WithMaxWait(30*time.Second),
		mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithResolver(names.Resolver()))
	writers := write(ctx, pool, 16)
	writers.await(ctx, t, "the writers are at work", 160, time.Time{})
	return pair, names, pool, writers
}

func (m move) report(t *testing.T, pool *mysqlpool.Pool, writers *ledger) {
	t.Helper()
	first := writers.firstAfter(m.timings.Writable)
	writers.mu.Lock() // they may still be writing
	defer writers.mu.Unlock()
	t.Logf("nobody writable for %v, name moved %v after the promotion; first accepted write %v after the promotion; "+
		"%d writes acknowledged, %d refused by the server (1290), %d with unknown outcome, %d callers refused; generation %d, retired because of the role %d",
		m.timings.Gap.Round(time.Millisecond), m.named.Sub(m.timings.Writable).Round(time.Millisecond),
		first.Round(time.Millisecond), len(writers.acked), writers.refused,
		len(writers.lost), len(writers.starved), pool.Stats().Generation, pool.Stats().Retired[weir.RetiredRole])
}

func TestSwitchoverLosesNoWriteAndMisleadsNone(t *testing.T) {
	ctx := within(t, 120*time.Second)
	pair, names, pool, writers := startWriters(ctx, t)
	for range 2 { // there and back
		old := pair.Primary()
		m := moveRoles(ctx, t, pair, names, pair.Switchover)
		writers.await(ctx, t, "the writers are at work on the new primary", 160, m.named)
		m.report(t, pool, writers)
		if n, err := old.Processes(ctx, "app"); err != nil || n > 0 {
			t.Errorf("the old primary still has %d connections, %v", n, err)
		}
	}
	writers.end()
	must(t, pair.Sync(ctx))
	primary := rows(ctx, t, pair.Primary().Admin())
	writers.check(t, primary)
	misled := 0
	for r := range rows(ctx, t, pair.Replicas()[0].Admin()) {
		if primary[r] == 0 {
			misled++
		}
	}
	if misled > 0 {
		t.Errorf("%d writes were accepted by the wrong server", misled)
	}
	if n := len(writers.lost); n > 0 {
		t.Errorf("%d writes with unknown outcome in a planned switchover, the first %v", n, writers.lost[0])
	}
	for _, err := range writers.starved {
		t.Errorf("a caller was refused, though the switchover took less than MaxWait: %v", err)
	}
	t.Logf("%d rows on the new primary, %d writes accepted by the wrong server", len(primary), misled)
}

func TestFailoverLosesNoAcknowledgedWrite(t *testing.T) {
	ctx := within(t, 120*time.Second)
	pair, names, pool, writers := startWriters(ctx, t)
	m := moveRoles(ctx, t, pair, names, pair.Failover)
	writers.await(ctx, t, "the writers are at work on the new primary", 160, m.named)
	writers.end()
	m.report(t, pool, writers)
	writers.check(t, rows(ctx, t, pair.Primary().Admin()))
	if n := len(writers.lost); n > pool.Settings().MaxOpen {
		t.Errorf("%d writes with unknown outcome, want at most one for each connection", n)
	}
}
