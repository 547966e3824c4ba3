package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// wantNothingLeft asserts that nothing of the pool, the adapter or the driver runs any more, and that the server has no connection to the
// database.
func wantNothingLeft(ctx context.Context, t *testing.T, schema string) {
	t.Helper()
	labtest.WantNoGoroutine(ctx, t)
	until(ctx, t, "the server has no connection of ours", func() bool {
		return len(listed(ctx, t, shared(t), "SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = ?", schema)) == 0
	})
}

// openOnly opens a DB that the test closes by itself.
func openOnly(t *testing.T, dsn string, opts ...mysqlpool.Option) (db *sql.DB, c *mysqlpool.Connector, schema string) {
	t.Helper()
	db, err := mysqlpool.Open(t.Context(), dsn, append([]mysqlpool.Option{weir.WithMaxOpen(5), weir.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	must(t, err)
	c, _ = mysqlpool.ConnectorOf(db)
	return db, c, text(t.Context(), t, db, "SELECT DATABASE()")
}

// occupations are what may be under way when a DB is closed.
var occupations = map[string]func(context.Context, *testing.T, *sql.DB, *sync.WaitGroup){
	"nothing": func(context.Context, *testing.T, *sql.DB, *sync.WaitGroup) {},
	"transactions": func(ctx context.Context, t *testing.T, db *sql.DB, _ *sync.WaitGroup) {
		for range 3 {
			_, err := db.BeginTx(ctx, nil)
			must(t, err)
		}
	},
	"rows": func(ctx context.Context, t *testing.T, db *sql.DB, _ *sync.WaitGroup) {
		rows, err := db.QueryContext(ctx, large(t))
		must(t, err)
		rows.Next()
	},
	"a statement": func(ctx context.Context, t *testing.T, db *sql.DB, calls *sync.WaitGroup) {
		calls.Go(func() {
			if _, err := db.ExecContext(ctx, "DO SLEEP(20) /* slow */"); err == nil {
				t.Error("a statement whose connection was closed under it has no error")
			}
		})
		until(ctx, t, "it runs", func() bool { return running(ctx, t, shared(t), "slow") == 1 })
	},
	"a pinned session": func(ctx context.Context, t *testing.T, db *sql.DB, _ *sync.WaitGroup) {
		conn, err := db.Conn(ctx)
		must(t, err)
		exec(ctx, t, conn, "SET @a = 1")
	},
	"cleaning": func(ctx context.Context, t *testing.T, db *sql.DB, _ *sync.WaitGroup) {
		for range 20 {
			exec(ctx, t, db, "SET @a = 1")
			exec(ctx, t, db, "BEGIN")
		}
	},
	"kills": func(ctx context.Context, t *testing.T, db *sql.DB, calls *sync.WaitGroup) {
		short, cancel := context.WithCancel(ctx)
		for range 5 {
			calls.Go(func() { wantIs(t, "cancelled", readAll(short, db, "SELECT SLEEP(20) /* slow */"), context.Canceled) })
		}
		until(ctx, t, "they run", func() bool { return running(ctx, t, shared(t), "slow") == 5 })
		cancel()
	},
}

func TestCloseEndsWhatIsUnderWay(t *testing.T) {
	for name, occupy := range occupations {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 10*time.Second) // half of what the statements take
			db, _, schema := openOnly(t, database(t), mysqlpool.WithDrainTimeout(100*time.Millisecond))
			var calls sync.WaitGroup
			occupy(ctx, t, db, &calls)
			closed := make(chan error, 1)
			go func() { closed <- db.Close() }()
			var err error
			select {
			case err = <-closed:
			case <-ctx.Done():
				t.Fatal("Close has not returned")
			}
			_, forced := errors.AsType[*weir.CloseError](err)
			_, inUse := errors.AsType[*mysqlpool.SessionsInUseError](err)
			if err != nil && !forced && !inUse {
				t.Errorf("Close = %v, want a *weir.CloseError, a *SessionsInUseError or nil", err)
			}
			calls.Wait()
			must(t, killLeft(ctx, t, "slow"))
			wantNothingLeft(ctx, t, schema)
		})
	}
}

// killLeft ends statements that nobody waits for any more.
func killLeft(ctx context.Context, t testing.TB, mark string) error {
	rows, err := shared(t).Admin().QueryContext(ctx, "SELECT id FROM information_schema.processlist WHERE user = 'app' AND info LIKE ?", "%"+mark+"%")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return err
		}
		shared(t).Admin().ExecContext(ctx, "KILL CONNECTION "+id) // it may have gone by itself
	}
	return rows.Err()
}

