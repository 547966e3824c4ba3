package clustertest_test

import (
	"context"
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

func options(more []mysqlpool.Option) []mysqlpool.Option {
	return append([]mysqlpool.Option{
		weir.WithLogger(slog.New(slog.DiscardHandler)), weir.WithMaxOpen(8), weir.WithMinIdle(2), mysqlpool.WithRole(mysqlpool.Primary),
	}, more...)
}

// stopWithin is how long a server may take to end. MySQL waits for almost a minute where COMMITs wait for the group that the server has left;
// service managers have their limits, too.
const stopWithin = 10 * time.Second

// stop ends the server in an orderly way, or at once when it takes too long.
func stop(ctx context.Context, srv *lab.Server) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := srv.Stop(ctx); srv.Running() {
		return err
	}
	return nil
}

// openDB opens a DB over sessions that must close in order when the test ends.
func openDB(ctx context.Context, t *testing.T, dsn string, more ...mysqlpool.Option) *sql.DB {
	t.Helper()
	db, err := mysqlpool.Open(ctx, dsn, options(more)...)
	labtest.Must(t, err)
	t.Cleanup(func() { labtest.Must(t, db.Close()) })
	return db
}

// openPool makes a pool of connections that must close in order when the test ends.
func openPool(ctx context.Context, t *testing.T, dsn string, more ...mysqlpool.Option) *mysqlpool.Pool {
	t.Helper()
	pool, err := mysqlpool.New(ctx, dsn, options(more)...)
	labtest.Must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		labtest.Must(t, pool.Close(ctx))
	})
	return pool
}
