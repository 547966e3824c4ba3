package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// lateness is how long after its context a call may return.
const lateness = 20 * time.Millisecond

// A deadlineCall prepares one call of database/sql while the server is well, and returns it. ctx is the one that will end.
type deadlineCall func(ctx context.Context, t *testing.T, db *sql.DB) func() error

// manyRows is a result that is far larger than what is read ahead, and than what the network holds.
const manyRows = "SELECT REPEAT('x', 1000) FROM many"

var deadlineCalls = map[string]deadlineCall{
	"Exec": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { _, err := db.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err }
	},
	"Exec, slow": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { _, err := db.ExecContext(ctx, "DO SLEEP(5)"); return err }
	},
	"Exec with arguments": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { _, err := db.ExecContext(ctx, "INSERT INTO t VALUES (?)", 1); return err }
	},
	"Query": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { return readAll(ctx, db, "SELECT 1") }
	},
	"Query, slow": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { return readAll(ctx, db, "SELECT SLEEP(5)") }
	},
	"Query, large": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { return readAll(ctx, db, manyRows) }
	},
	"Rows.Close": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		rows, err := db.QueryContext(ctx, manyRows)
		must(t, err)
		return rows.Close
	},
	"Rows.Close in a Tx": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		rows, err := beginTx(ctx, t, db).QueryContext(ctx, manyRows)
		must(t, err)
		return rows.Close
	},
	"Prepare": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error {
			stmt, err := db.PrepareContext(ctx, "SELECT ? + 1")
			if err == nil {
				err = stmt.Close()
			}
			return err
		}
	},
	"Stmt.Exec": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		stmt, err := db.PrepareContext(ctx, "INSERT INTO t VALUES (?)")
		must(t, err)
		return func() error { _, err := stmt.ExecContext(ctx, 1); return err }
	},
	"Stmt.Exec of a SELECT": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		stmt, err := db.PrepareContext(ctx, "SELECT ?")
		must(t, err)
		return func() error { _, err := stmt.ExecContext(ctx, 1); return err }
	},
	"Stmt.Query": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		stmt, err := db.PrepareContext(ctx, "SELECT ?")
		must(t, err)
		return func() error {
			rows, err := stmt.QueryContext(ctx, 1)
			if err == nil {
				err = rows.Close()
			}
			return err
		}
	},
	"Ping": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error { return db.PingContext(ctx) }
	},
	"BeginTx": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error {
			tx, err := db.BeginTx(ctx, nil)
			if err == nil {
				err = tx.Rollback()
			}
			return err
		}
	},
	"BeginTx that opens": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		c, _ := mysqlpool.ConnectorOf(db)
		c.EvictAll()
		return func() error {
			tx, err := db.BeginTx(ctx, nil)
			if err == nil {
				err = tx.Rollback()
			}
			return err
		}
	},
	"Tx.Exec": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		tx := beginTx(ctx, t, db)
		return func() error { _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (1)"); return err }
	},
	"Tx.Query": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		tx := beginTx(ctx, t, db)
		return func() error {
			rows, err := tx.QueryContext(ctx, "SELECT 1")
			if err == nil {
				err = rows.Close()
			}
			return err
		}
	},
	"Tx.Commit": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		return beginTx(ctx, t, db).Commit
	},
	"Tx.Rollback": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		return beginTx(ctx, t, db).Rollback
	},
	"Tx.Rollback, rows open": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		tx := beginTx(ctx, t, db)
		_, err := tx.QueryContext(t.Context(), manyRows) // which ends with its transaction
		must(t, err)
		return tx.Rollback
	},
	"Conn": func(ctx context.Context, _ *testing.T, db *sql.DB) func() error {
		return func() error {
			conn, err := db.Conn(ctx)
			if err == nil {
				err = conn.Close()
			}
			return err
		}
	},
	"Conn.Exec, pinned": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "SET @a = 1")
		return func() error { _, err := conn.ExecContext(ctx, "INSERT INTO t VALUES (@a)"); return err }
	},
	"Conn.Close, pinned": func(ctx context.Context, t *testing.T, db *sql.DB) func() error {
		conn := hold(ctx, t, db)
		exec(ctx, t, conn, "SET @a = 1")
		return conn.Close
	},
}

func beginTx(ctx context.Context, t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	return tx
}

// deadlineFaults are what happens to the server, or to the way to it, before the calls.
var deadlineFaults = []struct {
	name  string
	begin func(context.Context, *lab.Server, *lab.Proxy) error
	end   func(*lab.Server, *lab.Proxy) error
}{
	{"idle server",
		func(context.Context, *lab.Server, *lab.Proxy) error { return nil },
		func(*lab.Server, *lab.Proxy) error { return nil }},
	{"SIGSTOP",
		func(ctx context.Context, srv *lab.Server, _ *lab.Proxy) error { return srv.Pause(ctx) },
		func(srv *lab.Server, _ *lab.Proxy) error { return srv.Continue() }},
	{"black hole",
		func(_ context.Context, _ *lab.Server, p *lab.Proxy) error { p.BlackHole(true); return nil },
		func(_ *lab.Server, p *lab.Proxy) error { p.BlackHole(false); return nil }},
	{"10 kB/s",
		func(_ context.Context, _ *lab.Server, p *lab.Proxy) error { p.SetRate(10_000); return nil },
		func(_ *lab.Server, p *lab.Proxy) error { p.SetRate(0); return nil }},
}

