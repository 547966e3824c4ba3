package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// MySQL can limit the memory of a connection, and of all together. It ends a statement that goes beyond it, and its connection.
func TestStatementsBeyondTheServersMemoryLimits(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB has no limit of memory that closes connections")
	const greedy = "SELECT LENGTH(GROUP_CONCAT(n)) FROM (WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 100000) SELECT n FROM s) x"
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{Args: []string{"--performance-schema=1", "--cte-max-recursion-depth=1000000", "--group-concat-max-len=100000000"}})
	admin(t, srv, "CREATE TABLE app.t (id INT)")
	admin(t, srv, "SET GLOBAL global_connection_memory_tracking = ON")
	admin(t, srv, "SET GLOBAL connection_memory_chunk_size = 1024")
	admin(t, srv, "SET GLOBAL connection_memory_limit = 2097152")

	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(2), mysqlpool.WithoutSearch())
	_, err := db.ExecContext(ctx, greedy)
	if number(err) != 4082 || mysqlpool.Classify(err) != mysqlpool.GoingAway {
		t.Errorf("alone: %v, class %v, want 4082, going away", err, mysqlpool.Classify(err))
	}
	if n := c.Stats().Retired[weir.RetiredError]; n != 1 {
		t.Errorf("%d connections were closed, want 1: what takes too much is not tried on another one", n)
	}
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	_, err = tx.ExecContext(ctx, greedy)
	if number(err) != 4082 || !errors.Is(err, mysqlpool.ErrSessionLost) || mysqlpool.Classify(err) != mysqlpool.RolledBack {
		t.Errorf("in a transaction: %v, class %v, want 4082, session lost, rolled back", err, mysqlpool.Classify(err))
	}
	if err := tx.Commit(); !errors.Is(err, mysqlpool.ErrSessionLost) {
		t.Errorf("COMMIT: %v, want ErrSessionLost", err)
	}
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	wantFree(ctx, t, c)

	pool, err := mysqlpool.New(ctx, srv.DSN("app", "app"))
	must(t, err)
	defer func() { must(t, pool.Close(ctx)) }()
	err = pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error { _, err := conn.ExecContext(ctx, greedy); return err })
	if number(err) != 4082 || pool.Stats().Retired[weir.RetiredError] != 1 {
		t.Errorf("a borrower got %v, %d connections were retired, want 4082 and 1", err, pool.Stats().Retired[weir.RetiredError])
	}

	searching, s := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1))
	for range 3 { // before the first one goes a search of information_schema, which takes too much
		exec(ctx, t, searching, "INSERT INTO t VALUES (1)")
	}
	want(t, "rows", text(ctx, t, searching, "SELECT COUNT(*) FROM t"), "3")
	if n := s.Stats().Retired[weir.RetiredError]; n != 1 {
		t.Errorf("%d connections were closed, want 1", n)
	}
}
