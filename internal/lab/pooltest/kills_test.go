package pooltest_test

import (
	"context"
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

const killed = 8 // connections in the tests of this file

func TestKilledIdleConnectionsAreReplacedUnnoticed(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	replacedUnnoticed(ctx, t, srv, func() {
		if n, err := srv.KillConnections(ctx, "app"); err != nil || n != killed {
			t.Fatalf("killed %d connections, %v; want %d", n, err, killed)
		}
	})
}

func TestIdleConnectionsEndedByWaitTimeoutAreReplacedUnnoticed(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{WaitTimeout: time.Second})
	replacedUnnoticed(ctx, t, srv, func() {})
}

// replacedUnnoticed fills a pool, lets its idle connections end, and has each replaced under callers that come at once.
func replacedUnnoticed(ctx context.Context, t *testing.T, srv *lab.Server, end func()) {
	t.Helper()
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(killed), weir.WithMinIdle(killed), weir.WithCheckIdleEvery(weir.NoLimit))
	before := holdAll(ctx, t, pool)
	end()
	untilNoConnection(ctx, t, srv)
	after := holdAll(ctx, t, pool)
	for id := range after {
		if before[id] {
			t.Errorf("connection %d was lent again after its end", id)
		}
	}
	if got := pool.Stats().Retired[weir.RetiredError]; got != killed {
		t.Errorf("%d connections were retired, want %d", got, killed)
	}
	callers := gather(ctx, pool, 32, selectOne)
	callers.await(ctx, t, "320 more borrows", 320, func(borrow) bool { return true })
	for _, b := range callers.home() {
		if !b.ok() {
			t.Errorf("a later borrower got %v", b.err())
		}
	}
}

// holdAll borrows as many connections as the pool may have, at once, uses each, and returns their ids.
func holdAll(ctx context.Context, t *testing.T, pool *mysqlpool.Pool) map[int64]bool {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	ids := map[int64]bool{}
	n := pool.Settings().MaxOpen
	held := make(chan struct{}, n)
	letGo := make(chan struct{})
	for range n {
		all.Go(func() {
			err := pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
				id, err := connectionID(ctx, conn)
				mu.Lock()
				ids[id] = true
				mu.Unlock()
				held <- struct{}{}
				<-letGo
				return err
			})
			if err != nil {
				t.Errorf("borrower: %v", err)
				held <- struct{}{}
			}
		})
	}
	for range n {
		<-held
	}
	close(letGo)
	all.Wait()
	if len(ids) != n {
		t.Errorf("%d connections were lent at a time, want %d", len(ids), n)
	}
	return ids
}

func TestIdleChecksKeepConnectionsFromWaitTimeout(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{WaitTimeout: 3 * time.Second}) // a busy machine may check late
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4), weir.WithMinIdle(4),
		weir.WithCheckIdleEvery(200*time.Millisecond), weir.WithSweepEvery(50*time.Millisecond))
	before := holdAll(ctx, t, pool)
	until(ctx, t, "each idle connection was checked 30 times, which takes 6 s", func() bool {
		return pool.Stats().Checks[weir.WhileIdle] >= 4*30
	})
	for id := range holdAll(ctx, t, pool) {
		if !before[id] {
			t.Errorf("connection %d is a new one", id)
		}
	}
}

func TestConnectionsKilledUnderTheirHoldersComeBackAsBroken(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(4))
	lease := acquire(ctx, t, pool)
	if _, err := srv.KillConnections(ctx, "app"); err != nil {
		t.Fatal(err)
	}
	untilNoConnection(ctx, t, srv)
	err := selectOne(ctx, lease.Value())
	if class := mysqlpool.Classify(err); class != mysqlpool.Unknown && class != mysqlpool.NotSent {
		t.Errorf("a statement on a killed connection got %v, of class %v", err, class)
	}
	lease.Finish(err)
	if got := pool.Stats().Retired[weir.RetiredError]; got != 1 {
		t.Errorf("%d connections were retired, want 1", got)
	}
	must(t, pool.Do(ctx, selectOne))
}