// Each call returns at most 20 ms after its context, whatever the server does. So that the pauses of a busy machine are not taken for the
// pool's, a cell's figure is the best of up to five rounds, less what a chain of wake-ups took that uses no pool: what waits for the
// server is late in each of them.
func TestADeadlineIsADeadline(t *testing.T) {
	ctx := within(t, 3*time.Minute)
	srv := start(t, lab.Config{})
	admin(t, srv, "CREATE TABLE app.t (n INT) ENGINE=InnoDB")
	admin(t, srv, "CREATE TABLE app.many SELECT seq FROM "+sequenceOn(t, srv, 100000))
	var table strings.Builder
	for _, fault := range deadlineFaults {
		best := map[string]time.Duration{}
		open := slices.Sorted(maps.Keys(deadlineCalls))
		for round := 0; round < 5 && len(open) > 0; round++ {
			deadlineRound(ctx, t, srv, fault.begin, fault.end, open, best)
			open = slices.DeleteFunc(open, func(name string) bool { return best[name] <= lateness })
		}
		for _, name := range open {
			t.Errorf("%s, %s: returned %v after its context in the best of five rounds, want at most %v", name, fault.name, best[name], lateness)
		}
		for _, name := range slices.Sorted(maps.Keys(best)) {
			fmt.Fprintf(&table, "\n%-12s %-24s %8.1f ms", fault.name, name, float64(best[name].Microseconds())/1000)
		}
	}
	t.Logf("late by (below 0: before the context ended):%s", table.String())
}

// deadlineRound makes the calls of that name at one time, with one fault, and notes how late they return.
func deadlineRound(ctx context.Context, t *testing.T, srv *lab.Server, begin func(context.Context, *lab.Server, *lab.Proxy) error,
	end func(*lab.Server, *lab.Proxy) error, names []string, best map[string]time.Duration) {
	t.Helper()
	proxy, dsn := through(t, srv, srv.DSN("app", "app"))
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	type result struct {
		at  time.Time
		err error
	}
	results := make([]result, len(names))
	var dbs []*sql.DB
	var calls sync.WaitGroup
	ready := make(chan struct{})
	for i, name := range names {
		db, err := mysqlpool.Open(ctx, dsn, weir.WithMaxOpen(2), weir.WithName(name), weir.WithLogger(slog.New(slog.DiscardHandler)),
			mysqlpool.WithKillTimeout(500*time.Millisecond), mysqlpool.WithDrainTimeout(2*time.Second),
			weir.WithMaxWait(10*time.Second)) // for afterwards: a server that is back may take long for 23 pools
		must(t, err)
		dbs = append(dbs, db)
		call := deadlineCalls[name](short, t, db)
		calls.Go(func() {
			<-ready
			err := call()
			results[i] = result{time.Now(), err}
		})
	}
	must(t, begin(ctx, srv, proxy))
	close(ready)
	var ended time.Time
	pause := controls(short, &ended, len(names))
	timer := time.AfterFunc(250*time.Millisecond, func() { ended = time.Now(); cancel() })
	defer timer.Stop()
	calls.Wait()
	<-short.Done()
	paused := pause()
	must(t, end(srv, proxy))
	for i, name := range names {
		late := results[i].at.Sub(ended)
		if late > 0 {
			late -= paused
		}
		if was, ok := best[name]; !ok || late < was {
			best[name] = late
		}
		if err := results[i].err; err != nil && late > 0 && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: error = %v, want one that matches %v", name, err, context.Canceled)
		}
	}
	for i, db := range dbs {
		if _, err := db.ExecContext(ctx, "DO 1"); err != nil {
			t.Errorf("%s: the pool is of no use afterwards: %v", names[i], err)
		}
		db.Close() // what was cut off is closed by force
	}
}

// controls starts n chains of wake-ups when ctx ends, as the end of a call is one: a timer of 8 ms, then a goroutine that waits for it. What
// it returns tells by how much the last of them came late.
func controls(ctx context.Context, ended *time.Time, n int) (late func() time.Duration) {
	const timer = 8 * time.Millisecond
	at := make([]time.Time, n)
	var all sync.WaitGroup
	for i := range n {
		woken := make(chan struct{})
		context.AfterFunc(ctx, func() { time.AfterFunc(timer, func() { close(woken) }) })
		all.Go(func() {
			<-woken
			at[i] = time.Now()
		})
	}
	return func() time.Duration {
		all.Wait()
		return max(slices.MaxFunc(at, time.Time.Compare).Sub(*ended)-timer, 0)
	}
}
