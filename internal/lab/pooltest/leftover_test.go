package pooltest_test

import (
	"bytes"
	"context"
	"database/sql"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// A diary is what a pool logs, safe to read meanwhile.
type diary struct {
	mu   sync.Mutex // guards the field below
	text bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

// onNewAndWrap runs a test on a pool of one connection of either kind.
func onNewAndWrap(t *testing.T, srv *lab.Server, params string, test func(t *testing.T, pool *mysqlpool.Pool, log *diary), opts ...mysqlpool.Option) {
	dsn := srv.DSN("app", "app") + params
	for kind, start := range map[string]func(...mysqlpool.Option) (*mysqlpool.Pool, error){
		"New": func(opts ...mysqlpool.Option) (*mysqlpool.Pool, error) {
			return mysqlpool.New(t.Context(), dsn, opts...)
		},
		"Wrap": func(opts ...mysqlpool.Option) (*mysqlpool.Pool, error) {
			return mysqlpool.Wrap(t.Context(), labtest.Stock(t, dsn), opts...)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			log := &diary{}
			pool, err := start(append([]mysqlpool.Option{weir.WithMaxOpen(1), weir.WithMaxWait(20 * time.Second), weir.WithCloseTimeout(time.Second),
				weir.WithLogger(slog.New(slog.NewTextHandler(log, nil)))}, opts...)...)
			must(t, err)
			defer closePool(t, pool)
			test(t, pool, log)
		})
	}
}

func execOn(ctx context.Context, t testing.TB, conn *sql.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

func answer(ctx context.Context, t testing.TB, conn *sql.Conn, query string) (s sql.NullString) {
	t.Helper()
	must(t, conn.QueryRowContext(ctx, query).Scan(&s))
	return s
}

func TestATransactionLeftOpenNeverReachesTheNextBorrower(t *testing.T) {
	ctx := within(t, 120*time.Second)
	srv := start(t, lab.Config{})
	exec(ctx, t, labtest.Stock(t, srv.DSN("app", "app")), "CREATE TABLE t (id INT) ENGINE=InnoDB")
	nothing := func() {}
	for name, c := range map[string]struct {
		leave func(t *testing.T, conn *sql.Conn) (end func()) // leaves a row behind; end does what the borrower does too late
		named uint64
		kept  bool // the connection is lent again
	}{
		"BEGIN": {func(t *testing.T, conn *sql.Conn) func() {
			execOn(ctx, t, conn, "BEGIN", "INSERT INTO t VALUES (1)")
			return nothing
		}, 1, true},
		"autocommit off": {func(t *testing.T, conn *sql.Conn) func() {
			execOn(ctx, t, conn, "SET autocommit = 0", "INSERT INTO t VALUES (1)")
			return nothing
		}, 1, true},
		"BeginTx": {func(t *testing.T, conn *sql.Conn) func() {
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (1)")
			must(t, err)
			return func() { tx.Rollback() } // its error does not matter: what must not happen is seen at the other one
		}, 1, false},
		"BeginTx, rolled back": {func(t *testing.T, conn *sql.Conn) func() {
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (1)")
			must(t, err)
			must(t, tx.Rollback())
			return nothing
		}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			onNewAndWrap(t, srv, "", func(t *testing.T, pool *mysqlpool.Pool, log *diary) {
				lease, err := pool.Acquire(ctx) // this line is named
				must(t, err)
				first, err := connectionID(ctx, lease.Value())
				must(t, err)
				late := c.leave(t, lease.Value())
				lease.Release()

				next := acquire(ctx, t, pool)
				second, err := connectionID(ctx, next.Value())
				must(t, err)
				if kept := first == second; kept != c.kept {
					t.Errorf("the connection was lent again: %t, want %t", kept, c.kept)
				}
				if n := answer(ctx, t, next.Value(), "SELECT COUNT(*) FROM t").String; n != "0" {
					t.Errorf("the next borrower sees %s rows of a transaction that is not his", n)
				}
				execOn(ctx, t, next.Value(), "SET autocommit = 1", "BEGIN", "INSERT INTO t VALUES (2)")
				late()
				execOn(ctx, t, next.Value(), "COMMIT")
				if n := answer(ctx, t, next.Value(), "SELECT COUNT(*) FROM t").String; n != "1" {
					t.Errorf("%s rows, want the 1 that the next borrower committed", n)
				}
				execOn(ctx, t, next.Value(), "DELETE FROM t")
				next.Release()

				if n := pool.LeftTransactions(); n != c.named {
					t.Errorf("%d transactions left open, want %d", n, c.named)
				}
				said := regexp.MustCompile(`a borrower left a transaction open.*borrowed_at=leftover_test\.go:\d+`).MatchString(log.String())
				if said != (c.named > 0) {
					t.Errorf("the log names the line: %t, want %t:\n%s", said, c.named > 0, log)
				}
			})
		})
	}
}

// database/sql rolls a transaction back in a goroutine of its own when its context ends; its borrower has done nothing wrong.
func TestATransactionWhoseContextEndedIsNotLeftOpen(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	onNewAndWrap(t, srv, "", func(t *testing.T, pool *mysqlpool.Pool, log *diary) {
		for range 20 {
			lease := acquire(ctx, t, pool)
			short, cancel := context.WithCancel(ctx)
			_, err := lease.Value().BeginTx(short, nil)
			must(t, err)
			cancel()
			lease.Release()
			must(t, pool.Do(ctx, selectOne))
		}
		if n := pool.LeftTransactions(); n != 0 {
			t.Errorf("%d transactions left open, want 0:\n%s", n, log)
		}
	})
}

// A transaction of a driver that others have wrapped does not show in the flags, but it shows that database/sql has one.
func TestATransactionLeftOpenOnAnInstrumentedDriverIsNotLentOn(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	db, _ := instrumented(t, srv.DSN("app", "app"))
	pool, err := mysqlpool.Wrap(ctx, db, quiet([]mysqlpool.Option{weir.WithMaxOpen(2), weir.WithCloseTimeout(time.Second)})...)
	must(t, err)
	defer closePool(t, pool)
	lease := acquire(ctx, t, pool)
	first, err := connectionID(ctx, lease.Value())
	must(t, err)
	tx, err := lease.Value().BeginTx(ctx, nil)
	must(t, err)
	lease.Release()
	until(ctx, t, "it is taken out", func() bool { return pool.Stats().Retired[weir.RetiredError] == 1 })
	for range 2 {
		lease := acquire(ctx, t, pool)
		defer lease.Release()
		if id, err := connectionID(ctx, lease.Value()); err != nil || id == first {
			t.Errorf("lent connection %d, %v, which is the one with the transaction", id, err)
		}
	}
	must(t, tx.Rollback())
}

func TestWithResetNothingOfASessionReachesTheNextBorrower(t *testing.T) {
	ctx := within(t, 120*time.Second)
	srv := start(t, lab.Config{})
	_, err := srv.Admin().ExecContext(ctx, "CREATE DATABASE other")
	must(t, err)
	exec(ctx, t, labtest.Stock(t, srv.DSN("app", "app")), "CREATE TABLE t (id INT) ENGINE=InnoDB")
	_, err = srv.Admin().ExecContext(ctx, "GRANT ALL ON other.* TO app@'%'")
	must(t, err)
	query := "SELECT CONCAT_WS('|', CONNECTION_ID(), @x, DATABASE(), @@sql_mode, @@time_zone, @@lock_wait_timeout, @@autocommit, " +
		"@@character_set_client, @@collation_connection, @@character_set_results, IS_USED_LOCK('mine'), @@transaction_isolation)"
	if _, err := srv.Admin().ExecContext(ctx, "DO @@transaction_isolation"); err != nil { // MariaDB before 11.1
		query = strings.Replace(query, "@@transaction_isolation", "@@tx_isolation", 1)
	}
	onNewAndWrap(t, srv, "?charset=latin1&lock_wait_timeout=7", func(t *testing.T, pool *mysqlpool.Pool, _ *diary) {
		var before string
		must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
			before = answer(ctx, t, conn, query).String
			return nil
		}))
		lease := acquire(ctx, t, pool)
		stmt, err := lease.Value().PrepareContext(ctx, "SELECT 1")
		must(t, err)
		execOn(ctx, t, lease.Value(), "SET @x = 1, SESSION sql_mode = 'ANSI', time_zone = '+05:30', lock_wait_timeout = 9", "USE other",
			"SET NAMES utf8mb4 COLLATE utf8mb4_bin", "CREATE TEMPORARY TABLE tmp (id INT)", "DO GET_LOCK('mine', 0)",
			"SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE", "SET autocommit = 0", "INSERT INTO app.t VALUES (1)")
		lease.Release()
		next := acquire(ctx, t, pool)
		if after := answer(ctx, t, next.Value(), query).String; after != before {
			t.Errorf("the session is\n%s, it was\n%s", after, before)
		}
		if _, err := next.Value().ExecContext(ctx, "INSERT INTO other.tmp VALUES (1)"); number(err) != 1146 {
			t.Errorf("the temporary table: %v, want error 1146", err)
		}
		if n := answer(ctx, t, next.Value(), "SELECT COUNT(*) FROM app.t").String; n != "0" {
			t.Errorf("%s rows of the last borrower's transaction", n)
		}
		stmt.Close() // too late, and harmless
		must(t, selectOne(ctx, next.Value()))
		next.Release()
		if n := pool.LeftTransactions(); n != 1 {
			t.Errorf("%d transactions left open, want 1", n)
		}
	}, mysqlpool.WithReset(), mysqlpool.WithSessionSetup("SET time_zone = '+01:00'"))
}