func TestShutdownLetsTransactionsEnd(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, schema := openOnly(t, database(t))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	conn, err := db.Conn(ctx)
	must(t, err)
	exec(ctx, t, conn, "SET @a = 1")
	closed := make(chan error, 1)
	go func() { closed <- c.Shutdown(ctx) }()
	until(ctx, t, "it closes", func() bool { return c.Stats().Closed })
	_, err = db.ExecContext(ctx, "DO 1")
	wantCause(t, "a new statement", err, weir.ErrClosed)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	must(t, tx.Commit())
	wantInUse(t, <-closed, 1) // the pin was not waited for
	must(t, conn.Close())
	want(t, "rows", text(ctx, t, shared(t).Admin(), "SELECT COUNT(*) FROM "+schema+".t"), "1")
	must(t, db.Close())
	wantNothingLeft(ctx, t, schema)
}

// wantInUse asserts that closing told of n sessions that are in use, and of nothing else.
func wantInUse(t *testing.T, err error, n int) {
	t.Helper()
	_, forced := errors.AsType[*weir.CloseError](err)
	if held, ok := errors.AsType[*mysqlpool.SessionsInUseError](err); !ok || held.Sessions != n || forced {
		t.Errorf("Shutdown = %v, want that %d sessions are in use", err, n)
	}
}

func TestUseAfterShutdown(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, _ := openOnly(t, database(t))
	conn, err := db.Conn(ctx)
	must(t, err)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	stmt, err := conn.PrepareContext(ctx, "SELECT ?")
	must(t, err)
	wantInUse(t, c.Shutdown(ctx), 1)
	_, err = conn.ExecContext(ctx, "DO 1")
	wantCause(t, "Exec", err, weir.ErrClosed)
	_, err = conn.BeginTx(ctx, nil)
	wantCause(t, "BeginTx", err, weir.ErrClosed)
	wantCause(t, "Query of a statement", stmt.QueryRowContext(ctx, 1).Scan(new(int)), weir.ErrClosed)
	wantCause(t, "Ping", db.PingContext(ctx), weir.ErrClosed)
	_, err = conn.ExecContext(ctx, "SET @a = 1")
	wantCause(t, "pin", err, weir.ErrClosed)
	if n := len(c.Sessions().Pinned); n != 0 {
		t.Errorf("%d are pinned, want none", n)
	}
	must(t, conn.Close())
	must(t, db.Close())
	must(t, c.Shutdown(ctx))
}

func TestSessionsCheckedInWhileTheDBCloses(t *testing.T) {
	for round := range 10 {
		ctx := within(t, 30*time.Second)
		db, _, schema := openOnly(t, database(t), mysqlpool.WithDrainTimeout(time.Duration(1+round*3)*time.Millisecond))
		var callers sync.WaitGroup
		for i := range 20 {
			callers.Go(func() {
				for ctx.Err() == nil {
					_, err := db.ExecContext(ctx, []string{"SET @a = 1", "BEGIN", "SELECT SLEEP(0.001)", "SET time_zone = '+01:00'"}[i%4])
					if err != nil {
						return
					}
				}
			})
		}
		until(ctx, t, "they work", func() bool { return db.Stats().OpenConnections > 10 })
		if err := db.Close(); err != nil {
			if _, forced := errors.AsType[*weir.CloseError](err); !forced {
				t.Errorf("Close = %v", err)
			}
		}
		callers.Wait()
		wantNothingLeft(ctx, t, schema)
	}
}

func TestTransactionClosedUnderItsUser(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _, schema := openOnly(t, database(t), mysqlpool.WithDrainTimeout(10*time.Millisecond))
	exec(ctx, t, db, "CREATE TABLE t (id INT) ENGINE=InnoDB")
	var open []*sql.Tx
	for i := range 3 {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		exec(ctx, t, tx, fmt.Sprintf("INSERT INTO t VALUES (%d)", i))
		open = append(open, tx)
	}
	closing, forced := errors.AsType[*weir.CloseError](db.Close())
	if !forced || closing.Forced != 3 {
		t.Errorf("Close = %v, want a *weir.CloseError that tells of 3", closing)
	}
	_, err := open[0].ExecContext(ctx, "INSERT INTO t VALUES (9)")
	wantCause(t, "statement", err, mysqlpool.ErrSessionLost)
	if err := open[1].Commit(); !isCause(err, mysqlpool.ErrSessionLost) && !isCause(err, mysqlpool.ErrOutcomeUnknown) {
		t.Errorf("Commit = %v, want one of session lost or outcome unknown", err)
	}
	must(t, open[2].Rollback())
	want(t, "rows", text(ctx, t, shared(t).Admin(), "SELECT COUNT(*) FROM "+schema+".t"), "0")
	wantNothingLeft(ctx, t, schema)
}
