package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// threadsOf lists the connections of the app user whose default database is that of db, by the server's numbers. The connection for kills
// is among them while it is open.
func threadsOf(ctx context.Context, t testing.TB, srv *lab.Server, db *sql.DB) []string {
	t.Helper()
	return listed(ctx, t, srv, "SELECT id FROM information_schema.processlist WHERE user = 'app' AND db = ?", text(ctx, t, db, "SELECT DATABASE()"))
}

// listed asks the server, as its admin, for one column.
func listed(ctx context.Context, t testing.TB, srv *lab.Server, query string, args ...any) []string {
	t.Helper()
	rows, err := srv.Admin().QueryContext(ctx, query, args...)
	must(t, err)
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v string
		must(t, rows.Scan(&v))
		out = append(out, v)
	}
	must(t, rows.Err())
	return out
}

// running counts the statements with a mark in their text that the server executes.
func running(ctx context.Context, t testing.TB, srv *lab.Server, mark string) int {
	t.Helper()
	return len(listed(ctx, t, srv, "SELECT id FROM information_schema.processlist WHERE user = 'app' AND info LIKE ?", "%"+mark+"%"))
}

// wantAll asserts that each of a is in b.
func wantAll(t testing.TB, what string, a, b []string) {
	t.Helper()
	for _, v := range a {
		if !slices.Contains(b, v) {
			t.Errorf("%s: %s is not among %v any more", what, v, b)
		}
	}
}

// wantIs asserts that err is that very error, and not one that wraps it.
func wantIs(t testing.TB, what string, err, want error) {
	t.Helper()
	if err != want {
		t.Errorf("%s = %#v (%v), want exactly %v", what, err, err, want)
	}
}

// wantEnded asserts that err is that of the context, and besides at most that what the statement has done is not known yet.
func wantEnded(t testing.TB, what string, err, want error) {
	t.Helper()
	if err != want && !(errors.Is(err, want) && errors.Is(err, mysqlpool.ErrOutcomeUnknown)) {
		t.Errorf("%s = %#v (%v), want %v, alone or with ErrOutcomeUnknown", what, err, err, want)
	}
}

// openAll makes all of n backends.
func openAll(ctx context.Context, t testing.TB, db *sql.DB, n int) {
	t.Helper()
	var open []*sql.Tx
	for range n {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		open = append(open, tx)
	}
	for _, tx := range open {
		must(t, tx.Rollback())
	}
}

// readAll runs a query and reads all of it.
func readAll(ctx context.Context, db *sql.DB, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for more := true; more; more = rows.NextResultSet() {
		for rows.Next() {
		}
	}
	return rows.Err()
}

func TestFiftyCancelledStatementsAllEndOnTheServer(t *testing.T) {
	ctx := within(t, 60*time.Second)
	dsn := database(t)
	db, c := open(t, dsn, weir.WithMaxOpen(5))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY, n INT) ENGINE=InnoDB")
	exec(ctx, t, db, "INSERT INTO t VALUES (1, 0)")
	lock, err := stock(t, dsn).BeginTx(ctx, nil)
	must(t, err)
	defer lock.Rollback()
	exec(ctx, t, lock, "UPDATE t SET n = 1 WHERE id = 1")
	openAll(ctx, t, db, 5)
	before := threadsOf(ctx, t, shared(t), db)
	many, some := sequence(t, 100000), sequence(t, 600)
	statements := []func(context.Context) error{
		func(ctx context.Context) error { return readAll(ctx, db, "SELECT SLEEP(60) /* mark */") },
		func(ctx context.Context) error {
			return readAll(ctx, db, "SELECT COUNT(*) /* mark */ FROM "+many+" a, "+many+" b WHERE a.seq * b.seq % 7 = 8")
		},
		func(ctx context.Context) error {
			_, err := db.ExecContext(ctx, "UPDATE t SET n = n + 1 WHERE id = 1 /* mark */")
			return err
		},
		func(ctx context.Context) error {
			return readAll(ctx, db, "SELECT REPEAT('x', 1000), IF(seq > 500, SLEEP(60), 0) /* mark */ FROM "+some)
		},
		func(ctx context.Context) error { return readAll(ctx, db, "SELECT SLEEP(?) /* mark */", 60) },
	}
	for range 10 {
		cancelTogether(ctx, t, statements)
	}
	must(t, lock.Rollback())
	wantFree(ctx, t, c)
	s := c.Sessions()
	if s.Cuts == 0 {
		wantAll(t, "connections kept", before, threadsOf(ctx, t, shared(t), db))
	}
	want(t, "n", text(ctx, t, db, "SELECT n FROM t"), "0")
	if s.Kills < 50 || s.Cuts > s.RowsStreamed { // whose readers do not wait for a kill that takes long
		t.Errorf("kills = %d, cuts = %d, want at least 50, and no more than the %d streamed results", s.Kills, s.Cuts, s.RowsStreamed)
	}
}

