package pooltest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// What labtest has, by the names of these tests.
var (
	within          = labtest.Within
	start           = labtest.Start
	startPair       = labtest.StartPair
	redirect        = labtest.Redirect
	until           = labtest.Until
	must            = labtest.Must
	number          = labtest.Number
	wantNoGoroutine = labtest.WantNoGoroutine
)

// through starts a proxy in front of the server and returns it with the DSN of user app that leads through it.
func through(t testing.TB, srv *lab.Server) (*lab.Proxy, string) {
	t.Helper()
	return labtest.Through(t, srv, srv.DSN("app", "app"))
}

func newResolver(t testing.TB, name, ip string) *lab.Resolver {
	t.Helper()
	r, err := lab.NewResolver(map[string]string{name: ip})
	must(t, err)
	t.Cleanup(func() { must(t, r.Close()) })
	return r
}

// open makes a pool that must close in order when the test ends.
func open(t testing.TB, dsn string, opts ...mysqlpool.Option) *mysqlpool.Pool {
	t.Helper()
	labtest.Begin(t)
	pool, err := mysqlpool.New(t.Context(), dsn, quiet(opts)...)
	must(t, err)
	t.Cleanup(func() { closePool(t, pool) })
	return pool
}

// quiet keeps what the pool logs about the faults of a test out of its output.
func quiet(opts []mysqlpool.Option) []mysqlpool.Option {
	return append([]mysqlpool.Option{weir.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
}

func closePool(t testing.TB, pool *mysqlpool.Pool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	must(t, pool.Close(ctx))
}

// raw opens one connection that no pool of ours knows of, as another service would.
func raw(t testing.TB, dsn string) *sql.Conn {
	t.Helper()
	return labtest.Hold(t.Context(), t, labtest.Stock(t, dsn))
}

// leave makes database/sql close a connection for good.
func leave(t testing.TB, conn *sql.Conn) {
	t.Helper()
	if err := conn.Raw(func(any) error { return driver.ErrBadConn }); !errors.Is(err, driver.ErrBadConn) {
		t.Fatal(err)
	}
}

func acquire(ctx context.Context, t testing.TB, pool *mysqlpool.Pool) weir.Lease[*sql.Conn] {
	t.Helper()
	lease, err := pool.Acquire(ctx)
	must(t, err)
	return lease
}

// connectionID is the server's number of the connection.
func connectionID(ctx context.Context, conn *sql.Conn) (id int64, err error) {
	err = conn.QueryRowContext(ctx, "SELECT CONNECTION_ID()").Scan(&id)
	return id, err
}

// selectOne is the shortest use of a connection.
func selectOne(ctx context.Context, conn *sql.Conn) error {
	var one int
	return conn.QueryRowContext(ctx, "SELECT 1").Scan(&one)
}

// serverWorks makes the server busy with a statement for d.
func serverWorks(ctx context.Context, conn *sql.Conn, d time.Duration) error {
	var zero int
	return conn.QueryRowContext(ctx, "SELECT SLEEP(?)", d.Seconds()).Scan(&zero)
}

func exec(ctx context.Context, t testing.TB, db *sql.DB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(ctx, query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// untilNoConnection waits until the server has none of the app user's connections.
func untilNoConnection(ctx context.Context, t testing.TB, srv *lab.Server) {
	t.Helper()
	must(t, lab.Until(ctx, "the server has no connection of app", func(ctx context.Context) (bool, error) {
		n, err := srv.Processes(ctx, "app")
		return n == 0, err
	}))
}

// A recorder keeps what a pool tells its observers.
type recorder struct {
	mu     sync.Mutex // guards the field below
	events []weir.Event
}

func (r *recorder) Observe(e weir.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of returns the events of one kind.
func (r *recorder) of(kind weir.EventKind) []weir.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []weir.Event
	for _, e := range r.events {
		if e.Kind == kind {
			out = append(out, e)
		}
	}
	return out
}

// longest is the longest Took of one kind of event.
func (r *recorder) longest(kind weir.EventKind) time.Duration {
	var d time.Duration
	for _, e := range r.of(kind) {
		d = max(d, e.Took)
	}
	return d
}
