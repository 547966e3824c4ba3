package sessiontest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// A movedName is a name that leads to one of two servers; the first was demoted, the name leads to the second.
type movedName struct {
	db     *sql.DB
	c      *mysqlpool.Connector
	conn   *sql.Conn // has met 1290 in a transaction on the first
	second string    // what says which server it is
}

const whichServer = "SELECT @@port"

func newMovedName(ctx context.Context, t *testing.T, before string) movedName {
	t.Helper()
	first, second := start(t, lab.Config{}), start(t, lab.Config{})
	for _, srv := range []*lab.Server{first, second} {
		admin(t, srv, "CREATE TABLE app.t (id INT) ENGINE=InnoDB")
	}
	proxy, dsn := through(t, first, first.DSN("app", "app"))
	m := movedName{second: text(ctx, t, second.Admin(), whichServer)}
	m.db, m.c = open(t, dsn, weir.WithMaxOpen(2), mysqlpool.WithRole(mysqlpool.Primary))
	m.conn = hold(ctx, t, m.db)
	exec(ctx, t, m.conn, "BEGIN")
	exec(ctx, t, m.conn, before)
	must(t, first.SetReadOnly(ctx, true))
	proxy.SetUpstream(second.Addr())
	_, err := m.conn.ExecContext(ctx, "UPDATE t SET id = 2")
	wantNumber(t, "a write on the demoted server", err, 1290)
	return m
}

func TestABeginLeavesADemotedServer(t *testing.T) {
	for _, how := range []string{"BEGIN", "START TRANSACTION", "BeginTx"} {
		t.Run(how, func(t *testing.T) {
			ctx := within(t, 2*time.Minute)
			m := newMovedName(ctx, t, "SELECT 1")
			if how == "BeginTx" {
				tx, err := m.conn.BeginTx(ctx, nil)
				must(t, err)
				defer tx.Rollback()
			} else {
				exec(ctx, t, m.conn, how)
			}
			want(t, "server", text(ctx, t, m.conn, whichServer), m.second)
		})
	}
}

func TestABeginAfterALostWriteFailsOnceAndThenLeaves(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	m := newMovedName(ctx, t, "INSERT INTO t VALUES (1)")
	_, err := m.conn.ExecContext(ctx, "BEGIN") // which would commit
	wantNumber(t, "BEGIN over a transaction that has written", err, 1290)
	exec(ctx, t, m.conn, "BEGIN")
	want(t, "server", text(ctx, t, m.conn, whichServer), m.second)
}

func TestADemotedServerIsNotHeldForEver(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	m := newMovedName(ctx, t, "SELECT 1")
	wantFree(ctx, t, m.c)
	_, err := m.conn.ExecContext(ctx, "SELECT 1")
	wantCause(t, "a statement of the transaction that was taken back", err, mysqlpool.ErrSessionLost)
	exec(ctx, t, m.conn, "ROLLBACK")
	want(t, "server", text(ctx, t, m.conn, whichServer), m.second)
}

func TestBeginAndCommitGetASessionOutOfALoss(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	for _, end := range []string{"BEGIN", "COMMIT", "ROLLBACK", "BeginTx"} {
		conn := hold(ctx, t, s.db)
		exec(ctx, t, conn, "BEGIN")
		err := s.lose(func() error { _, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err })
		wantCause(t, "INSERT", err, mysqlpool.ErrSessionLost)
		_, err = conn.ExecContext(ctx, "SELECT 1")
		wantCause(t, "the next statement", err, mysqlpool.ErrSessionLost)
		switch end {
		case "COMMIT":
			_, err = conn.ExecContext(ctx, end)
			wantCause(t, end, err, mysqlpool.ErrSessionLost)
		case "BeginTx":
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			must(t, tx.Rollback())
		default:
			exec(ctx, t, conn, end)
		}
		exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
		exec(ctx, t, conn, "ROLLBACK")
		must(t, conn.Close())
	}
	want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t WHERE id = 1"), "0")
	want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t WHERE id = 2"), "3") // that of BEGIN was rolled back
}