// asleep lists the statements that sleep. Among the others one may be killed while the server writes rows.
const asleep = "SELECT id FROM information_schema.processlist WHERE user = 'app' AND state = 'User sleep' AND info LIKE '%mark%'"

// cancelTogether runs statements that would take a minute, cancels them when the server has all of them, and sees them end.
func cancelTogether(ctx context.Context, t *testing.T, statements []func(context.Context) error) {
	t.Helper()
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, len(statements))
	var calls sync.WaitGroup
	for i, call := range statements {
		calls.Go(func() { errs[i] = call(short) })
	}
	until(ctx, t, "all statements run, and the slow ones sleep", func() bool {
		return running(ctx, t, shared(t), "mark") == len(statements) && len(listed(ctx, t, shared(t), asleep)) == 3
	})
	cancel()
	calls.Wait()
	for i, err := range errs {
		wantEnded(t, fmt.Sprintf("error of statement %d", i), err, context.Canceled)
	}
	until(ctx, t, "no statement runs", func() bool { return running(ctx, t, shared(t), "mark") == 0 })
}

func TestKillHitsNoLaterStatement(t *testing.T) {
	ctx := within(t, 60*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	var over atomic.Bool
	var victim sync.WaitGroup
	asked := 0
	victim.Go(func() {
		for ; !over.Load(); asked++ {
			if err := readAll(ctx, db, "SELECT ?", asked); err != nil {
				t.Errorf("statement %d of one who cancels nothing: %v", asked, err)
			}
		}
	})
	query := "SELECT COUNT(*) FROM " + sequence(t, 500)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() { cancelAtRandom(ctx, t, db, query, 500) })
	}
	callers.Wait()
	over.Store(true)
	victim.Wait()
	t.Logf("%d statements beside, %d kills", asked, c.Sessions().Kills)
	if c.Sessions().Kills == 0 {
		t.Error("no statement was killed: the test has proved nothing")
	}
}

// cancelAtRandom runs n short statements whose contexts end while they run, or just before or after.
func cancelAtRandom(ctx context.Context, t *testing.T, db *sql.DB, query string, n int) {
	for range n {
		short, cancel := context.WithTimeout(ctx, rand.N(600*time.Microsecond))
		err := readAll(short, db, query)
		if ended := short.Err(); err != nil && (ended == nil || !isCause(err, ended)) {
			t.Errorf("error of a statement whose context ended with %v: %v", ended, err)
		}
		cancel()
	}
}

func TestWithoutKillClosesTheConnection(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), mysqlpool.WithoutKill())
	before := text(ctx, t, db, "SELECT CONNECTION_ID()")
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	whenRunning(ctx, t, "mark", cancel)
	wantIs(t, "error", readAll(short, db, "SELECT SLEEP(60) /* mark */"), context.Canceled)
	if after := text(ctx, t, db, "SELECT CONNECTION_ID()"); after == before {
		t.Error("the connection is the same one")
	}
	if s := c.Sessions(); s.Cuts != 1 || s.Kills != 0 {
		t.Errorf("cuts = %d, kills = %d, want 1 and 0", s.Cuts, s.Kills)
	}
	shared(t).Admin().ExecContext(ctx, "KILL CONNECTION "+before) // may have noticed by itself
}

