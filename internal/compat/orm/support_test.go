package orm_test

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// backends is how many connections each of the databases may have.
const backends = 4

// A side is a way to get a *sql.DB.
type side struct {
	name string
	open func(ctx context.Context, t *testing.T, dsn string) *sql.DB
}

var (
	stock = side{"stock", openStock}
	// pooled are weir's.
	pooled = []side{
		{"transaction", openPooled(mysqlpool.TransactionMode)},
		{"session", openPooled(mysqlpool.SessionMode)},
	}
)

func openStock(_ context.Context, t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	db.SetMaxOpenConns(backends)
	db.SetMaxIdleConns(backends)
	return db
}

func openPooled(mode mysqlpool.Mode) func(context.Context, *testing.T, string) *sql.DB {
	return func(ctx context.Context, t *testing.T, dsn string) *sql.DB {
		t.Helper()
		db, err := mysqlpool.Open(ctx, dsn, mysqlpool.WithMode(mode), weir.WithMaxOpen(backends), weir.WithMaxWait(20*time.Second),
			weir.WithLogger(slog.New(slog.DiscardHandler)))
		must(t, err)
		t.Cleanup(func() {
			wantNothingLent(t, db)
			must(t, db.Close())
		})
		return db
	}
}

// wantNothingLent asserts that all backends have come back, and that there were never more than there may be.
func wantNothingLent(t *testing.T, db *sql.DB) {
	t.Helper()
	connector, ok := mysqlpool.ConnectorOf(db)
	if !ok {
		t.Fatal("the database is not over a connector of mysqlpool")
	}
	var stats weir.Stats
	err := lab.Until(context.Background(), "all backends are back", func(context.Context) (bool, error) {
		stats = connector.Stats()
		return stats.InUse == 0, nil
	})
	if err != nil {
		t.Errorf("%v: %d in use", err, stats.InUse)
	}
	if stats.Open > backends {
		t.Errorf("%d backends are open, want at most %d", stats.Open, backends)
	}
}

// databases counts those that newDatabase has made.
var databases atomic.Int64

// newDatabase makes an empty one on the shared server, which ends with it.
func newDatabase(ctx context.Context, t *testing.T) (name, dsn string) {
	t.Helper()
	srv := labtest.Shared(t)
	name = fmt.Sprintf("db%d", databases.Add(1))
	_, err := srv.Admin().ExecContext(ctx, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	must(t, err)
	cfg, err := mysql.ParseDSN(srv.DSN("admin", name))
	must(t, err)
	cfg.ParseTime = true
	return name, cfg.FormatDSN()
}

// within is the test's context with a limit, so that what hangs ends with a name.
func within(t *testing.T, limit time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeoutCause(t.Context(), limit, fmt.Errorf("the test's limit of %v has passed", limit))
	t.Cleanup(cancel)
	return ctx
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
