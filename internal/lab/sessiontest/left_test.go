package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// soon is a context that ends while the server does not answer.
func soon(ctx context.Context, t *testing.T) context.Context {
	t.Helper()
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	t.Cleanup(cancel)
	return short
}

// wantLeft asserts that err is that of a write whose caller did not wait for the answer.
func wantLeft(t *testing.T, what string, err error) {
	t.Helper()
	wantCause(t, what, err, mysqlpool.ErrOutcomeUnknown)
	wantCause(t, what, err, context.DeadlineExceeded)
}

func TestAWriteThatWasExecutedIsNotSaidToBeCanceledAlone(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "DO 1")
	s.proxy.Stall(true)
	_, err := conn.ExecContext(soon(ctx, t), "INSERT INTO t VALUES (1)")
	wantLeft(t, "INSERT", err)
	s.proxy.Stall(false)
	wantFree(ctx, t, s.c)
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
	if n := text(ctx, t, s.stock, "SELECT COUNT(*) FROM t WHERE id = 2"); n != "1" {
		t.Errorf("%s rows of the next statement", n)
	}
}

func TestARoutineOfAnotherDefinerHasAnUnknownOutcome(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	admin(t, srv, "CREATE TABLE app.t (id INT)")
	admin(t, srv, "CREATE PROCEDURE app.slow() SQL SECURITY DEFINER BEGIN DO SLEEP(1); INSERT INTO app.t VALUES (77); END")
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1))
	exec(ctx, t, db, "DO 1")
	_, err := db.ExecContext(soon(ctx, t), "CALL slow()")
	wantLeft(t, "CALL", err)
	until(ctx, t, "its row is there", func() bool { return text(ctx, t, srv.Admin(), "SELECT COUNT(*) FROM app.t") == "1" })
	wantFree(ctx, t, c)
}

func TestNothingIsUnknownWhereNothingChanges(t *testing.T) {
	ctx := within(t, 60*time.Second)
	s := newSevered(ctx, t, weir.WithMaxWait(300*time.Millisecond))
	for _, query := range []string{"BEGIN", "START TRANSACTION", "DO 1", "DO SLEEP(0)", "SAVEPOINT a", "SELECT id FROM t FOR UPDATE", "SET time_zone = '+01:00'", "SELECT SLEEP(0)", "ROLLBACK"} {
		conn := hold(ctx, t, s.db)
		err := s.lose(func() error { _, err := conn.ExecContext(ctx, query); return err })
		if errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("%s: %v", query, err)
		}
		s.proxy.Stall(true)
		_, err = conn.ExecContext(soon(ctx, t), query)
		s.proxy.Stall(false)
		if errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("%s that was left: %v", query, err)
		}
		must(t, conn.Close())
		until(ctx, t, "statements run again", func() bool { _, err := s.db.ExecContext(ctx, "DO 1"); return err == nil })
	}
	err := s.lose(func() error {
		tx, err := s.db.BeginTx(ctx, nil)
		if err == nil {
			tx.Rollback()
		}
		return err
	})
	if errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
		t.Errorf("BeginTx: %v", err)
	}
}

func TestATransactionGoesOnAfterAStatementThatWasLeft(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	tx, err := s.db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	s.proxy.Stall(true)
	_, err = tx.ExecContext(soon(ctx, t), "SELECT 1")
	wantIs(t, "a read", err, context.DeadlineExceeded)
	_, err = tx.ExecContext(soon(ctx, t), "INSERT INTO t VALUES (2)")
	wantIs(t, "the next one, which waits for its end", err, context.DeadlineExceeded)
	s.proxy.Stall(false)
	exec(ctx, t, tx, "INSERT INTO t VALUES (3)")
	must(t, tx.Commit())
	want(t, "rows", text(ctx, t, s.stock, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), "1,3")
	wantFree(ctx, t, s.c)
}

