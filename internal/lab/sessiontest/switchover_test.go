package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// wantNumber asserts that err is the server's of that number.
func wantNumber(t testing.TB, what string, err error, want uint16) {
	t.Helper()
	if n := number(err); n != want {
		t.Errorf("%s = %v, want error %d of the server", what, err, want)
	}
}

// wantNoTransaction asserts that a session finds no transaction open, which a read of the table t would make the server list.
func wantNoTransaction(ctx context.Context, t testing.TB, srv *lab.Server, db *sql.DB) {
	t.Helper()
	conn := hold(ctx, t, db)
	text(ctx, t, conn, "SELECT COUNT(*) FROM t")
	id := text(ctx, t, conn, "SELECT CONNECTION_ID()")
	until(ctx, t, "the session is in no transaction", func() bool {
		return text(ctx, t, srv.Admin(), "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = ?", id) == "0"
	})
	must(t, conn.Close())
}

// readOnly makes a server refuse writes and returns a DB on it with a table t.
func readOnly(ctx context.Context, t *testing.T, opts ...mysqlpool.Option) (*lab.Server, *sql.DB, *mysqlpool.Connector) {
	t.Helper()
	srv := start(t, lab.Config{})
	db, c := open(t, srv.DSN("app", "app"), append([]mysqlpool.Option{weir.WithMaxOpen(2), weir.WithMaxWait(300 * time.Millisecond)}, opts...)...)
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	return srv, db, c
}

func TestRefusedWriteIsTheCallersWhereNoPrimaryIsWanted(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	srv, db, c := readOnly(ctx, t)
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	must(t, srv.SetReadOnly(ctx, true))
	generation := c.Stats().Generation
	_, err = db.ExecContext(ctx, "INSERT INTO t VALUES (2)")
	wantNumber(t, "a write", err, 1290)
	_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (3)")
	wantNumber(t, "a write in a transaction", err, 1290)
	wantNumber(t, "COMMIT", tx.Commit(), 1290)
	wantFree(ctx, t, c)
	want(t, "a read", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	wantNoTransaction(ctx, t, srv, db)
	if n := c.Stats().Generation; n != generation {
		t.Errorf("generation = %d, want %d", n, generation)
	}
}

func TestRefusedWriteMarksTheServerWhereAPrimaryIsWanted(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	srv, db, c := readOnly(ctx, t, mysqlpool.WithRole(mysqlpool.Primary))
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	must(t, srv.SetReadOnly(ctx, true))
	_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (3)")
	wantNumber(t, "a write in a transaction", err, 1290)
	want(t, "a read in the transaction, which goes on", text(ctx, t, tx, "SELECT COUNT(*) FROM t"), "1")
	must(t, tx.Rollback())
	_, err = db.ExecContext(ctx, "INSERT INTO t VALUES (2)")
	if err == nil || errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
		t.Errorf("a write = %v, want that it was not executed", err)
	}
	must(t, srv.SetReadOnly(ctx, false))
	until(ctx, t, "writes go on", func() bool { _, err := db.ExecContext(ctx, "INSERT INTO t VALUES (4)"); return err == nil })
	want(t, "rows", text(ctx, t, db, "SELECT GROUP_CONCAT(id) FROM t"), "4")
	wantFree(ctx, t, c)
}

func TestWriteInAReadOnlyTransactionSaysNothingOfTheServer(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), mysqlpool.WithRole(mysqlpool.Primary))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	id, generation := text(ctx, t, db, "SELECT CONNECTION_ID()"), c.Stats().Generation
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	must(t, err)
	_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	wantNumber(t, "a write", err, 1792)
	must(t, tx.Rollback())
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "START TRANSACTION READ ONLY")
	_, err = conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	wantNumber(t, "a write", err, 1792)
	exec(ctx, t, conn, "ROLLBACK")
	exec(ctx, t, conn, "SET SESSION TRANSACTION READ ONLY")
	_, err = conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
	wantNumber(t, "a write", err, 1792)
	must(t, conn.Close())
	exec(ctx, t, db, "INSERT INTO t VALUES (1)")
	want(t, "connection", text(ctx, t, db, "SELECT CONNECTION_ID()"), id)
	if n := c.Stats().Generation; n != generation {
		t.Errorf("generation = %d, want %d: the server was taken for demoted", n, generation)
	}
}

