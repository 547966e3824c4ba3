package pooltest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// within is the test's context with a limit, so that what hangs ends with a name.
func within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("the test's limit of %v has passed", limit))
	t.Cleanup(cancel)
	return ctx
}

// start starts a server for one test. Without MariaDB the test fails: a fault that was not tried proves nothing.
func start(t testing.TB, cfg lab.Config) *lab.Server {
	t.Helper()
	srv, err := lab.Start(t.Context(), cfg)
	must(t, err)
	t.Cleanup(func() { must(t, srv.Close()) })
	return srv
}

func startPair(t testing.TB) *lab.Cluster {
	t.Helper()
	pair, err := lab.StartPair(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, pair.Close()) })
	return pair
}

// through starts a proxy in front of the server and returns it with the DSN that leads through it.
func through(t testing.TB, srv *lab.Server) (*lab.Proxy, string) {
	t.Helper()
	proxy, err := lab.NewProxy(t.Context(), srv.Addr())
	must(t, err)
	t.Cleanup(func() { must(t, proxy.Close()) })
	return proxy, redirect(t, srv.DSN("app", "app"), proxy.Addr())
}

// redirect makes the DSN lead to another address.
func redirect(t testing.TB, dsn, addr string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	cfg.Addr = addr
	return cfg.FormatDSN()
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
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { must(t, db.Close()) })
	conn, err := db.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() { conn.Close() }) // a test may have closed it already
	return conn
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

func until(ctx context.Context, t testing.TB, what string, cond func() bool) {
	t.Helper()
	must(t, lab.Until(ctx, what, func(context.Context) (bool, error) { return cond(), nil }))
}

// untilNoConnection waits until the server has none of the app user's connections.
func untilNoConnection(ctx context.Context, t testing.TB, srv *lab.Server) {
	t.Helper()
	must(t, lab.Until(ctx, "the server has no connection of app", func(ctx context.Context) (bool, error) {
		n, err := srv.Processes(ctx, "app")
		return n == 0, err
	}))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// number is the server's error number in err, or 0.
func number(err error) uint16 {
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return said.Number
	}
	return 0
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

// wantNoGoroutine asserts that nothing of a pool, its adapter or the driver runs any more.
func wantNoGoroutine(ctx context.Context, t testing.TB) {
	t.Helper()
	var left []string
	err := lab.Until(ctx, "no goroutine of the pool is left", func(context.Context) (bool, error) {
		left = slices.DeleteFunc(goroutines(), func(stack string) bool {
			return !strings.Contains(stack, "github.com/weirpool/weir.") && !strings.Contains(stack, "/weir/mysqlpool.") &&
				!strings.Contains(stack, "go-sql-driver/mysql.")
		})
		return len(left) == 0, nil
	})
	if err != nil {
		t.Errorf("%v:\n%s", err, strings.Join(left, "\n\n"))
	}
}

// goroutines returns the stacks of all goroutines but the caller's.
func goroutines() []string {
	buf := make([]byte, 4<<20)
	stacks := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")
	return stacks[1:]
}
