package sessiontest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

func TestStatementCancelledInATransactionLeavesItUsable(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY) ENGINE=InnoDB")
	exec(ctx, t, db, "INSERT INTO t VALUES (100)")
	lock, err := stock(t, dsn).BeginTx(ctx, nil)
	must(t, err)
	defer lock.Rollback()
	exec(ctx, t, lock, "UPDATE t SET id = 101 WHERE id = 100")
	for i, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		id := text(ctx, t, tx, "SELECT CONNECTION_ID()")
		exec(ctx, t, tx, "INSERT INTO t VALUES (?)", 10*i+1)
		for _, query := range []string{"UPDATE t SET id = 102 WHERE id = 100 /* mark */", "SELECT * FROM t WHERE id = 100 FOR UPDATE /* mark */"} {
			short, cancel := context.WithCancel(ctx)
			whenRunning(ctx, t, "mark", cancel)
			_, err = tx.ExecContext(short, query)
			wantEnded(t, query, err, context.Canceled)
		}
		exec(ctx, t, tx, "INSERT INTO t VALUES (?)", 10*i+2)
		want(t, "connection", text(ctx, t, tx, "SELECT CONNECTION_ID()"), id)
		must(t, end(tx))
	}
	must(t, lock.Rollback())
	want(t, "rows", text(ctx, t, db, "SELECT GROUP_CONCAT(id ORDER BY id) FROM t"), "1,2,100")
	if n := c.Sessions().Cuts; n != 0 {
		t.Errorf("cuts = %d, want 0", n)
	}
}

func TestTransactionWhoseContextEndsIsRolledBackAndItsConnectionKept(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	id := text(ctx, t, db, "SELECT CONNECTION_ID()")
	for _, running := range []bool{false, true} {
		short, cancel := context.WithCancel(ctx)
		tx, err := db.BeginTx(short, nil)
		must(t, err)
		exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
		if running {
			whenRunning(ctx, t, "mark", cancel)
			_, err := tx.ExecContext(short, "INSERT INTO t SELECT SLEEP(60) /* mark */")
			if labtest.Kind() == lab.MariaDB || err != nil { // MySQL's SLEEP answers 1 when it is killed, and the statement goes on
				wantEnded(t, "statement", err, context.Canceled)
			}
		}
		cancel()
		wantFree(ctx, t, c)
		want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
		want(t, "connection", text(ctx, t, db, "SELECT CONNECTION_ID()"), id)
	}
}

func TestStatementCancelledWhilePinnedKeepsThePin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET @a = 7")
	_, err := conn.ExecContext(ctx, "INSERT INTO nowhere SELECT SLEEP(60)")
	if number(err) != 1146 {
		t.Errorf("error of a statement that fails = %v, want 1146", err)
	}
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	whenRunning(ctx, t, "mark", cancel)
	_, err = conn.ExecContext(short, "DO SLEEP(60) /* mark */")
	wantIs(t, "error", err, context.Canceled)
	want(t, "@a", text(ctx, t, conn, "SELECT @a"), "7")
}

// stalled runs f while the network holds everything back, ends its context and returns its error.
func stalled(ctx context.Context, t *testing.T, s *severed, f func(context.Context) error) error {
	t.Helper()
	s.proxy.Stall(true)
	defer s.proxy.Stall(false)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f(short) }()
	until(ctx, t, "a backend is in use", func() bool { return s.c.Stats().InUse > 0 })
	cancel()
	return <-done
}

func TestContextEndsWhileTheNetworkStalls(t *testing.T) {
	for name, f := range map[string]func(context.Context, *sql.DB, *sql.Conn) error{
		"Exec": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error {
			_, err := db.ExecContext(ctx, "DO 1")
			return err
		},
		"Query": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error { return readAll(ctx, db, "SELECT ?", 1) },
		"Begin": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error { _, err := db.BeginTx(ctx, nil); return err },
		"Begin with a level": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error {
			_, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelReadUncommitted})
			return err
		},
		"Prepare": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error {
			_, err := db.PrepareContext(ctx, "SELECT ?")
			return err
		},
		"Ping": func(ctx context.Context, db *sql.DB, _ *sql.Conn) error { return db.PingContext(ctx) },
		"replay": func(ctx context.Context, _ *sql.DB, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, "DO 1")
			return err
		},
		"Set": func(ctx context.Context, _ *sql.DB, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, "SET lc_time_names = 'de_DE'")
			return err
		},
		"pin": func(ctx context.Context, _ *sql.DB, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, "SET @a = 1")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			s := newSevered(ctx, t, mysqlpool.WithKillTimeout(200*time.Millisecond))
			conn := hold(ctx, t, s.db)
			exec(ctx, t, conn, "SET time_zone = '+08:00'")
			exec(ctx, t, s.db, "DO 1")
			wantIs(t, "error", stalled(ctx, t, s, func(ctx context.Context) error { return f(ctx, s.db, conn) }), context.Canceled)
			want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+08:00")
			want(t, "isolation", text(ctx, t, s.db, "SELECT @@session."+isolation()), "REPEATABLE-READ")
			exec(ctx, t, s.db, "INSERT INTO t VALUES (1)")
			until(ctx, t, "the row is there for all", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
			must(t, conn.Close())
			wantFree(ctx, t, s.c)
		})
	}
}

