package sessiontest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// kill kills a connection and waits until the server has none of that number.
func kill(ctx context.Context, t testing.TB, srv *lab.Server, id string) {
	t.Helper()
	admin(t, srv, "KILL CONNECTION "+id)
	until(ctx, t, "connection "+id+" is gone", func() bool {
		return len(listed(ctx, t, srv, "SELECT id FROM information_schema.processlist WHERE id = ?", id)) == 0
	})
}

// killAll kills all connections of the app user to the database of dsn's session.
func killAll(ctx context.Context, t testing.TB, srv *lab.Server, schema string) {
	t.Helper()
	for _, id := range listed(ctx, t, srv, "SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = ?", schema) {
		kill(ctx, t, srv, id)
	}
}

func TestIdleBackendKilledIsNotNoticed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(3))
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	schema := text(ctx, t, db, "SELECT DATABASE()")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+03:00'")
	stmt, err := conn.PrepareContext(ctx, "INSERT INTO t VALUES (?)")
	must(t, err)
	for i := range 20 {
		openAll(ctx, t, db, 3)
		killAll(ctx, t, shared(t), schema)
		switch i % 4 {
		case 0:
			exec(ctx, t, db, "INSERT INTO t VALUES (?)", i)
		case 1:
			exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
		case 2:
			_, err := stmt.ExecContext(ctx, i)
			must(t, err)
		case 3:
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (?)", i)
			must(t, tx.Commit())
		}
		want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+03:00")
	}
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "20")
}

func TestReadIsRepeatedWhenItsBackendIsKilled(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	lock := hold(ctx, t, stock(t, dsn))
	exec(ctx, t, lock, "LOCK TABLES t WRITE")
	done := make(chan error, 1)
	go func() { done <- readAll(ctx, db, "SELECT COUNT(*) FROM t /* mark */") }()
	until(ctx, t, "it waits", func() bool { return running(ctx, t, shared(t), "mark") == 1 })
	kill(ctx, t, shared(t), listed(ctx, t, shared(t), "SELECT id FROM information_schema.processlist WHERE user = 'app' AND info LIKE '%mark%'")[0])
	until(ctx, t, "it is repeated", func() bool { return c.Sessions().Retries == 1 })
	exec(ctx, t, lock, "UNLOCK TABLES")
	must(t, <-done)
}

