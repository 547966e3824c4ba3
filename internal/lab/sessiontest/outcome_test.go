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

// A severed is a pool behind a proxy that can lose the answer to a statement.
type severed struct {
	db    *sql.DB
	c     *mysqlpool.Connector
	proxy *lab.Proxy
	stock *sql.DB // not through the proxy
}

func newSevered(ctx context.Context, t *testing.T, opts ...mysqlpool.Option) *severed {
	t.Helper()
	dsn := database(t)
	proxy, through := through(t, shared(t), dsn)
	s := &severed{proxy: proxy, stock: stock(t, dsn)}
	s.db, s.c = open(t, through, append([]mysqlpool.Option{weir.WithMaxOpen(3)}, opts...)...)
	exec(ctx, t, s.db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	return s
}

// lose runs f with every answer of the server lost: the request arrives, of the answer one byte does.
func (s *severed) lose(f func() error) error {
	s.proxy.CutAfter(1)
	defer s.proxy.CutNever()
	return f()
}

func TestLostAnswerToCommitIsUnknownAndNeverRepeated(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	for name, commit := range map[string]func() error{
		"Tx of the DB": func() error {
			tx, err := s.db.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			return s.lose(tx.Commit)
		},
		"Tx of a session": func() error {
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			return s.lose(tx.Commit)
		},
		"text": func() error {
			exec(ctx, t, conn, "BEGIN")
			exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
			return s.lose(func() error {
				_, err := conn.ExecContext(ctx, "COMMIT")
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			wantCause(t, "COMMIT", commit(), mysqlpool.ErrOutcomeUnknown)
			until(ctx, t, "it is committed", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
			exec(ctx, t, conn, "INSERT INTO t VALUES (2)") // the session is not lost with a transaction that has ended
			want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"), "2")
			exec(ctx, t, s.stock, "DELETE FROM t")
		})
	}
	if n := s.c.Sessions().OutcomeUnknown; n != 3 {
		t.Errorf("OutcomeUnknown = %d, want 3", n)
	}
}

func TestLostAnswerToCommitOfAPinnedSessionLosesThePin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "SET @a = 1")
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (@a)")
	wantCause(t, "COMMIT", s.lose(tx.Commit), mysqlpool.ErrOutcomeUnknown)
	var a sql.NullString
	err = conn.QueryRowContext(ctx, "SELECT @a").Scan(&a)
	wantCause(t, "SELECT @a", err, mysqlpool.ErrSessionLost)
}

func TestLostAnswerToCommitAsTextInsideATx(t *testing.T) {
	for _, end := range []string{"Rollback", "Commit"} {
		t.Run(end, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			s := newSevered(ctx, t)
			tx, err := s.db.BeginTx(ctx, nil)
			must(t, err)
			exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
			err = s.lose(func() error {
				_, err := tx.ExecContext(ctx, "COMMIT")
				return err
			})
			wantCause(t, "COMMIT", err, mysqlpool.ErrOutcomeUnknown)
			if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (2)"); err == nil {
				t.Error("a statement of the transaction ran outside of it")
			}
			if end == "Rollback" {
				must(t, tx.Rollback())
			} else if tx.Commit() == nil {
				t.Error("Commit says that a transaction whose end is unknown was committed")
			}
			until(ctx, t, "it is committed", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
		})
	}
}

func TestLostAnswerToAWriteIsUnknownAndNeverRepeated(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	stmt, err := conn.PrepareContext(ctx, "INSERT INTO t VALUES (?)")
	must(t, err)
	exec(ctx, t, s.stock, "CREATE FUNCTION inserts() RETURNS INT BEGIN INSERT INTO t VALUES (1); RETURN 1; END")
	for name, write := range map[string]func() error{
		"Exec":             func() error { _, err := s.db.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err },
		"Exec on sessions": func() error { _, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err },
		"prepared":         func() error { _, err := stmt.ExecContext(ctx, 1); return err },
		"rows": func() error {
			return readAll(ctx, s.db, byFamily("INSERT INTO t VALUES (1) RETURNING id", "SELECT inserts()"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := stmt.ExecContext(ctx, 0)
			must(t, err)
			exec(ctx, t, s.stock, "DELETE FROM t")
			wantCause(t, "error", s.lose(write), mysqlpool.ErrOutcomeUnknown)
			if n := text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"); n != "0" && n != "1" {
				t.Errorf("%s rows, want one at most", n)
			}
		})
	}
	if n := s.c.Sessions().Retries; n != 0 {
		t.Errorf("retries = %d, want 0", n)
	}
}

