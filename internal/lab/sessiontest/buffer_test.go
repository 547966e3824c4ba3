package sessiontest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// queryer is a DB, a session or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// numbers begins to read so many rows of about 1 KB.
func numbers(ctx context.Context, t testing.TB, on queryer, n int) *sql.Rows {
	t.Helper()
	rows, err := on.QueryContext(ctx, "SELECT seq, REPEAT('x', 10) FROM "+sequence(t, n))
	must(t, err)
	t.Cleanup(func() { rows.Close() }) // a test may have closed them
	if !rows.Next() {
		t.Fatalf("no row: %v", rows.Err())
	}
	return rows
}

// large is a query for far more rows than what is read ahead, and than what the network holds.
func large(t testing.TB) string {
	t.Helper()
	return "SELECT REPEAT('x', 1000) FROM " + sequence(t, 100000)
}

// drain reads the rest of the rows and returns how many there were.
func drain(t testing.TB, rows *sql.Rows) (n int) {
	t.Helper()
	for rows.Next() {
		n++
	}
	must(t, rows.Err())
	return n
}

func TestSmallResultsHoldNoBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	for _, n := range []int{1, 2, 100, 127, 128} {
		rows := numbers(ctx, t, db, n)
		if used := c.Stats().InUse; used != 0 {
			t.Errorf("%d rows hold %d backends", n, used)
		}
		if got := drain(t, rows) + 1; got != n {
			t.Errorf("%d rows were read, want %d", got, n)
		}
	}
}

func TestBigResultsHoldABackendUntilTheirEnd(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	for name, end := range map[string]func(*sql.Rows){
		"end": func(rows *sql.Rows) { drain(t, rows) }, "close": func(rows *sql.Rows) { must(t, rows.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			rows := numbers(ctx, t, db, 5000)
			if used := c.Stats().InUse; used != 1 {
				t.Errorf("%d backends are held, want 1", used)
			}
			end(rows)
			if used := c.Stats().InUse; used != 0 {
				t.Errorf("%d backends are held after the rows' end, want none", used)
			}
		})
	}
	if s := c.Sessions(); s.RowsStreamed != 2 {
		t.Errorf("RowsStreamed = %d, want 2", s.RowsStreamed)
	}
}

func TestWideResultsAreBig(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	rows, err := db.QueryContext(ctx, "SELECT REPEAT('x', 40000) FROM "+sequence(t, 3))
	must(t, err)
	defer rows.Close()
	if used := c.Stats().InUse; used != 1 {
		t.Errorf("120,000 bytes hold %d backends, want 1", used)
	}
	if n := drain(t, rows); n != 3 {
		t.Errorf("%d rows, want 3", n)
	}
}

func TestStatementInsideARowLoop(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	loop := func(t *testing.T, on execer) {
		rows := numbers(ctx, t, on.(queryer), 50)
		n := 1
		for ; rows.Next(); n++ {
			want(t, "nested", text(ctx, t, on, "SELECT ? + 1", n), fmt.Sprint(n+1))
		}
		if err := rows.Err(); err != nil || n != 50 {
			t.Errorf("%d rows, %v; want 50", n, err)
		}
	}
	t.Run("pool", func(t *testing.T) { loop(t, db) })
	t.Run("session", func(t *testing.T) { loop(t, hold(ctx, t, db)) })
	t.Run("transaction", func(t *testing.T) { loop(t, begin(ctx, t, db)) })
}

func TestStatementInsideABigLoopUsesAnotherBackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	rows := numbers(ctx, t, conn, 2000)
	for range 10 {
		rows.Next()
		want(t, "nested", text(ctx, t, conn, "SELECT @@session.time_zone"), "+01:00")
	}
	if used := c.Stats().InUse; used != 1 {
		t.Errorf("%d backends are held, want 1", used)
	}
	if n := drain(t, rows); n != 1989 {
		t.Errorf("%d rows were left, want 1989", n)
	}
}