func TestACommitThatWasLeftIsUnknownAndItsSessionGoesOn(t *testing.T) {
	for name, begin := range map[string]func(context.Context, *testing.T, *sql.Conn) func() error{
		"Tx": func(ctx context.Context, t *testing.T, conn *sql.Conn) func() error {
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			return tx.Commit
		},
		"text": func(ctx context.Context, t *testing.T, conn *sql.Conn) func() error {
			exec(ctx, t, conn, "BEGIN")
			exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
			return func() error { _, err := conn.ExecContext(ctx, "COMMIT"); return err }
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			s := newSevered(ctx, t)
			conn := hold(ctx, t, s.db)
			short, cancel := context.WithCancel(ctx)
			defer cancel()
			commit := begin(short, t, conn)
			s.proxy.Stall(true)
			timer := time.AfterFunc(50*time.Millisecond, cancel)
			defer timer.Stop()
			err := commit()
			wantCause(t, "COMMIT", err, mysqlpool.ErrOutcomeUnknown)
			s.proxy.Stall(false)
			until(ctx, t, "it is committed", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
			exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
			want(t, "rows, which are not in a transaction", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"), "2")
			must(t, conn.Close())
			wantFree(ctx, t, s.c)
		})
	}
}

func TestARollbackThatWasLeftIsDoneBehind(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := conn.BeginTx(short, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	s.proxy.Stall(true)
	cancel()
	tx.Rollback() // database/sql may have done it
	s.proxy.Stall(false)
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
	until(ctx, t, "only what came after is there", func() bool { return text(ctx, t, s.stock, "SELECT GROUP_CONCAT(id) FROM t") == "2" })
	must(t, conn.Close())
	wantFree(ctx, t, s.c)
}

// What the text did before it failed stays on the connection, and a reset does not take all of it away.
func TestATextThatFailsBehindXALeavesNothingToOthers(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c := open(t, dsn+"?multiStatements=true", weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	xid := nameOf(t, dsn)
	t.Cleanup(func() { shared(t).Admin().Exec("XA ROLLBACK '" + xid + "'") }) // DROP DATABASE would wait for it
	_, err := db.ExecContext(ctx, "XA BEGIN '"+xid+"'; INSERT INTO t VALUES (1); XA END '"+xid+"'; XA PREPARE '"+xid+"'; SELEC 1")
	if number(err) != 1064 {
		t.Fatalf("error = %v, want 1064", err)
	}
	wantFree(ctx, t, c)
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "INSERT INTO t VALUES (2)")
	must(t, tx.Commit())
	want(t, "rows", text(ctx, t, db, "SELECT GROUP_CONCAT(id) FROM t"), "2")
}

func TestRowsThatFailLateComeBeforeTheirError(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10))")
	exec(ctx, t, db, "INSERT INTO t SELECT seq, seq FROM "+sequence(t, 100))
	const query = "SELECT id, IF(id = 50, (SELECT id FROM t), 0) FROM t ORDER BY id"
	type outcome struct {
		rows   int
		number uint16
	}
	read := func(db *sql.DB) (o outcome) {
		rows, err := db.QueryContext(ctx, query)
		if err != nil {
			return outcome{-1, number(err)}
		}
		defer rows.Close()
		for rows.Next() {
			o.rows++
		}
		o.number = number(rows.Err())
		return o
	}
	if got, want := read(db), read(stock(t, dsn)); got != want {
		t.Errorf("rows and error = %v, want %v as the driver has it", got, want)
	}
	wantFree(ctx, t, c)
}

func TestCloseDoesNotWaitForIdlePins(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c, _ := openOnly(t, dsn, mysqlpool.WithDrainTimeout(time.Hour))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @a = 1")
	waits := hold(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, db)
	exec(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, waits, "DO 1")
	wantInUse(t, c.Shutdown(ctx), 2) // it returns at all
	_, err := conn.ExecContext(ctx, "SELECT @a")
	wantCause(t, "a statement of the pinned session", err, mysqlpool.ErrSessionLost)
	wantCause(t, "a statement of the pinned session", err, weir.ErrClosed)
	_, err = waits.ExecContext(ctx, "DO 1")
	wantCause(t, "a statement of the other", err, weir.ErrClosed)
	must(t, conn.Close())
	must(t, waits.Close())
	must(t, db.Close())
}

func TestCloseWaitsForATransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c, _ := openOnly(t, dsn, mysqlpool.WithDrainTimeout(time.Hour))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	closed := make(chan error, 1)
	go func() { closed <- c.Shutdown(ctx) }()
	until(ctx, t, "it closes", func() bool { return c.Stats().Closed })
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	exec(ctx, t, tx, "SET @a = 1")
	must(t, tx.Commit())
	must(t, <-closed) // the pin that is left does not count
	want(t, "rows", text(ctx, t, stock(t, dsn), "SELECT COUNT(*) FROM t"), "1")
	must(t, db.Close())
}

func TestTheNumberOfASessionOutlivesAStatementThatWasLeft(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t, mysqlpool.WithoutSearch())
	exec(ctx, t, s.stock, "CREATE TABLE n (id INT PRIMARY KEY AUTO_INCREMENT) AUTO_INCREMENT = 4711")
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "INSERT INTO n VALUES ()")
	want(t, "number", text(ctx, t, conn, "SELECT LAST_INSERT_ID()"), "4711")
	s.proxy.Stall(true)
	_, err := conn.ExecContext(soon(ctx, t), "DO SLEEP(0)")
	s.proxy.Stall(false)
	wantIs(t, "a statement that was left", err, context.DeadlineExceeded)
	want(t, "number", text(ctx, t, conn, "SELECT LAST_INSERT_ID()"), "4711")
	s.proxy.Stall(true)
	_, err = conn.ExecContext(soon(ctx, t), "INSERT INTO n VALUES ()")
	s.proxy.Stall(false)
	wantLeft(t, "INSERT", err)
	var id string
	var sticky *mysqlpool.StickyError
	if err := conn.QueryRowContext(ctx, "SELECT LAST_INSERT_ID()").Scan(&id); !errors.As(err, &sticky) {
		t.Errorf("number after an INSERT that may have been executed = %s, %v, want a StickyError", id, err)
	}
}