func TestLostAnswerToARollbackIsARollback(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	must(t, s.lose(tx.Rollback))
	want(t, "rows, asked on the same session", text(ctx, t, conn, "SELECT COUNT(*) FROM t"), "0")
}

func TestLostAnswerToBegin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t, weir.WithMaxWait(2*time.Second))
	conn := hold(ctx, t, s.db)
	for _, opts := range []*sql.TxOptions{nil, {Isolation: sql.LevelSerializable}, {ReadOnly: true}} {
		openAll(ctx, t, s.db, 3)
		var tx *sql.Tx
		err := s.lose(func() (err error) { tx, err = conn.BeginTx(ctx, opts); return err })
		if err == nil { // on another backend, which was not behind the cut
			must(t, tx.Rollback())
		}
		exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
		want(t, "rows", text(ctx, t, s.stock, "SELECT COUNT(*) FROM t"), "1")
		exec(ctx, t, s.stock, "DELETE FROM t")
	}
}

func TestLostAnswerWithinATransactionLosesIt(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	for _, query := range []string{"INSERT INTO t VALUES (2)", "SELECT * FROM t", "SAVEPOINT a", "CREATE TABLE u (id INT)"} {
		tx, err := s.db.BeginTx(ctx, nil)
		must(t, err)
		exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
		err = s.lose(func() error { _, err := tx.ExecContext(ctx, query); return err })
		wantCause(t, query, err, mysqlpool.ErrSessionLost)
		_, err = tx.ExecContext(ctx, "INSERT INTO t VALUES (3)")
		wantCause(t, "the next statement", err, mysqlpool.ErrSessionLost)
		wantCause(t, "COMMIT", tx.Commit(), mysqlpool.ErrSessionLost)
	}
	until(ctx, t, "only what DDL has committed is there", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
}

func TestLostAnswerToASettingLeavesTheSessionAsItWas(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "SET time_zone = '+05:00'")
	s.lose(func() error { _, err := conn.ExecContext(ctx, "SET time_zone = '+06:00'"); return err })
	want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+05:00")
	s.lose(func() error { _, err := conn.ExecContext(ctx, "SET @a = 1"); return err })
	if n := len(s.c.Sessions().Pinned); n > 1 {
		t.Errorf("%d sessions are pinned", n)
	}
	must(t, conn.Close())
	if n := len(s.c.Sessions().Pinned); n != 0 {
		t.Errorf("%d sessions are pinned after the check-in", n)
	}
}

func TestRowsWhoseConnectionDiesInTheMiddle(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	for _, within := range []string{"", "BEGIN", "SET @a = 1"} {
		conn := hold(ctx, t, s.db)
		if within != "" {
			exec(ctx, t, conn, within)
		}
		rows, err := conn.QueryContext(ctx, large(t))
		must(t, err)
		n := 0
		for rows.Next() {
			if n++; n == 200 {
				s.proxy.ResetAll()
			}
		}
		if rows.Err() == nil || n == 100000 {
			t.Errorf("%d rows and no error", n)
		}
		must(t, rows.Close())
		_, err = conn.ExecContext(ctx, "INSERT INTO t VALUES (1)")
		if within == "" {
			must(t, err)
		} else {
			wantCause(t, "statement after "+within, err, mysqlpool.ErrSessionLost)
		}
		must(t, conn.Close())
	}
	wantFree(ctx, t, s.c)
}

func TestLostAnswerToAWriteOfAPinnedSessionIsUnknown(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "SET @a = 1")
	err := s.lose(func() error { _, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (@a)"); return err })
	until(ctx, t, "the row is there", func() bool { return text(ctx, t, s.stock, "SELECT COUNT(*) FROM t") == "1" })
	wantCause(t, "error of a write that was executed", err, mysqlpool.ErrOutcomeUnknown)
	_, err = conn.ExecContext(ctx, "SELECT @a")
	wantCause(t, "error of the next", err, mysqlpool.ErrSessionLost)
}

func TestRollbackOfALostTransactionNeedsNoServer(t *testing.T) {
	ctx := within(t, 30*time.Second)
	s := newSevered(ctx, t)
	openAll(ctx, t, s.db, 3)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "BEGIN")
	err := s.lose(func() error { _, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err })
	wantCause(t, "INSERT", err, mysqlpool.ErrSessionLost)
	err = s.lose(func() error { _, err := conn.ExecContext(ctx, "ROLLBACK"); return err })
	if err != nil {
		t.Errorf("ROLLBACK of what is rolled back already = %v", err)
	}
	exec(ctx, t, conn, "DO 1")
}
