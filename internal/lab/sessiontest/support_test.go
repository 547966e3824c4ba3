package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// What labtest has, by the names of these tests.
var (
	start   = labtest.Start  // for a test that does the server harm
	shared  = labtest.Shared // for all others
	through = labtest.Through
	stock   = labtest.Stock
	hold    = labtest.Hold
	until   = labtest.Until
	must    = labtest.Must
	number  = labtest.Number
)

// within is [labtest.Within] once the shared server runs: to start it is not part of a test's own time.
func within(t testing.TB, limit time.Duration) context.Context {
	t.Helper()
	shared(t)
	return labtest.Within(t, limit)
}

// database makes a database of the test's own on the shared server and returns its DSN.
func database(t testing.TB) string {
	t.Helper()
	return databaseOn(t, shared(t))
}

func databaseOn(t testing.TB, srv *lab.Server) string {
	t.Helper()
	labtest.Begin(t)
	name := "t" + fmt.Sprintf("%x", time.Now().UnixNano())
	admin(t, srv, "CREATE DATABASE "+name)
	admin(t, srv, "GRANT ALL ON `"+name+"`.* TO app@'%'")
	t.Cleanup(func() {
		if _, err := srv.Admin().Exec("DROP DATABASE " + name); err != nil {
			t.Error(err)
		}
	})
	return srv.DSN("app", name)
}

func admin(t testing.TB, srv *lab.Server, statement string) {
	t.Helper()
	if _, err := srv.Admin().ExecContext(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// open opens a DB over sessions that must close in order when the test ends.
func open(t testing.TB, dsn string, opts ...mysqlpool.Option) (*sql.DB, *mysqlpool.Connector) {
	t.Helper()
	labtest.Begin(t)
	opts = append([]mysqlpool.Option{weir.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
	db, err := mysqlpool.Open(t.Context(), dsn, opts...)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	c, ok := mysqlpool.ConnectorOf(db)
	if !ok {
		t.Fatal("ConnectorOf does not know the DB that Open returned")
	}
	return db, c
}

// sequence returns the name of a table of the numbers from 1 to n, in order, on the shared server. Its only column is seq.
func sequence(t testing.TB, n int) string {
	t.Helper()
	return sequenceOn(t, shared(t), n)
}

// sequenceOn is [sequence] on another server. MariaDB has such tables in every database.
func sequenceOn(t testing.TB, srv *lab.Server, n int) string {
	t.Helper()
	name := fmt.Sprintf("app.seq_1_to_%d", n)
	if labtest.Kind() == lab.MySQL {
		admin(t, srv, fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s (seq INT PRIMARY KEY) SELECT seq FROM "+
			"JSON_TABLE(CONCAT('[0', REPEAT(',0', %d), ']'), '$[*]' COLUMNS (seq FOR ORDINALITY)) numbers", name, n-1))
	}
	return name
}

// An execer is a DB, a session or a transaction.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
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

// wantFree waits until no backend is held.
func wantFree(ctx context.Context, t testing.TB, c *mysqlpool.Connector) {
	t.Helper()
	until(ctx, t, "no backend is held", func() bool { return c.Stats().InUse == 0 })
}

func contains(t testing.TB, what, in, part string) {
	t.Helper()
	if !strings.Contains(in, part) {
		t.Errorf("%s = %q, want it to contain %q", what, in, part)
	}
}
