package pooltest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// limited gives a DB limits of its user's choice.
func limited(db *sql.DB) {
	db.SetMaxOpenConns(7)
	db.SetMaxIdleConns(3)
	db.SetConnMaxLifetime(time.Hour)
	db.SetConnMaxIdleTime(time.Minute)
}

// wantLimited asserts that the DB works within those limits, as far as it shows them.
func wantLimited(ctx context.Context, t *testing.T, db *sql.DB) {
	t.Helper()
	if got := db.Stats().MaxOpenConnections; got != 7 {
		t.Errorf("the DB may open %d connections, want 7", got)
	}
	conns := make([]*sql.Conn, 5)
	for i := range conns {
		var err error
		conns[i], err = db.Conn(ctx)
		must(t, err)
		must(t, selectOne(ctx, conns[i]))
	}
	for _, conn := range conns {
		must(t, conn.Close())
	}
	if got := db.Stats().Idle; got != 3 {
		t.Errorf("the DB keeps %d idle connections, want 3", got)
	}
}

func TestWrapGovernsAnInstrumentedDBAndGivesItBack(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	db, counts := instrumented(t, srv.DSN("app", "app"))
	limited(db)
	pool, err := mysqlpool.Wrap(ctx, db, quiet([]mysqlpool.Option{weir.WithMaxOpen(10), weir.WithMinIdle(4), mysqlpool.WithServiceName("payments")})...)
	must(t, err)
	if got := db.Stats().MaxOpenConnections; got != 0 {
		t.Errorf("the wrapped DB may open %d connections, want any number", got)
	}
	holdAll(ctx, t, pool)
	if got := counts.opened.Load(); got != 10 {
		t.Errorf("%d connections were opened, want 10: MaxOpen governs, not the DB's 7", got)
	}
	resets := counts.resets.Load()
	must(t, pool.Do(ctx, selectOne))
	if got := counts.resets.Load(); got != resets+1 {
		t.Errorf("%d looks at the socket for one borrow, want 1", got-resets)
	}

	_, err = srv.KillConnections(ctx, "app")
	must(t, err)
	untilNoConnection(ctx, t, srv)
	callers := gather(ctx, pool, 20, selectOne)
	callers.await(ctx, t, "200 borrows", 200, func(borrow) bool { return true })
	for _, b := range callers.home() {
		if !b.ok() {
			t.Errorf("after a kill a caller got %v", b.err())
		}
	}

	closePool(t, pool)
	if opened, closed := counts.opened.Load(), counts.closed.Load(); opened != closed {
		t.Errorf("%d connections opened, %d closed", opened, closed)
	}
	wantLimited(ctx, t, db)
}

func TestWrapThatFailsLeavesTheDBAlone(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	for _, c := range []struct {
		name string
		opts []mysqlpool.Option
	}{
		{"an option of weir is wrong", []mysqlpool.Option{weir.WithMaxOpen(0)}},
		{"an option of mysqlpool is wrong", []mysqlpool.Option{mysqlpool.WithServiceName("*/")}},
		{"the session set-up fails", []mysqlpool.Option{mysqlpool.WithSessionSetup("SET no_such_variable = 1")}},
		{"no server has the role", []mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Replica)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, counts := instrumented(t, srv.DSN("app", "app"))
			limited(db)
			if pool, err := mysqlpool.Wrap(ctx, db, quiet(c.opts)...); err == nil {
				closePool(t, pool)
				t.Fatal("Wrap succeeded")
			}
			if opened, closed := counts.opened.Load(), counts.closed.Load(); opened != closed {
				t.Errorf("%d connections opened, %d closed", opened, closed)
			}
			wantLimited(ctx, t, db)
		})
	}
}

func TestClosedWrappedPoolKeepsItsHandsOffTheDB(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	db, _ := instrumented(t, srv.DSN("app", "app"))
	limited(db)
	pool, err := mysqlpool.Wrap(ctx, db, quiet(nil)...)
	must(t, err)
	closePool(t, pool)
	db.SetMaxOpenConns(5)
	closePool(t, pool)
	if got := db.Stats().MaxOpenConnections; got != 5 {
		t.Errorf("a second Close set the DB's limit to %d, its user had set 5", got)
	}
}

func TestWrappedDBReachesTheSameDemotion(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, srv.Admin(), schema)
	db, _ := instrumented(t, srv.DSN("app", "app"))
	pool, err := mysqlpool.Wrap(ctx, db, quiet([]mysqlpool.Option{weir.WithMaxOpen(4), mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxWait(300 * time.Millisecond)})...)
	must(t, err)
	writers := write(ctx, pool, 8)
	writers.await(ctx, t, "the writers are at work", 80, time.Time{})
	must(t, srv.SetReadOnly(ctx, true))
	until(ctx, t, "waiters are told about the role", func() bool { return len(writers.starvedSoFar()) >= 8 })
	wantRoleErrors(t, writers.starvedSoFar())
	must(t, srv.SetReadOnly(ctx, false))
	writable := time.Now()
	writers.await(ctx, t, "the writers are at work again", 80, writable)
	writers.end()
	writers.check(t, rows(ctx, t, srv.Admin()))
	closePool(t, pool)
}
