package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func TestACommitThatCouldNotBeSentLeavesNoTransactionOpen(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := conn.BeginTx(short, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	s.proxy.Stall(true)
	_, err = tx.ExecContext(soon(ctx, t), "INSERT INTO t VALUES (2)")
	wantLeft(t, "INSERT", err)
	timer := time.AfterFunc(50*time.Millisecond, cancel)
	defer timer.Stop()
	wantIs(t, "COMMIT, which waits for the INSERT's end", tx.Commit(), context.Canceled)
	s.proxy.Stall(false)
	exec(ctx, t, conn, "INSERT INTO t VALUES (3)")
	must(t, conn.Close())
	wantFree(ctx, t, s.c)
	want(t, "rows", text(ctx, t, s.stock, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), "3")
}

func TestAChainedTransactionWhoseBeginningWasLeftIsOneTransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	s.proxy.Stall(true)
	_, err := conn.ExecContext(soon(ctx, t), "COMMIT AND CHAIN")
	wantLeft(t, "COMMIT AND CHAIN", err)
	s.proxy.Stall(false)
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
	exec(ctx, t, conn, "ROLLBACK")
	must(t, conn.Close())
	wantFree(ctx, t, s.c)
	want(t, "rows", text(ctx, t, s.stock, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), "1")
}

func TestTheNumberStaysTheSessionsWhenAStatementWasLeft(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	exec(ctx, t, s.stock, "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v INT)")
	exec(ctx, t, s.stock, "INSERT INTO a (v) VALUES (1), (2), (3)")
	exec(ctx, t, s.db, "CREATE FUNCTION f() RETURNS BIGINT DETERMINISTIC RETURN LAST_INSERT_ID()")
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "INSERT INTO a (v) VALUES (4)")
	want(t, "f()", text(ctx, t, conn, "SELECT f()"), "4")
	s.proxy.Stall(true)
	_, err := conn.ExecContext(soon(ctx, t), "SELECT 1")
	wantIs(t, "SELECT 1", err, context.DeadlineExceeded)
	s.proxy.Stall(false)
	wantFree(ctx, t, s.c)
	tx := begin(ctx, t, s.db) // has the session's backend now
	defer tx.Rollback()
	want(t, "f() elsewhere", text(ctx, t, conn, "SELECT f()"), "4")
}

// An answer that comes when the statement has just been killed.
func TestAnInsertThatReturnsRowsAndWasKilledTooLateIsUnknown(t *testing.T) {
	ctx := within(t, 60*time.Second)
	s := newSevered(ctx, t)
	exec(ctx, t, s.stock, "CREATE FUNCTION inserts() RETURNS INT BEGIN INSERT INTO t VALUES (5); RETURN 5; END")
	for range 5 {
		conn := hold(ctx, t, s.db)
		exec(ctx, t, conn, "DO 1")
		short, cancel := context.WithCancel(ctx)
		s.proxy.Stall(true)
		timer := time.AfterFunc(20*time.Millisecond, func() { cancel(); s.proxy.Stall(false) })
		rows, err := conn.QueryContext(short, byFamily("INSERT INTO t VALUES (5) RETURNING id", "SELECT inserts()"))
		if err == nil { // and so it was executed: that database/sql ends the rows with their context says nothing else
			rows.Close()
		}
		timer.Stop()
		s.proxy.Stall(false)
		cancel()
		must(t, conn.Close())
		wantFree(ctx, t, s.c)
		if text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" && err != nil && !errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Fatalf("the row is there, and the error is %v", err)
		}
		exec(ctx, t, s.stock, "DELETE FROM t")
	}
}

func TestAProcedureThatWasKilledHalfwayIsUnknown(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	numbers := sequence(t, 100000)
	exec(ctx, t, s.stock, "CREATE PROCEDURE slow() BEGIN DECLARE n DOUBLE; INSERT INTO t VALUES (1); "+
		"SELECT SUM(a.seq * b.seq) INTO n FROM "+numbers+" a, "+numbers+" b; END")
	exec(ctx, t, s.db, "DO 1")
	_, err := s.db.ExecContext(soon(ctx, t), "CALL slow()")
	wantLeft(t, "CALL", err)
	wantFree(ctx, t, s.c)
	want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"), "1")
}