// whenRunning calls f once a statement with the mark runs on the shared server. The test waits for it.
func whenRunning(ctx context.Context, t testing.TB, mark string, f func()) {
	t.Helper()
	var wait sync.WaitGroup
	t.Cleanup(wait.Wait)
	wait.Go(func() {
		defer f()
		err := lab.Until(ctx, mark+" runs", func(ctx context.Context) (bool, error) {
			var n int
			err := shared(t).Admin().QueryRowContext(ctx, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE ?", "%"+mark+"%").Scan(&n)
			return n > 0, err
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestCutWhereTheServerHasNoConnectionForTheKill(t *testing.T) {
	ctx := within(t, 60*time.Second)
	srv := start(t, lab.Config{MaxConnections: 10})
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(1), mysqlpool.WithKillTimeout(300*time.Millisecond))
	exec(ctx, t, db, "DO 1")
	others := stock(t, srv.DSN("app", "app"))
	var filling []*sql.Conn
	for {
		conn, err := others.Conn(ctx)
		if err != nil {
			break
		}
		filling = append(filling, conn)
	}
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- readAll(short, db, "SELECT SLEEP(60) /* mark */") }()
	until(ctx, t, "it runs", func() bool { return running(ctx, t, srv, "mark") == 1 })
	cancel()
	wantIs(t, "error", <-done, context.Canceled)
	until(ctx, t, "it is cut", func() bool { return c.Sessions().Cuts == 1 })
	for _, conn := range filling {
		must(t, conn.Close())
	}
	must(t, others.Close())
	exec(ctx, t, db, "DO 1")
}

func TestCallerReturnsFromABlackHole(t *testing.T) {
	ctx := within(t, 30*time.Second)
	proxy, dsn := through(t, shared(t), database(t))
	db, c := open(t, dsn, weir.WithMaxOpen(4), mysqlpool.WithKillTimeout(300*time.Millisecond), weir.WithCloseTimeout(time.Second))
	openAll(ctx, t, db, 4)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	var calls sync.WaitGroup
	for range 4 {
		calls.Go(func() { wantIs(t, "error", readAll(short, db, "SELECT SLEEP(20) /* hole */"), context.Canceled) })
	}
	until(ctx, t, "all run", func() bool { return running(ctx, t, shared(t), "hole") == 4 })
	proxy.BlackHole(true)
	began := time.Now()
	cancel()
	calls.Wait()
	t.Logf("returned %v after the context", time.Since(began))
	until(ctx, t, "all are cut", func() bool { return c.Sessions().Cuts == 4 })
	proxy.BlackHole(false)
	exec(ctx, t, db, "DO 1")
}

func TestCancelWhileWaitingForABackend(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	defer tx.Rollback()
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- readAll(short, db, "SELECT 1") }()
	until(ctx, t, "it waits", func() bool { return c.Stats().Waiting == 1 })
	cancel()
	if err := <-done; !isCause(err, context.Canceled) {
		t.Errorf("error = %v", err)
	}
	want(t, "answer to the holder", text(ctx, t, tx, "SELECT 2"), "2")
	if n := c.Sessions().Kills; n != 0 {
		t.Errorf("kills = %d, want 0", n)
	}
}

func TestStatementsOfEveryKindEndWithTheContextsError(t *testing.T) {
	dsn := database(t)
	setup := stock(t, dsn)
	exec(t.Context(), t, setup, "CREATE PROCEDURE sleeps() BEGIN DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; DO SLEEP(56 + LENGTH('kind')); SELECT 1; END")
	exec(t.Context(), t, setup, "CREATE FUNCTION dozes(n INT) RETURNS INT NO SQL BEGIN DO SLEEP(n - 4 + LENGTH('kind')); RETURN n; END")
	lock := hold(t.Context(), t, setup)
	exec(t.Context(), t, lock, "DO GET_LOCK('held', 0)")
	queries := []string{
		"SELECT SLEEP(60) /* kind */", "DO SLEEP(60) /* kind */", "SELECT GET_LOCK('held', 60) /* kind */",
		"SELECT BENCHMARK(10000000000, SHA2(RAND(), 512)) /* kind */", "CALL sleeps() /* kind */", "SELECT dozes(60) /* kind */",
		"SELECT seq, SLEEP(IF(seq > 3, 60, 0)) /* kind */ FROM " + sequence(t, 10),
		"SELECT 1; SELECT SLEEP(60) /* kind */", "SET time_zone = '+01:00', @a = SLEEP(60) /* kind */",
		"XA BEGIN 'x'; SELECT SLEEP(60) /* kind */", "SET SESSION sort_buffer_size = 65536; SELECT SLEEP(60) /* kind */",
	}
	if labtest.Kind() == lab.MariaDB {
		queries = append(queries, "CREATE TABLE made AS SELECT SLEEP(60) /* kind */",
			"BEGIN NOT ATOMIC DO SLEEP(60) /* kind */; END", "SET STATEMENT max_statement_time = 50 FOR SELECT SLEEP(60) /* kind */")
	} else {
		queries = append(queries, "CREATE TABLE made AS SELECT GET_LOCK('held', 60) /* kind */", // with SLEEP() it goes on when it is killed
			"SELECT SLEEP(60) INTO @x /* kind */", "SELECT /*+ MAX_EXECUTION_TIME(50000) */ SLEEP(60) /* kind */",
			"SELECT /*+ SET_VAR(sort_buffer_size = 65536) */ SLEEP(60) /* kind */", "VALUES ROW(1) UNION SELECT SLEEP(60) /* kind */")
	}
	for _, query := range queries {
		t.Run(query, func(t *testing.T) {
			ctx := within(t, 20*time.Second)
			db, c := open(t, dsn+"?multiStatements=true", weir.WithMaxOpen(1))
			before := text(ctx, t, db, "SELECT CONNECTION_ID()")
			short, cancel := context.WithCancel(ctx)
			defer cancel()
			whenRunning(ctx, t, "kind", cancel)
			_, err := db.ExecContext(short, query)
			wantEnded(t, "error of Exec", err, context.Canceled)
			wantFree(ctx, t, c)
			until(ctx, t, "no statement runs", func() bool { return running(ctx, t, shared(t), "kind") == 0 })
			short, cancel = context.WithCancel(ctx)
			defer cancel()
			whenRunning(ctx, t, "kind", cancel)
			wantEnded(t, "error of Query", readAll(short, db, query), context.Canceled)
			wantFree(ctx, t, c)
			after, cuts := text(ctx, t, db, "SELECT CONNECTION_ID()"), c.Sessions().Cuts
			switch {
			case strings.HasPrefix(query, "CALL") && (cuts == 1 || after != before): // its first result is there, and its reader does not wait for long
			case strings.HasPrefix(query, "XA"): // which a reset does not take away
				if after == before {
					t.Error("the connection is kept")
				}
			default:
				want(t, "connection", after, before)
				if cuts != 0 {
					t.Errorf("cuts = %d, want 0", cuts)
				}
			}
		})
	}
}

func TestPassedDeadlineSendsNothing(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	conn := hold(ctx, t, db)
	stmt, err := conn.PrepareContext(ctx, "INSERT INTO t VALUES (?)")
	must(t, err)
	passed, cancel := context.WithDeadline(ctx, time.Unix(0, 0))
	defer cancel()
	_, err = conn.ExecContext(passed, "INSERT INTO t VALUES (1)")
	wantIs(t, "Exec", err, context.DeadlineExceeded)
	_, err = stmt.ExecContext(passed, 2)
	wantIs(t, "Exec of a statement", err, context.DeadlineExceeded)
	_, err = conn.QueryContext(passed, "SELECT 1")
	wantIs(t, "Query", err, context.DeadlineExceeded)
	_, err = conn.PrepareContext(passed, "SELECT 1")
	wantIs(t, "Prepare", err, context.DeadlineExceeded)
	_, err = conn.BeginTx(passed, nil)
	wantIs(t, "BeginTx", err, context.DeadlineExceeded)
	wantIs(t, "Ping", conn.PingContext(passed), context.DeadlineExceeded)
	want(t, "rows", text(ctx, t, conn, "SELECT COUNT(*) FROM t"), "0")
	if s := c.Sessions(); s.Kills+s.Cuts != 0 {
		t.Errorf("kills = %d, cuts = %d, want none", s.Kills, s.Cuts)
	}
}

func TestKillWithoutAnAnswerHitsNoLaterStatement(t *testing.T) {
	ctx := within(t, 30*time.Second)
	cfg, err := mysql.ParseDSN(database(t))
	must(t, err)
	slow, _ := through(t, shared(t), cfg.FormatDSN())
	var detour atomic.Bool // for the killer's connection
	direct := cfg.Addr
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if addr = direct; detour.Load() {
			addr = slow.Addr()
		}
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	cfg.Logger = &mysql.NopLogger{}
	c, err := mysqlpool.NewConnector(ctx, cfg, weir.WithMaxOpen(1), weir.WithLogger(slog.New(slog.DiscardHandler)), mysqlpool.WithKillTimeout(300*time.Millisecond))
	must(t, err)
	db := c.OpenDB()
	t.Cleanup(func() { must(t, db.Close()) })
	exec(ctx, t, db, "DO 1")
	detour.Store(true)
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	whenRunning(ctx, t, "mark", cancel)
	wantIs(t, "error of the first, which is killed at once", readAll(short, db, "SELECT SLEEP(20) /* mark */"), context.Canceled)
	detour.Store(false)
	slow.SetLatency(500 * time.Millisecond)
	lock := hold(ctx, t, stock(t, cfg.FormatDSN()))
	exec(ctx, t, lock, "DO GET_LOCK('held', 0)")
	short, cancel = context.WithCancel(ctx)
	defer cancel()
	whenRunning(ctx, t, "other", func() {
		cancel()
		if _, err := lock.ExecContext(ctx, "DO RELEASE_LOCK('held')"); err != nil {
			t.Error(err)
		}
	})
	wantIs(t, "error of the second, which ends by itself", readAll(short, db, "SELECT GET_LOCK('held', 20) /* other */"), context.Canceled)
	for range 20 {
		must(t, readAll(ctx, db, "SELECT SLEEP(0.05) /* of another session */"))
	}
}