func TestDeadlockAndLockTimeoutGoToTheCaller(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
	exec(ctx, t, db, "INSERT INTO t VALUES (1, 0), (2, 0)")
	first, err := db.BeginTx(ctx, nil)
	must(t, err)
	second, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, first, "UPDATE t SET n = 1 WHERE id = 1")
	exec(ctx, t, second, "UPDATE t SET n = 2 WHERE id = 2")
	errs := make([]error, 2)
	var both sync.WaitGroup
	both.Go(func() { _, errs[0] = first.ExecContext(ctx, "UPDATE t SET n = 1 WHERE id = 2") })
	both.Go(func() { _, errs[1] = second.ExecContext(ctx, "UPDATE t SET n = 2 WHERE id = 1") })
	both.Wait()
	wantNumber(t, "the one error of a deadlock", errors.Join(errs...), 1213)
	must(t, first.Rollback())
	must(t, second.Rollback())
	wantFree(ctx, t, c)
	third, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, third, "UPDATE t SET n = 3 WHERE id = 1")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET innodb_lock_wait_timeout = 1")
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "UPDATE t SET n = 4 WHERE id = 2")
	_, err = conn.ExecContext(ctx, "UPDATE t SET n = 4 WHERE id = 1")
	wantNumber(t, "a lock wait", err, 1205)
	exec(ctx, t, conn, "COMMIT")
	must(t, third.Rollback())
	want(t, "n", text(ctx, t, db, "SELECT GROUP_CONCAT(n ORDER BY id) FROM t"), "0,4")
}

func TestDeadlockOfATransactionByTextLeavesNoBackendHeld(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
	exec(ctx, t, db, "INSERT INTO t VALUES (1, 0), (2, 0)")
	conns, errs := []*sql.Conn{hold(ctx, t, db), hold(ctx, t, db)}, make([]error, 2)
	for i, conn := range conns {
		exec(ctx, t, conn, "BEGIN")
		exec(ctx, t, conn, "UPDATE t SET n = 1 WHERE id = ?", i+1)
	}
	var both sync.WaitGroup
	for i, conn := range conns {
		both.Go(func() { _, errs[i] = conn.ExecContext(ctx, "UPDATE t SET n = 1 WHERE id = ?", 2-i) })
	}
	both.Wait()
	wantNumber(t, "the one error of a deadlock", errors.Join(errs...), 1213)
	for i, conn := range conns {
		if errs[i] == nil {
			exec(ctx, t, conn, "COMMIT")
		} else {
			exec(ctx, t, conn, "DO 1") // whose answer tells that the transaction has ended
		}
	}
	wantFree(ctx, t, c)
}

func TestPacketThatTheServerRefusesCostsTheConnectionAlone(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	srv := start(t, lab.Config{Args: []string{"--max-allowed-packet=1M"}})
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT, v LONGTEXT) ENGINE=InnoDB")
	large := string(make([]byte, 3<<20))
	_, err := db.ExecContext(ctx, "INSERT INTO t VALUES (1, ?)", large)
	if err == nil {
		t.Error("a packet above the limit was taken")
	}
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (2, 'a')")
	_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (3, ?)", large)
	wantCause(t, "a packet above the limit in a transaction", err, mysqlpool.ErrSessionLost)
	_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (4, 'b')")
	wantCause(t, "the next statement", err, mysqlpool.ErrSessionLost)
	must(t, tx.Rollback())
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
}