// Whichever answer is lost, that to weir's own statement before or that to the text.
func TestWhatFollowsAStatementOfTheSessionInOneTextIsNotRepeated(t *testing.T) {
	ctx := within(t, 60*time.Second)
	dsn := database(t)
	proxy, behind := through(t, shared(t), dsn+"?multiStatements=true")
	db, c := open(t, behind, weir.WithMaxOpen(2), weir.WithMaxWait(100*time.Millisecond))
	plain := stock(t, dsn)
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	must(t, readAll(ctx, db, "SELECT * FROM t"))
	for _, query := range []string{"SET @a = 1; INSERT INTO t VALUES (1)", "HANDLER t OPEN; INSERT INTO t VALUES (1)", "SET TRANSACTION READ WRITE; INSERT INTO t VALUES (1)"} {
		for n := uint64(1); n < 24; n += 4 {
			until(ctx, t, "statements run", func() bool { _, err := db.ExecContext(ctx, "DO 1"); return err == nil })
			conn := hold(ctx, t, db)
			proxy.CutAfter(n)
			_, err := conn.ExecContext(ctx, query)
			proxy.CutNever()
			must(t, conn.Close())
			wantFree(ctx, t, c)
			rows := text(ctx, t, plain, "SELECT COUNT(*) FROM t")
			if rows != "0" && (rows != "1" || err != nil && !errors.Is(err, mysqlpool.ErrOutcomeUnknown)) {
				t.Errorf("%s, cut after %d bytes: %s rows, error %v", query, n, rows, err)
			}
			exec(ctx, t, plain, "TRUNCATE t")
		}
	}
}

func TestShutdownDoesNotWaitForWhoLooksAtARow(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, _ := openOnly(t, database(t), mysqlpool.WithKillTimeout(500*time.Millisecond))
	short, cancel := context.WithCancel(ctx)
	rows, err := db.QueryContext(short, large(t))
	must(t, err)
	if !rows.Next() {
		t.Fatal(rows.Err())
	}
	var raw sql.RawBytes
	must(t, rows.Scan(&raw)) // database/sql leaves it alone until its user goes on
	cancel()
	wantShutdown(ctx, t, c)
	rows.Close()
	db.Close()
}

func TestShutdownDoesNotWaitForAReaderOfLoadData(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	exec(ctx, t, stock(t, dsn), "CREATE TABLE t (id INT)")
	from, to := io.Pipe()
	mysql.RegisterReaderHandler(t.Name(), func() io.Reader { return from })
	defer mysql.DeregisterReaderHandler(t.Name())
	db, c, _ := openOnly(t, dsn, mysqlpool.WithKillTimeout(500*time.Millisecond), weir.WithCloseTimeout(time.Second))
	ended := make(chan error, 1)
	go func() {
		_, err := db.ExecContext(soon(ctx, t), "LOAD DATA LOCAL INFILE 'Reader::"+t.Name()+"' INTO TABLE t")
		ended <- err
	}()
	until(ctx, t, "it is cut", func() bool { return c.Sessions().Cuts > 0 })
	wantShutdown(ctx, t, c)
	must(t, to.Close())
	<-ended
	db.Close()
}

// wantShutdown asserts that Shutdown returns although somebody never goes on.
func wantShutdown(ctx context.Context, t *testing.T, c *mysqlpool.Connector) {
	t.Helper()
	stop, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- c.Shutdown(stop) }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Error("Shutdown hangs")
	}
}

// The rows' own context never ends, but database/sql's Commit and Rollback wait for them.
func TestRowsOfATransactionEndWithIt(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	query := large(t)
	for name, end := range map[string]func(*sql.Tx) error{"Commit": (*sql.Tx).Commit, "Rollback": (*sql.Tx).Rollback} {
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		tx, err := s.db.BeginTx(short, nil)
		must(t, err)
		rows, err := tx.QueryContext(ctx, query)
		must(t, err)
		rows.Next()
		s.proxy.Stall(true)
		end(tx) // in which error it ends is another test's business
		deadline, _ := short.Deadline()
		if late := time.Since(deadline); late > time.Second {
			t.Errorf("%s returned %v after its context", name, late)
		}
		s.proxy.Stall(false)
		cancel()
		wantFree(ctx, t, s.c)
	}
}