// killRunning kills the connection on which a statement with the mark runs, once. The test waits for it.
func killRunning(ctx context.Context, t testing.TB, mark string) {
	t.Helper()
	var wait sync.WaitGroup
	t.Cleanup(wait.Wait)
	wait.Go(func() {
		err := lab.Until(ctx, mark+" is killed", func(ctx context.Context) (bool, error) {
			var id string
			err := shared(t).Admin().QueryRowContext(ctx, "SELECT id FROM information_schema.processlist WHERE user = 'app' AND state = 'User sleep' AND info LIKE ?", "%"+mark+"%").Scan(&id)
			if err == nil {
				_, err = shared(t).Admin().ExecContext(ctx, "KILL CONNECTION "+id)
			}
			return err == nil, err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWriteIsNeverRepeatedWhenItsBackendIsKilled(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT, s INT) ENGINE=InnoDB")
	exec(ctx, t, db, "CREATE FUNCTION inserts(n INT) RETURNS INT BEGIN INSERT INTO t VALUES (2, n); RETURN n; END")
	for i, query := range []string{
		"INSERT INTO t SELECT 0, SLEEP(60) /* mark */", "INSERT INTO t VALUES (?, SLEEP(60)) /* mark */",
		byFamily("INSERT INTO t VALUES (1, SLEEP(60)) RETURNING id /* mark */", "SELECT inserts(SLEEP(60)) /* mark */"),
	} {
		killRunning(ctx, t, "mark")
		var err error
		switch i {
		case 0:
			_, err = db.ExecContext(ctx, query)
		case 1:
			_, err = db.ExecContext(ctx, query, i)
		case 2:
			err = readAll(ctx, db, query)
		}
		if number(err) != 1927 { // that says: killed, and so rolled back
			wantCause(t, query, err, mysqlpool.ErrOutcomeUnknown)
		}
	}
	if n := c.Sessions().Retries; n != 0 {
		t.Errorf("retries = %d, want 0", n)
	}
	until(ctx, t, "no statement runs", func() bool { return running(ctx, t, shared(t), "mark") == 0 })
	want(t, "rows", text(ctx, t, db, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), byFamily("NULL", "0,1")) // on MySQL a killed SLEEP() is over, and the statement goes on
}

func TestTransactionWhoseBackendIsKilledIsRefused(t *testing.T) {
	for _, idle := range []bool{true, false} {
		t.Run(fmt.Sprintf("idle=%v", idle), func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			db, _ := open(t, database(t), weir.WithMaxOpen(3))
			exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
			conn := hold(ctx, t, db)
			exec(ctx, t, conn, "SET time_zone = '+04:00'")
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			if idle {
				kill(ctx, t, shared(t), text(ctx, t, tx, "SELECT CONNECTION_ID()"))
			} else {
				killRunning(ctx, t, "mark")
			}
			_, err = tx.ExecContext(ctx, "INSERT INTO t SELECT SLEEP(1) /* mark */")
			wantCause(t, "first error", err, mysqlpool.ErrSessionLost)
			_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (3)")
			wantCause(t, "error of a later statement", err, mysqlpool.ErrSessionLost)
			err = tx.QueryRowContext(ctx, "SELECT 1").Scan(new(int))
			wantCause(t, "error of a later query", err, mysqlpool.ErrSessionLost)
			must(t, tx.Rollback())
			want(t, "rows", text(ctx, t, conn, "SELECT COUNT(*) FROM t"), "0")
			want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+04:00")
			exec(ctx, t, conn, "INSERT INTO t VALUES (4)")
			want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "1")
		})
	}
}

func TestEndOfATransactionIsWhatNoticesThatItsBackendIsDead(t *testing.T) {
	for _, end := range []string{"Rollback", "Commit"} {
		t.Run(end, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			db, _ := open(t, database(t), weir.WithMaxOpen(3))
			exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
			conn := hold(ctx, t, db)
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			kill(ctx, t, shared(t), text(ctx, t, tx, "SELECT CONNECTION_ID()"))
			if end == "Rollback" {
				must(t, tx.Rollback())
			} else if err := tx.Commit(); !isCause(err, mysqlpool.ErrSessionLost) && !isCause(err, mysqlpool.ErrOutcomeUnknown) {
				t.Errorf("Commit = %v, want one of session lost or outcome unknown", err)
			}
			want(t, "rows, asked on the same session", text(ctx, t, conn, "SELECT COUNT(*) FROM t"), "0")
		})
	}
}

func TestTransactionByTextWhoseBackendIsKilledIsRefused(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(3))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	conn := hold(ctx, t, db)
	for _, end := range []string{"ROLLBACK", "COMMIT"} {
		exec(ctx, t, conn, "BEGIN")
		exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
		kill(ctx, t, shared(t), text(ctx, t, conn, "SELECT CONNECTION_ID()"))
		_, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (2)")
		wantCause(t, "first error", err, mysqlpool.ErrSessionLost)
		_, err = conn.ExecContext(ctx, "INSERT INTO t VALUES (3)")
		wantCause(t, "later error", err, mysqlpool.ErrSessionLost)
		_, err = conn.ExecContext(ctx, end)
		if end == "COMMIT" {
			wantCause(t, "COMMIT", err, mysqlpool.ErrSessionLost)
			_, err = conn.ExecContext(ctx, "ROLLBACK")
		}
		must(t, err)
		want(t, "rows", text(ctx, t, conn, "SELECT COUNT(*) FROM t"), "0")
	}
}

func TestPinnedSessionWhoseBackendIsKilledIsRefusedUntilCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @a = 1")
	kill(ctx, t, shared(t), text(ctx, t, conn, "SELECT CONNECTION_ID()"))
	for _, query := range []string{"SELECT @a", "SELECT 1", "ROLLBACK", "INSERT INTO t VALUES (1)", "SET @a = 2"} {
		_, err := conn.ExecContext(ctx, query)
		wantCause(t, query, err, mysqlpool.ErrSessionLost)
	}
	_, err := conn.BeginTx(ctx, nil)
	wantCause(t, "BeginTx", err, mysqlpool.ErrSessionLost)
	must(t, conn.Close())
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	want(t, "@a of the next session", text(ctx, t, db, "SELECT @a"), "NULL")
	wantFree(ctx, t, c)
}

