package vitesstest_test

import (
	"context"
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// clients is how many connections vtgate has.
func clients(ctx context.Context, t testing.TB) int {
	t.Helper()
	vars, err := cluster.Vars(ctx)
	must(t, err)
	return int(vars["MysqlServerConnCount"].(float64))
}

// Fifty callers share four connections, and vtgate has no more than that.
func TestAcquireUnderLoad(t *testing.T) {
	ctx := within(t, time.Minute)
	before := clients(ctx, t)
	pool := openPool(t, vitess.Unsharded, weir.WithMaxOpen(4), weir.WithMaxWait(30*time.Second), mysqlpool.WithRole(mysqlpool.Primary))
	var inUse, most atomic.Int64
	var callers sync.WaitGroup
	for range 50 {
		callers.Go(func() {
			for range 10 {
				err := pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
					most.Store(max(most.Load(), inUse.Add(1)))
					defer inUse.Add(-1)
					_, err := conn.ExecContext(ctx, "SELECT 1")
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	callers.Wait()
	s := pool.Stats()
	if n := clients(ctx, t) - before; n > 4 || most.Load() > 4 || s.Opened > 4 {
		t.Errorf("vtgate had %d connections, %d were in use, %d opened: want at most 4", n, most.Load(), s.Opened)
	}
	if s.Acquired < 500 || s.OpenFails+s.CheckFails[weir.OnAcquire] != 0 {
		t.Errorf("%+v", s)
	}
}

// Idle connections are checked, by one query each, and stay.
func TestIdleConnectionsAreChecked(t *testing.T) {
	ctx := within(t, time.Minute)
	pool := openPool(t, vitess.Sharded, weir.WithMaxOpen(3), weir.WithMinIdle(3), weir.WithCheckIdleEvery(100*time.Millisecond), weir.WithSweepEvery(50*time.Millisecond),
		mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithServiceName("payments"))
	until(ctx, t, "each was checked twice", func() bool { return pool.Stats().Checks[weir.WhileIdle] >= 6 })
	if s := pool.Stats(); s.CheckFails[weir.WhileIdle] != 0 || s.Opened != 3 {
		t.Errorf("%+v", s)
	}
}

// EvictAll replaces all, and vtgate sees the old ones go.
func TestEvictAll(t *testing.T) {
	ctx := within(t, time.Minute)
	before := clients(ctx, t)
	pool := openPool(t, vitess.Unsharded, weir.WithMaxOpen(3), weir.WithMinIdle(3), weir.WithSweepEvery(50*time.Millisecond))
	pool.EvictAll()
	until(ctx, t, "all are new", func() bool { s := pool.Stats(); return s.Opened >= 6 && s.Idle == 3 })
	until(ctx, t, "vtgate has three", func() bool { return clients(ctx, t) == before+3 })
}

// MaxWait ends a wait, and the error says who holds what.
func TestMaxWait(t *testing.T) {
	ctx := within(t, time.Minute)
	pool := openPool(t, vitess.Unsharded, weir.WithMaxOpen(1), weir.WithMaxWait(100*time.Millisecond))
	lease, err := pool.Acquire(ctx)
	must(t, err)
	_, err = pool.Acquire(ctx)
	lease.Release()
	exhausted, ok := errors.AsType[*weir.ExhaustedError](err)
	if !ok || len(exhausted.Holders) != 1 {
		t.Errorf("error = %v, want one that names the holder", err)
	}
}

// A transaction that a borrower left open is rolled back before the next one gets the connection.
func TestLeftTransactionIsRolledBack(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "id INT PRIMARY KEY")
	pool := openPool(t, vitess.Unsharded, weir.WithMaxOpen(1))
	must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
			return err
		}
		_, err := conn.ExecContext(ctx, "INSERT INTO "+name+" VALUES (1)")
		return err
	}))
	must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		want(t, "rows", text(ctx, t, conn, "SELECT COUNT(*) FROM "+name), "0")
		return nil
	}))
	if n := pool.LeftTransactions(); n != 1 {
		t.Errorf("%d transactions were left, want 1", n)
	}
}