func TestStatementInsideABigLoopOfATransactionIsAnError(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (v INT)")
	tx := begin(ctx, t, db)
	exec(ctx, t, tx, "INSERT INTO t VALUES (1)")
	rows := numbers(ctx, t, tx, 2000)
	_, err := tx.ExecContext(ctx, "INSERT INTO t VALUES (2)")
	if err == nil {
		t.Fatal("no error")
	}
	contains(t, "error", err.Error(), "rows are still open")
	if n := drain(t, rows); n != 1999 {
		t.Errorf("%d rows were left, want 1999", n)
	}
	exec(ctx, t, tx, "INSERT INTO t VALUES (3)")
	must(t, tx.Commit())
	want(t, "sum", text(ctx, t, db, "SELECT SUM(v) FROM t"), "4")
	if o := c.Stats().Opened; o != 1 {
		t.Errorf("%d backends were opened, want 1", o)
	}
}

// database/sql closes a transaction's rows when it ends.
func TestTransactionsEndUnderOpenRows(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	for name, end := range map[string]func(*sql.Tx) error{"commit": (*sql.Tx).Commit, "rollback": (*sql.Tx).Rollback} {
		t.Run(name, func(t *testing.T) {
			tx := begin(ctx, t, db)
			numbers(ctx, t, tx, 5000)
			must(t, end(tx))
			wantFree(ctx, t, c)
			want(t, "the backend", text(ctx, t, db, "SELECT 7"), "7")
		})
	}
}

func TestSelfDeadlockEndsAndNamesItself(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2), weir.WithMinIdle(2), weir.WithMaxWait(100*time.Millisecond))
	one, err := db.QueryContext(ctx, "SELECT seq FROM "+sequence(t, 5000))
	line := lineAbove(1)
	must(t, err)
	defer one.Close()
	numbers(ctx, t, db, 5000)
	_, err = db.ExecContext(ctx, "DO 1")
	if !errors.Is(err, weir.ErrExhausted) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("error %v, want ErrExhausted", err)
	}
	contains(t, "error", err.Error(), line)
	contains(t, "error", err.Error(), "(rows)")
}

func TestLeakedRowsAreNamed(t *testing.T) {
	ctx := within(t, 30*time.Second)
	log := &buffer{}
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2), weir.WithLeakThreshold(20*time.Millisecond), weir.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	rows := numbers(ctx, t, db, 5000)
	until(ctx, t, "the leak is counted", func() bool { return c.Stats().Leaks == 1 })
	until(ctx, t, "the leak is logged", func() bool { return bytes.Contains(log.bytes(), []byte("rows")) })
	contains(t, "log", string(log.bytes()), "buffer_test.go")
	must(t, rows.Close())
	until(ctx, t, "it came back", func() bool { return c.Stats().LeaksReturned == 1 })
}

// A buffer is a log that may be read while it is written.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}

func TestRowBufferOfOneRowServesQueryRow(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1), mysqlpool.WithRowBuffer(1, 1000))
	want(t, "one row", text(ctx, t, db, "SELECT 7"), "7")
	want(t, "the first of many", text(ctx, t, db, "SELECT seq FROM "+sequence(t, 10)), "1")
	if s := c.Sessions(); s.RowsBuffered != 1 || s.RowsStreamed != 1 {
		t.Errorf("%d results were buffered, %d streamed; want 1 and 1", s.RowsBuffered, s.RowsStreamed)
	}
}

// An error in the middle of a result comes to its reader, whether it was read ahead or not.
func TestErrorsInTheMiddleOfResults(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1))
	for _, at := range []int{2, 1000} {
		query := fmt.Sprintf("SELECT seq, IF(seq = %d, (SELECT seq FROM %s), 1) FROM %s", at, sequence(t, 2), sequence(t, 2000))
		rows, err := db.QueryContext(ctx, query)
		n := 0
		if err == nil {
			for rows.Next() {
				n++
			}
			err = rows.Err()
			rows.Close()
		}
		if err == nil {
			t.Errorf("error in row %d: no error after %d rows", at, n)
		}
		wantFree(ctx, t, c)
		want(t, "the backend", text(ctx, t, db, "SELECT 7"), "7")
	}
	if o := c.Stats().Opened; o != 1 {
		t.Errorf("%d backends were opened, want 1", o)
	}
}
