package pooltest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

const longStatement = 30 * time.Second

// busy borrows a connection and lets the server work on it; the error comes when the statement ends.
func busy(ctx context.Context, t *testing.T, srv *lab.Server, pool *mysqlpool.Pool) <-chan error {
	t.Helper()
	lease := acquire(ctx, t, pool)
	ended := make(chan error, 1)
	go func() {
		err := serverWorks(ctx, lease.Value(), longStatement)
		lease.Finish(err)
		ended <- err
	}()
	must(t, lab.Until(ctx, "the statement runs", func(ctx context.Context) (bool, error) {
		n, err := sleepers(ctx, srv)
		return n == 1, err
	}))
	return ended
}

// sleepers counts the app user's statements that sleep.
func sleepers(ctx context.Context, srv *lab.Server) (n int, err error) {
	err = srv.Admin().QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND state = 'User sleep'").Scan(&n)
	return n, err
}

// closeForced closes the pool with little patience and asserts that it says what it did, soon.
func closeForced(ctx context.Context, t *testing.T, pool *mysqlpool.Pool, limit time.Duration) *weir.CloseError {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	err := pool.Close(short)
	took := time.Since(begun)
	forced, ok := errors.AsType[*weir.CloseError](err)
	if !ok || forced.Forced != 1 || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Close got %v, want a CloseError with 1 forced", err)
	}
	if took > limit {
		t.Errorf("Close took %v, want at most %v", took, limit)
	}
	t.Logf("Close returned after %v: %v", took.Round(time.Millisecond), err)
	return forced
}

func TestForcedCloseCutsARunningStatement(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	proxy, dsn := through(t, srv)
	pool, err := mysqlpool.New(ctx, dsn, quiet([]mysqlpool.Option{weir.WithMaxOpen(2)})...)
	must(t, err)
	ended := busy(ctx, t, srv, pool)
	begun := time.Now()
	if forced := closeForced(ctx, t, pool, 5*time.Second); forced.Running != 0 {
		t.Errorf("%d calls were still running", forced.Running)
	}
	err = <-ended
	if class := mysqlpool.Classify(err); time.Since(begun) > 5*time.Second || class != mysqlpool.Unknown && class != mysqlpool.NotSent {
		t.Errorf("the statement ended after %v with %v, of class %v", time.Since(begun), err, class)
	}
	until(ctx, t, "no socket is open", func() bool { return proxy.Open() == 0 })
	_, err = srv.KillConnections(ctx, "app") // MariaDB sleeps on without a client
	must(t, err)
	untilNoConnection(ctx, t, srv)
	wantNoGoroutine(ctx, t)
	if _, err := pool.Acquire(ctx); !errors.Is(err, weir.ErrClosed) {
		t.Errorf("a closed pool said %v", err)
	}
}

// The sockets of a wrapped DB are out of reach: Close says what still runs and does not wait for it.
func TestForcedCloseOfAWrappedPoolIsBounded(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	db, _ := instrumented(t, srv.DSN("app", "app"))
	limited(db)
	pool, err := mysqlpool.Wrap(ctx, db, quiet([]mysqlpool.Option{weir.WithMaxOpen(2), weir.WithCloseTimeout(time.Second)})...)
	must(t, err)
	ended := busy(ctx, t, srv, pool)
	if forced := closeForced(ctx, t, pool, 5*time.Second); forced.Running != 1 {
		t.Errorf("%d calls were still running, want the Close that waits for the statement", forced.Running)
	}
	_, err = srv.KillConnections(ctx, "app")
	must(t, err)
	if err := <-ended; err == nil {
		t.Error("a killed statement succeeded")
	}
	untilNoConnection(ctx, t, srv)
	wantLimited(ctx, t, db)
}

func TestOrderlyCloseWaitsForTheStatement(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	pool, err := mysqlpool.New(ctx, srv.DSN("app", "app"), quiet(nil)...)
	must(t, err)
	lease := acquire(ctx, t, pool)
	ended := make(chan error, 1)
	go func() {
		ended <- serverWorks(ctx, lease.Value(), 300*time.Millisecond)
		lease.Release()
	}()
	closePool(t, pool)
	select {
	case err := <-ended:
		must(t, err)
	default:
		t.Error("Close returned before the statement")
	}
	untilNoConnection(ctx, t, srv)
}