func TestTransactionsThatEndOrBeginUnseen(t *testing.T) {
	dsn := database(t)
	setup := stock(t, dsn)
	exec(t.Context(), t, setup, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
	exec(t.Context(), t, setup, "CREATE PROCEDURE begins() BEGIN START TRANSACTION; INSERT INTO t VALUES (50); SIGNAL SQLSTATE '45000'; END")
	exec(t.Context(), t, setup, "CREATE PROCEDURE off() BEGIN SET autocommit = 0; INSERT INTO t VALUES (50); SIGNAL SQLSTATE '45000'; END")
	for _, c := range []struct {
		name  string
		run   []string // "!" before one that must fail
		there string   // after check-in
	}{
		{"begin", []string{"BEGIN", "INSERT INTO t VALUES (1)"}, ""},
		{"procedure that begins and fails", []string{"!CALL begins()"}, ""},
		{"procedure that switches autocommit off and fails", []string{"!CALL off()"}, ""},
		{"autocommit off", []string{"SET autocommit = 0", "INSERT INTO t VALUES (1)"}, ""},
		{"autocommit off and commit", []string{"SET autocommit = 0", "INSERT INTO t VALUES (1)", "COMMIT", "INSERT INTO t VALUES (2)"}, "1"},
		{"autocommit off and a failure", []string{"SET autocommit = 0", "INSERT INTO t VALUES (1)", "!INSERT INTO t VALUES (1)"}, ""},
		{"autocommit off and on", []string{"SET autocommit = 0", "INSERT INTO t VALUES (1)", "SET autocommit = 1", "INSERT INTO t VALUES (2)"}, "1,2"},
		{"chain", []string{"BEGIN", "INSERT INTO t VALUES (1)", "COMMIT AND CHAIN", "INSERT INTO t VALUES (2)"}, "1"},
		{"chain rolled back", []string{"BEGIN", "INSERT INTO t VALUES (1)", "ROLLBACK AND CHAIN", "INSERT INTO t VALUES (2)", "COMMIT"}, "2"},
		{"completion type", []string{"SET completion_type = 1", "BEGIN", "INSERT INTO t VALUES (1)", "COMMIT", "INSERT INTO t VALUES (2)"}, "1"},
		{"DDL", []string{"BEGIN", "INSERT INTO t VALUES (1)", "DROP TABLE IF EXISTS u", "CREATE TABLE u (id INT)", "INSERT INTO t VALUES (2)"}, "1,2"},
		{"savepoint", []string{"BEGIN", "INSERT INTO t VALUES (1)", "SAVEPOINT a", "INSERT INTO t VALUES (2)", "ROLLBACK TO a", "COMMIT"}, "1"},
		{"savepoint outside", []string{"SAVEPOINT a", "INSERT INTO t VALUES (1)"}, "1"},
		{"XA", []string{"XA BEGIN 'a'", "INSERT INTO t VALUES (1)"}, ""},
		{"XA ended", []string{"XA BEGIN 'b'", "INSERT INTO t VALUES (1)", "XA END 'b'"}, ""},
		{"XA committed", []string{"XA BEGIN 'c'", "INSERT INTO t VALUES (1)", "XA END 'c'", "XA COMMIT 'c' ONE PHASE"}, "1"},
		{"lock tables", []string{"LOCK TABLES t WRITE", "INSERT INTO t VALUES (1)"}, "1"},
		{"failed commit", []string{"BEGIN", "INSERT INTO t VALUES (1)", "!COMMIT AND NOTHING"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			db, con := open(t, dsn, weir.WithMaxOpen(1))
			exec(ctx, t, setup, "DELETE FROM t WHERE id < 50")
			conn := hold(ctx, t, db)
			for _, query := range c.run {
				if query[0] != '!' {
					exec(ctx, t, conn, query)
				} else if _, err := conn.ExecContext(ctx, query[1:]); number(err) == 0 {
					t.Errorf("%s = %v, want an error of the server", query[1:], err)
				}
			}
			must(t, conn.Close())
			wantFree(ctx, t, con)
			want(t, "rows", text(ctx, t, setup, "SELECT IFNULL(GROUP_CONCAT(id ORDER BY id), '') FROM t"), c.there)
			want(t, "the next session's state", text(ctx, t, db, "SELECT CONCAT(@@autocommit = 1, @@completion_type)"), "1NO_CHAIN")
			wantNoTransaction(ctx, t, labtest.Shared(t), db)
			exec(ctx, t, db, "INSERT INTO t VALUES (49)")
			want(t, "the next session's row, seen by others", text(ctx, t, setup, "SELECT COUNT(*) FROM t WHERE id = 49"), "1")
		})
	}
}

func TestPreparedXATransactionLeavesTheNextSessionAlone(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	setup := stock(t, dsn)
	db, c := open(t, dsn, weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
	conn := hold(ctx, t, db)
	for _, query := range []string{"XA BEGIN 'x'", "INSERT INTO t VALUES (1)", "XA END 'x'", "XA PREPARE 'x'"} {
		exec(ctx, t, conn, query)
	}
	must(t, conn.Close())
	wantFree(ctx, t, c)
	_, err := db.ExecContext(ctx, "INSERT INTO t VALUES (2)")
	if err != nil {
		t.Errorf("the next session's INSERT: %v", err)
	}
	until(ctx, t, "the server has seen the end of its connection, which it outlives, as it should", func() bool {
		_, err := setup.ExecContext(ctx, "XA ROLLBACK 'x'")
		return err == nil
	})
	want(t, "rows", text(ctx, t, setup, "SELECT IFNULL(GROUP_CONCAT(id), '') FROM t"), "2")
}

func TestTransactionsByTextAtTheDB(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	exec(ctx, t, db, "BEGIN")
	exec(ctx, t, db, "INSERT INTO t VALUES (1)") // on a session of its own
	exec(ctx, t, db, "ROLLBACK")
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "1")
	wantFree(ctx, t, c)
	if n := c.Sessions().Rollbacks; n != 1 {
		t.Errorf("Rollbacks = %d, want 1", n)
	}
}

func TestSessionsKeepTheirStateThroughASwitchover(t *testing.T) {
	keepStateThrough(t, (*lab.Cluster).Switchover)
}

func TestSessionsKeepTheirStateThroughAFailover(t *testing.T) {
	keepStateThrough(t, (*lab.Cluster).Failover)
}

func keepStateThrough(t *testing.T, change func(*lab.Cluster, context.Context, *lab.Server) (lab.Timings, error)) {
	ctx := within(t, 2*time.Minute)
	pair := labtest.StartPair(t)
	admin(t, pair.Primary(), "CREATE TABLE app.t (id INT PRIMARY KEY) ENGINE=InnoDB")
	must(t, pair.Sync(ctx))
	proxy, dsn := through(t, pair.Primary(), pair.Primary().DSN("app", "app"))
	db, c := open(t, dsn, weir.WithMaxOpen(5), weir.WithMaxWait(20*time.Second), mysqlpool.WithRole(mysqlpool.Primary))
	stop, cancel := context.WithCancel(ctx)
	defer cancel()
	var callers sync.WaitGroup
	for i := range 20 {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, fmt.Sprintf("SET time_zone = '+00:%02d'", i))
		callers.Go(func() { workThroughFaults(ctx, stop, t, conn, i) })
	}
	old, to := pair.Primary(), pair.Replicas()[0]
	written := func(srv *lab.Server) string { return text(ctx, t, srv.Admin(), "SELECT COUNT(*) FROM app.t") }
	until(ctx, t, "they work", func() bool { return len(written(old)) > 2 })
	moved := make(chan error, 1)
	go func() {
		_, err := change(pair, ctx, to)
		moved <- err
	}()
	until(ctx, t, "the replica is promoted", func() bool { return pair.Primary() == to })
	proxy.SetUpstream(to.Addr())
	must(t, <-moved)
	before := written(to)
	until(ctx, t, "they work on the new primary", func() bool { return written(to) != before })
	cancel()
	callers.Wait()
	_, err := pair.Rejoin(ctx, old)
	must(t, err)
	must(t, pair.Sync(ctx))
	want(t, "rows of the old primary", written(old), written(to))
	t.Logf("%+v", c.Sessions().Replays)
}