func TestCancelWhileRowsAreStreamed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	id := text(ctx, t, db, "SELECT CONNECTION_ID()")
	conn := hold(ctx, t, db)
	for _, pinned := range []bool{false, true} {
		if pinned {
			exec(ctx, t, conn, "SET @a = 1")
		}
		short, cancel := context.WithCancel(ctx)
		defer cancel()
		rows, err := conn.QueryContext(short, "SELECT REPEAT('x', 10000), IF(seq > 200, SLEEP(60), 0) /* mark */ FROM "+sequence(t, 300))
		must(t, err)
		until(ctx, t, "the server sleeps", func() bool { return len(listed(ctx, t, shared(t), asleep)) == 1 })
		n := 0
		for rows.Next() {
			if n++; n == 10 {
				whenRunning(ctx, t, "mark", cancel)
			}
		}
		wantIs(t, "error of the rows", rows.Err(), context.Canceled)
		must(t, rows.Close())
		if c.Sessions().Cuts > 0 { // the kill took longer than their reader waits
			_, err := conn.ExecContext(ctx, "DO 1")
			if pinned {
				wantCause(t, "a pinned session", err, mysqlpool.ErrSessionLost)
			} else {
				must(t, err)
			}
			break
		}
		want(t, "connection", text(ctx, t, conn, "SELECT CONNECTION_ID()"), id)
	}
	if s := c.Sessions(); s.Kills == 0 || s.RowsStreamed == 0 {
		t.Errorf("%+v", s)
	}
}

func TestBlackHoleUnderATransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t, mysqlpool.WithKillTimeout(200*time.Millisecond), weir.WithCloseTimeout(time.Second))
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := s.db.BeginTx(short, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	s.proxy.BlackHole(true)
	cancel()
	wantFree(ctx, t, s.c) // database/sql rolls back by itself, which must not hang
	s.proxy.BlackHole(false)
	exec(ctx, t, s.db, "DO 1")
}

func TestTransactionWhoseContextEndsUnderOpenRows(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	id := text(ctx, t, db, "SELECT CONNECTION_ID()")
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	tx, err := db.BeginTx(short, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	rows, err := tx.QueryContext(ctx, "SELECT REPEAT('x', 1000) FROM "+sequence(t, 100000))
	must(t, err)
	for range 200 {
		rows.Next()
	}
	cancel()
	wantFree(ctx, t, c)
	if rows.Next() || rows.Err() == nil {
		t.Error("rows of a transaction that has ended go on, or end without an error")
	}
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "0")
	if c.Sessions().Cuts == 0 { // the kill was fast enough
		want(t, "connection", text(ctx, t, db, "SELECT CONNECTION_ID()"), id)
	}
}

func TestKillersConnectionMayBeKilled(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	schema, id := text(ctx, t, db, "SELECT DATABASE()"), text(ctx, t, db, "SELECT CONNECTION_ID()")
	for range 3 {
		short, cancel := context.WithCancel(ctx)
		whenRunning(ctx, t, "mark", cancel)
		wantIs(t, "error", readAll(short, db, "SELECT SLEEP(60) /* mark */"), context.Canceled)
		for _, killer := range listed(ctx, t, shared(t), "SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = ? AND id <> ?", schema, id) {
			kill(ctx, t, shared(t), killer)
		}
	}
	want(t, "connection", text(ctx, t, db, "SELECT CONNECTION_ID()"), id)
	if s := c.Sessions(); s.Cuts != 0 || s.Kills < 3 {
		t.Errorf("cuts = %d, kills = %d, want 0 and at least 3", s.Cuts, s.Kills)
	}
}

func TestCommitByTextWhoseContextEnds(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv := start(t, lab.Config{})
	db, _ := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	lock, err := srv.Admin().Conn(ctx)
	must(t, err)
	defer lock.Close()
	exec(ctx, t, lock, "FLUSH TABLES WITH READ LOCK")
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := conn.ExecContext(short, "COMMIT /* mark */")
		done <- err
	}()
	until(ctx, t, "COMMIT waits", func() bool { return running(ctx, t, srv, "mark") == 1 })
	cancel()
	err = <-done
	exec(ctx, t, lock, "UNLOCK TABLES")
	exec(ctx, t, conn, "ROLLBACK")
	there := text(ctx, t, db, "SELECT COUNT(*) FROM t")
	t.Logf("COMMIT = %v, rows = %s", err, there)
	if isCause(err, mysqlpool.ErrOutcomeUnknown) {
		return
	}
	wantIs(t, "COMMIT", err, context.Canceled)
	want(t, "rows of a transaction that was not committed", there, "0")
}

func TestBeginWhoseContextEndsBeforeItsAnswer(t *testing.T) {
	for _, begin := range []string{"BEGIN", "START TRANSACTION READ WRITE", "SET autocommit = 0"} {
		t.Run(begin, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			s := newSevered(ctx, t)
			conn := hold(ctx, t, s.db)
			exec(ctx, t, conn, "DO 1")
			s.proxy.SetLatency(50 * time.Millisecond)
			short, cancel := context.WithTimeout(ctx, 75*time.Millisecond) // the server has it by then
			defer cancel()
			_, began := conn.ExecContext(short, begin)
			s.proxy.SetLatency(0)
			_, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
			must(t, conn.Close())
			wantFree(ctx, t, s.c)
			if there := text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"); began != nil && err == nil && there != "1" {
				t.Errorf("%s = %v, and the INSERT after it was acknowledged and rolled back", begin, began)
			}
		})
	}
}
