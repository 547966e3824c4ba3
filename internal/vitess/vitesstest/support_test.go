package vitesstest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// What labtest has, by the names of these tests.
var (
	within = labtest.Within
	hold   = labtest.Hold
	until  = labtest.Until
	must   = labtest.Must
	number = labtest.Number
)

// quiet keeps what is logged about the faults of a test out of its output.
func quiet(opts []mysqlpool.Option) []mysqlpool.Option {
	return append([]mysqlpool.Option{weir.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
}

// open opens a DB over sessions that lead to a keyspace.
func open(t testing.TB, keyspace string, opts ...mysqlpool.Option) (*sql.DB, *mysqlpool.Connector) {
	t.Helper()
	return openOn(t, cluster, keyspace, opts...)
}

func openOn(t testing.TB, on *vitess.Cluster, keyspace string, opts ...mysqlpool.Option) (*sql.DB, *mysqlpool.Connector) {
	t.Helper()
	labtest.Begin(t)
	db, err := mysqlpool.Open(t.Context(), on.DSN(keyspace), quiet(opts)...)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	c, _ := mysqlpool.ConnectorOf(db)
	return db, c
}

// openPool makes a pool that lends connections.
func openPool(t testing.TB, keyspace string, opts ...mysqlpool.Option) *mysqlpool.Pool {
	t.Helper()
	labtest.Begin(t)
	pool, err := mysqlpool.New(t.Context(), cluster.DSN(keyspace), quiet(opts)...)
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		must(t, pool.Close(ctx))
	})
	return pool
}

// stock opens go-sql-driver's own DB.
func stock(t testing.TB, keyspace string) *sql.DB {
	t.Helper()
	return labtest.Stock(t, cluster.DSN(keyspace))
}

var tables atomic.Int64

// table makes a table of the test's own in the unsharded keyspace, and returns its name.
func table(ctx context.Context, t testing.TB, columns string) string {
	t.Helper()
	return tableOn(ctx, t, cluster, columns)
}

func tableOn(ctx context.Context, t testing.TB, on *vitess.Cluster, columns string) string {
	t.Helper()
	db := labtest.Stock(t, on.DSN(vitess.Unsharded))
	name := fmt.Sprintf("t%d", tables.Add(1))
	exec(ctx, t, db, "CREATE TABLE "+name+" ("+columns+")")
	return name
}

// An execer is a DB, a session or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

func exec(ctx context.Context, t testing.TB, on execer, query string, args ...any) sql.Result {
	t.Helper()
	res, err := on.ExecContext(ctx, query, args...)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return res
}

// text asks for one value.
func text(ctx context.Context, t testing.TB, on execer, query string, args ...any) string {
	t.Helper()
	var v sql.NullString
	if err := on.QueryRowContext(ctx, query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	if !v.Valid {
		return "NULL"
	}
	return v.String
}

func want(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s = %q, want %q", what, got, want)
	}
}

func wantIs(t testing.TB, what string, err, target error) {
	t.Helper()
	if !errors.Is(err, target) {
		t.Errorf("%s: error = %v, want %v", what, err, target)
	}
}

// wantFree waits until no backend is held.
func wantFree(ctx context.Context, t testing.TB, c *mysqlpool.Connector) {
	t.Helper()
	until(ctx, t, "no backend is held", func() bool { return c.Stats().InUse == 0 })
}

// wantPinned asserts why the one pinned session is.
func wantPinned(t testing.TB, c *mysqlpool.Connector, why string) {
	t.Helper()
	pins := c.Sessions().Pinned
	switch {
	case len(pins) == 0 && why == "":
	case len(pins) != 1:
		t.Errorf("%d sessions are pinned, want %q", len(pins), why)
	case pins[0].Reason.String() != why:
		t.Errorf("pinned by %v, want %q", pins[0].Reason, why)
	}
}

// running waits until MySQL runs a statement with this mark, or none.
func running(ctx context.Context, t testing.TB, on *vitess.Cluster, mark string, want bool) {
	t.Helper()
	must(t, whenRunning(ctx, on, mark, want))
}

func whenRunning(ctx context.Context, on *vitess.Cluster, mark string, want bool) error {
	return lab.Until(ctx, fmt.Sprintf("a statement with %s runs: %v", mark, want), func(ctx context.Context) (bool, error) {
		n := 0
		err := on.MySQL.Admin().QueryRowContext(ctx,
			"SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE ? AND user LIKE 'vt%'", "%"+mark+"%").Scan(&n)
		return n > 0 == want, err
	})
}

// reserved counts the connections to MySQL that the tablets keep for one client each, apart from their transactions.
func reserved(ctx context.Context, t testing.TB) (n int) {
	t.Helper()
	vars, err := cluster.Vars(ctx)
	must(t, err)
	counts, _ := vars["UserActiveReservedCount"].(map[string]any)
	for _, count := range counts {
		n += int(count.(float64))
	}
	return n
}

func contains(t testing.TB, what, in, part string) {
	t.Helper()
	if !strings.Contains(in, part) {
		t.Errorf("%s = %q, want it to contain %q", what, in, part)
	}
}

// start starts a cluster of the test's own.
func start(ctx context.Context, t testing.TB, args ...string) *vitess.Cluster {
	t.Helper()
	labtest.Begin(t)
	c, err := vitess.Start(ctx, vitess.Config{Args: args})
	must(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(c.Logs(5))
		}
		must(t, c.Close())
	})
	return c
}

// A beginner begins transactions.
type beginner interface {
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}
