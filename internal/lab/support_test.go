package lab_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// start starts a server for one test, of the family that the tests run on. One
// that cannot be started is a failure, because a laboratory that was not tried
// proves nothing.
func start(t *testing.T, cfg lab.Config) *lab.Server {
	t.Helper()
	cfg.Kind = labtest.Kind()
	begun := time.Now()
	srv, err := lab.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("server up in %v", time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() { must(t, srv.Close()) })
	return srv
}

func startCluster(t *testing.T, n int) *lab.Cluster {
	t.Helper()
	return startClusterOf(t, n, lab.Config{})
}

func startClusterOf(t *testing.T, n int, base lab.Config) *lab.Cluster {
	t.Helper()
	base.Kind = labtest.Kind()
	begun := time.Now()
	c, err := lab.StartCluster(t.Context(), n, base)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes up in %v", n, time.Since(begun).Round(time.Millisecond))
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// open returns a pool of the app user whose driver says nothing on stderr about
// connections that the test breaks.
func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	return openConfig(t, cfg)
}

func openConfig(t *testing.T, cfg *mysql.Config) *sql.DB {
	t.Helper()
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() }) // a broken connection in it says so again
	return db
}

func conn(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	c, err := db.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() { c.Close() }) // a broken one says so again
	return c
}

// execer is a pool or a connection.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func run(t *testing.T, db execer, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func queryInt(t *testing.T, db *sql.DB, query string) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

func until(t *testing.T, what string, cond func(context.Context) (bool, error)) {
	t.Helper()
	must(t, lab.Until(t.Context(), what, cond))
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErrno asserts a server's error number.
func wantErrno(t *testing.T, err error, want uint16) {
	t.Helper()
	said, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || said.Number != want {
		t.Fatalf("got error %v, want number %d", err, want)
	}
}

// wantRefused asserts that nobody listens.
func wantRefused(t *testing.T, addr string) {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr)
	if err == nil {
		c.Close()
		t.Fatalf("dial %s: got a connection, want refused", addr)
	}
	if !isRefused(err) {
		t.Fatalf("dial %s: got %v, want refused", addr, err)
	}
}