func TestTwentySessionsLiveThroughTheEndOfTheirServer(t *testing.T) {
	for name, end := range map[string]func(context.Context, *lab.Server) error{
		"restart": func(ctx context.Context, srv *lab.Server) error { return srv.Restart(ctx) },
		"kill -9": func(ctx context.Context, srv *lab.Server) error { return errors.Join(srv.Kill9(), srv.Restart(ctx)) },
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 60*time.Second)
			srv := start(t, lab.Config{})
			db, _ := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(5), weir.WithMaxWait(20*time.Second))
			exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
			stop, cancel := context.WithCancel(ctx)
			defer cancel()
			var callers sync.WaitGroup
			for i := range 20 {
				conn := hold(ctx, t, db)
				exec(ctx, t, conn, fmt.Sprintf("SET time_zone = '+00:%02d'", i))
				callers.Go(func() { workThroughFaults(ctx, stop, t, conn, i) })
			}
			until(ctx, t, "they work", func() bool {
				var n int
				err := srv.Admin().QueryRowContext(ctx, "SELECT COUNT(*) FROM app.t").Scan(&n)
				return err == nil && n > 100
			})
			must(t, end(ctx, srv))
			before := text(ctx, t, db, "SELECT COUNT(*) FROM t")
			until(ctx, t, "they work again", func() bool { return text(ctx, t, db, "SELECT COUNT(*) FROM t") != before })
			cancel()
			callers.Wait()
		})
	}
}

// workThroughFaults inserts rows on one session until stop ends, and asserts that its setting stays, that each acknowledged row is there
// and that errors say what may be done about them.
func workThroughFaults(ctx, stop context.Context, t *testing.T, conn *sql.Conn, me int) {
	for n := me; stop.Err() == nil; n += 20 {
		_, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (?)", n)
		if errors.Is(err, driver.ErrBadConn) {
			t.Errorf("an error for database/sql alone came up: %v", err)
		}
		known := err == nil || number(err) != 0
		if !known && !errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("session %d: %v", me, err)
		}
		var zone string
		var there int
		err2 := conn.QueryRowContext(ctx, "SELECT @@time_zone, (SELECT COUNT(*) FROM t WHERE id = ?)", n).Scan(&zone, &there)
		if err2 != nil {
			t.Errorf("session %d: %v", me, err2)
			return
		}
		if zone != fmt.Sprintf("+00:%02d", me) {
			t.Errorf("time_zone of session %d = %q", me, zone)
		}
		if err == nil && there != 1 {
			t.Errorf("acknowledged row %d is missing", n)
		}
	}
}

func TestResetConnectionsAreNotNoticed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	proxy, dsn := through(t, shared(t), database(t))
	db, _ := open(t, dsn, weir.WithMaxOpen(3))
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	for i := range 20 {
		openAll(ctx, t, db, 3)
		proxy.ResetAll()
		until(ctx, t, "the proxy has closed", func() bool { return proxy.Open() == 0 })
		if i%2 == 0 {
			want(t, "answer", text(ctx, t, db, "SELECT ?", i), fmt.Sprint(i))
		} else if _, err := db.ExecContext(ctx, "INSERT INTO t VALUES (1)"); err != nil {
			wantCause(t, "INSERT", err, mysqlpool.ErrOutcomeUnknown) // the reset may be under way still
		}
	}
}

func TestNoErrorMakesDatabaseSQLRunTheStatementAgain(t *testing.T) {
	ctx := within(t, 30*time.Second)
	proxy, dsn := through(t, shared(t), database(t))
	db, c := open(t, dsn, weir.WithMaxOpen(2), weir.WithMaxWait(50*time.Millisecond))
	exec(ctx, t, db, "DO 1")
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	var resets sync.WaitGroup
	resets.Go(func() {
		for stop.Err() == nil {
			proxy.ResetAll()
		}
	})
	failed := 0
	for i := range 300 {
		before := c.Stats()
		err := readAll(ctx, db, "SELECT ?", i)
		if errors.Is(err, driver.ErrBadConn) {
			t.Errorf("call %d: %v", i, err)
		}
		if after := c.Stats(); after.Timeouts > before.Timeouts+1 {
			t.Errorf("call %d waited %d times: %v", i, after.Timeouts-before.Timeouts, err)
		}
		if err != nil {
			failed++
		}
	}
	cancel()
	resets.Wait()
	t.Logf("%d of 300 failed", failed)
}

func TestPinThatDiesWithATransactionDoesNotOutliveIt(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	for _, pin := range []string{"SET @a = 1", "SELEC 1", "CREATE TEMPORARY TABLE m (id INT)", "DO GET_LOCK('a', 0)"} {
		exec(ctx, t, conn, "BEGIN")
		kill(ctx, t, shared(t), text(ctx, t, conn, "SELECT CONNECTION_ID()"))
		_, err := conn.ExecContext(ctx, pin)
		wantCause(t, pin, err, mysqlpool.ErrSessionLost)
		exec(ctx, t, conn, "ROLLBACK")
		exec(ctx, t, conn, "DO 1")
	}
	if n := len(c.Sessions().Pinned); n != 0 {
		t.Errorf("%d sessions are pinned, want none", n)
	}
}
