package sessiontest_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// T: the place of a pin whose backend was taken back by force.
func TestRiskReclaimedPinKeepsItsPlace(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithMaxPinned(1), weir.WithLeakThreshold(200*time.Millisecond), weir.WithReclaimAfter(400*time.Millisecond), weir.WithSweepEvery(100*time.Millisecond))
	leaked := hold(ctx, t, db)
	exec(ctx, t, leaked, "SET @x = 1")
	until(ctx, t, "it is taken back", func() bool { return c.Stats().InUse == 0 })
	if _, err := db.ExecContext(ctx, "SET @x = 2"); err != nil {
		t.Errorf("after the leak was taken back: %v", err)
	}
}

func TestRiskUint64BeforeTheFirstBackend(t *testing.T) {
	ctx := within(t, 20*time.Second)
	dsn := database(t)
	proxy, through := through(t, shared(t), dsn)
	must(t, proxy.Refuse(ctx, true))
	db, _ := open(t, through, weir.WithStartBackground(), weir.WithMaxWait(5*time.Second))
	time.AfterFunc(100*time.Millisecond, func() { proxy.Refuse(ctx, false) })
	want(t, "v", text(ctx, t, db, "SELECT ?", uint64(1<<63+5)), fmt.Sprint(uint64(1<<63+5)))
}

// Kill in a state replay: the caller's context goes to the driver, which closes the connection.
func TestRiskCancelInsideATransactionsSet(t *testing.T) {
	ctx := within(t, 60*time.Second)
	dsn := database(t)
	proxy, thr := through(t, shared(t), dsn)
	cfgd, c := open(t, thr, weir.WithMaxOpen(1), weir.WithLogger(slog.New(slog.DiscardHandler)))
	lost := 0
	for i := range 5 {
		tx, err := cfgd.BeginTx(ctx, nil)
		must(t, err)
		proxy.SetLatency(50 * time.Millisecond)
		short, cancel := context.WithTimeout(ctx, 60*time.Millisecond)
		_, err = tx.ExecContext(short, fmt.Sprintf("SET SESSION %s = 1", []string{"sql_notes", "foreign_key_checks", "unique_checks", "div_precision_increment", "default_week_format"}[i]))
		cancel()
		proxy.SetLatency(0)
		if _, err2 := tx.ExecContext(ctx, "DO 1"); errors.Is(err2, mysqlpool.ErrSessionLost) {
			lost++
		}
		_ = err
		tx.Rollback()
	}
	t.Logf("lost %d of 5 transactions by a cancelled SET; %+v", lost, c.Sessions().SessionsLost)
	if lost > 0 {
		t.Errorf("%d transactions lost although their statement's context alone ended", lost)
	}
}

func TestRiskPinWaiterAfterClose(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, err := mysqlpool.Open(ctx, database(t), weir.WithMaxOpen(2), weir.WithMaxWait(weir.NoLimit), mysqlpool.WithMaxPinned(1), mysqlpool.WithDrainTimeout(100*time.Millisecond))
	must(t, err)
	conn, err := db.Conn(ctx)
	must(t, err)
	exec(ctx, t, conn, "SET @x = 1")
	got := make(chan error, 1)
	short, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	go func() { _, err := db.ExecContext(short, "SET @x = 2"); got <- err }()
	until(ctx, t, "somebody waits for a place", func() bool {
		stacks := make([]byte, 1<<20)
		return strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "(*pins).take")
	})
	began := time.Now()
	db.Close()
	err = <-got
	t.Logf("close and waiter: %v: %v", time.Since(began), err)
	if !errors.Is(err, weir.ErrClosed) {
		t.Errorf("the waiter for a place was not woken by Close")
	}
	conn.Close()
}

// Long data again: another way to leave it, a packet too large for the rest.
func TestRiskLongDataPacketTooLarge(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, withParam(t, database(t), "maxAllowedPacket=2000"), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE t (a TEXT, b TEXT, c TEXT, d TEXT)")
	const q = "INSERT INTO t VALUES (?, ?, ?, ?)"
	for range 2 {
		exec(ctx, t, db, q, "x", "y", "z", "w")
	}
	exec(ctx, t, db, "DELETE FROM t")
	stmt, err := db.PrepareContext(ctx, q)
	must(t, err)
	_, err = stmt.ExecContext(ctx, strings.Repeat("S", 600), "b", "c", time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC))
	t.Log(err)
	_, err = db.ExecContext(ctx, q, "1", "2", "3", "4")
	t.Log(err)
	want(t, "row", text(ctx, t, db, "SELECT CONCAT_WS('|', LEFT(a,5), b, c, d) FROM t"), "1|2|3|4")
}

// Statements of one text under many sessions' settings at once, prepared by name, over evictions.
func TestRiskNamedStatementOverManySettings(t *testing.T) {
	ctx := within(t, 60*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(3), mysqlpool.WithStatementCache(2))
	for i := range 3 {
		exec(ctx, t, db, fmt.Sprintf("CREATE TABLE t%d (v INT)", i))
	}
	var conns []*sql.Conn
	var stmts []*sql.Stmt
	for i := range 8 {
		conn := hold(ctx, t, db)
		if i%2 == 0 {
			exec(ctx, t, conn, "SET sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'")
		}
		st, err := conn.PrepareContext(ctx, "SELECT 'a' || ?")
		must(t, err)
		if i%4 >= 2 { // changed after
			exec(ctx, t, conn, "SET sql_mode = ''")
		}
		conns, stmts = append(conns, conn), append(stmts, st)
	}
	for n := range 200 {
		i := n % 8
		var v string
		must(t, stmts[i].QueryRowContext(ctx, "b").Scan(&v))
		w := "0"
		if i%2 == 0 {
			w = "ab"
		}
		want(t, fmt.Sprint(i), v, w)
		if n%3 == 0 {
			text(ctx, t, db, "SELECT ? + 1", n)
		}
	}
}

// Prepared by name, the session reset in between, statements across many sessions.
func TestRiskTwoDBsNested(t *testing.T) {
	ctx := within(t, 30*time.Second)
	a, ca := open(t, database(t), weir.WithMaxOpen(1))
	b, cb := open(t, database(t), weir.WithMaxOpen(1))
	ra, err := a.QueryContext(ctx, "SELECT seq FROM "+sequence(t, 500))
	must(t, err)
	for ra.Next() {
		rb, err := b.QueryContext(ctx, "SELECT seq FROM "+sequence(t, 500))
		must(t, err)
		rb.Next()
		rb.Close()
	}
	must(t, ra.Close())
	wantFree(ctx, t, ca)
	wantFree(ctx, t, cb)
}
