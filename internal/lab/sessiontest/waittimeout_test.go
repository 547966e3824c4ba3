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

// What a session sends on a backend that it held for longer than wait_timeout was not executed. MySQL says so with 4031; MariaDB hangs up, and
// of what changes something nobody can tell.
func TestSessionsThatHoldABackendBeyondWaitTimeout(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{WaitTimeout: time.Second})
	admin(t, srv, "CREATE TABLE app.t (id INT)")
	gone := func() {
		t.Helper()
		must(t, lab.Until(ctx, "the server has closed what is idle", func(ctx context.Context) (bool, error) {
			n, err := srv.Processes(ctx, "app")
			return n == 0, err
		}))
	}
	said := labtest.Kind() == lab.MySQL
	wantLost := func(t *testing.T, err error, class mysqlpool.Class) {
		t.Helper()
		unknown := errors.Is(err, mysqlpool.ErrOutcomeUnknown)
		if !errors.Is(err, mysqlpool.ErrSessionLost) && !unknown || said && (unknown || number(err) != 4031 || mysqlpool.Classify(err) != class) {
			t.Errorf("error %v, class %v, want one that says that the session is lost", err, mysqlpool.Classify(err))
		}
	}
	t.Run("nothing is held", func(t *testing.T) {
		db, _ := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1))
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "SET time_zone = '+03:00'")
		gone()
		exec(ctx, t, conn, "DELETE FROM t")
		want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+03:00")
	})
	t.Run("pinned", func(t *testing.T) {
		db, _ := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1))
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "SET @x = 1")
		gone()
		_, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
		wantLost(t, err, mysqlpool.NotSent)
		must(t, conn.Close())
		want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	})
	for name, step := range map[string]func(tx *sql.Tx) error{
		"statement in a transaction": func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (2)"); return err },
		"COMMIT":                     func(tx *sql.Tx) error { return tx.Commit() },
	} {
		t.Run(name, func(t *testing.T) {
			db, _ := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1))
			tx := begin(ctx, t, db)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			gone()
			wantLost(t, step(tx), mysqlpool.RolledBack)
			tx.Rollback() // of what is lost already
			want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
		})
	}
}