func TestWithResetTheSetupRunsInItsOwnDatabase(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	_, err := srv.Admin().ExecContext(ctx, "CREATE DATABASE other")
	must(t, err)
	_, err = srv.Admin().ExecContext(ctx, "GRANT ALL ON other.* TO app@'%'")
	must(t, err)
	db := labtest.Stock(t, srv.DSN("app", "app"))
	for table, value := range map[string]string{"app.config": "mine", "other.config": "theirs"} {
		exec(ctx, t, db, "CREATE TABLE "+table+" (name VARCHAR(10))")
		exec(ctx, t, db, "INSERT INTO "+table+" VALUES ('"+value+"')")
	}
	const setUp = "SET @tenant = (SELECT name FROM config)"
	pool := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1), mysqlpool.WithReset(), mysqlpool.WithSessionSetup(setUp))
	for _, query := range []string{"USE other", "DO 1", "DO 1"} {
		must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
			if got := answer(ctx, t, conn, "SELECT CONCAT(DATABASE(), ': ', @tenant)").String; got != "app: mine" {
				t.Errorf("the session has %q, want %q", got, "app: mine")
			}
			execOn(ctx, t, conn, query)
			return nil
		}))
	}
	if n := pool.Stats().Opened; n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestWithResetIsRefusedWhereItCannotBeDone(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{})
	dsn := srv.DSN("app", "app")
	db, _ := instrumented(t, dsn)
	opts := quiet([]mysqlpool.Option{mysqlpool.WithReset()})
	_, wrapped := mysqlpool.Wrap(ctx, db, opts...)
	_, compressed := mysqlpool.New(ctx, dsn+"?compress=true", opts...)
	_, sessions := mysqlpool.Open(ctx, dsn, opts...)
	for want, err := range map[string]error{
		"leave WithReset out, or use a DB without instrumentation": wrapped,
		"leave WithReset out, or compress out of the DSN":          compressed,
		"WithReset: this option is for New and Wrap":               sessions,
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one that says %q", err, want)
		}
	}
}
