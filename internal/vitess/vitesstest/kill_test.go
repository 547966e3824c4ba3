package vitesstest_test

import (
	"context"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// A call returns a little after its context, and the statement ends on MySQL.
func TestStatementEndsWithItsContext(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "v DOUBLE")
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(4), weir.WithMinIdle(4), weir.WithMaxWait(30*time.Second))
	other := make(chan string, 3)
	for range cap(other) { // what else runs is not hit
		go func() {
			var killed string
			if err := db.QueryRowContext(ctx, "SELECT SLEEP(3)").Scan(&killed); err != nil {
				killed = err.Error()
			}
			other <- killed
		}()
	}
	for what, query := range map[string]string{
		"read": "SELECT SLEEP(20.25)", "write": "INSERT INTO " + name + " SELECT SLEEP(20.25)", "prepared": "SELECT SLEEP(20.25), ?",
	} {
		t.Run(what, func(t *testing.T) {
			short, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				defer cancel()
				if err := whenRunning(ctx, cluster, "20.25", true); err != nil {
					t.Error(err)
				}
			}()
			var args []any
			if what == "prepared" {
				args = []any{1}
			}
			_, err := db.ExecContext(short, query, args...)
			wantIs(t, "Exec", err, context.Canceled)
			if what == "write" {
				wantIs(t, "Exec", err, mysqlpool.ErrOutcomeUnknown) // the tablet does not wait, and MySQL inserts what a killed SLEEP answers
			}
			running(ctx, t, cluster, "20.25", false)
		})
	}
	for range cap(other) {
		want(t, "another's SLEEP", <-other, "0")
	}
	wantFree(ctx, t, c)
	if s := c.Sessions(); s.Cuts != 0 || c.Stats().Opened != 4 {
		t.Errorf("%d cuts, %d connections opened, want 0 and 4", s.Cuts, c.Stats().Opened)
	}
}

// In a transaction vtgate's tablet ends the transaction together with the statement, and vtgate begins another one after the next error.
func TestKillCostsTheTransaction(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "v VARCHAR(20)")
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(2))
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO "+name+" VALUES ('first')")
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err = tx.ExecContext(short, "SELECT SLEEP(20.5)")
	wantIs(t, "the statement", err, context.DeadlineExceeded)
	for range 2 {
		_, err = tx.ExecContext(ctx, "INSERT INTO "+name+" VALUES ('second')")
		wantIs(t, "the next statement", err, mysqlpool.ErrSessionLost)
	}
	if err = tx.Commit(); mysqlpool.Classify(err) != mysqlpool.RolledBack {
		t.Errorf("Commit = %v, want an error that is RolledBack", err)
	}
	running(ctx, t, cluster, "20.5", false)
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM "+name), "0")
}

// What pins a session goes with the tablet's connection, too.
func TestKillCostsThePinnedSession(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, vitess.Unsharded, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "CREATE TEMPORARY TABLE mine (v INT)")
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	_, err := conn.ExecContext(short, "SELECT SLEEP(20.75)")
	wantIs(t, "the statement", err, context.DeadlineExceeded)
	_, err = conn.ExecContext(ctx, "SELECT 1")
	wantIs(t, "the next statement", err, mysqlpool.ErrSessionLost)
	must(t, conn.Close())
	running(ctx, t, cluster, "20.75", false)
	wantFree(ctx, t, c)
	until(ctx, t, "nothing is reserved", func() bool { return reserved(ctx, t) == 0 })
}

// vtgate refuses KILL unless it is told otherwise. Then the connection is closed, and the statement goes on until the tablet's limit.
func TestWhereVtgateRefusesKill(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	strict := start(ctx, t, "--allow-kill-statement=false", "--queryserver-config-query-timeout=2s")
	db, c := openOn(t, strict, vitess.Unsharded, weir.WithMaxOpen(2))
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := db.ExecContext(short, "SELECT SLEEP(21)")
	wantIs(t, "the statement", err, context.DeadlineExceeded)
	if late := time.Since(began) - 200*time.Millisecond; late > time.Second {
		t.Errorf("the call returned %v after its context", late)
	}
	wantFree(ctx, t, c)
	if s := c.Sessions(); s.Cuts != 1 {
		t.Errorf("%d cuts, want 1", s.Cuts)
	}
	running(ctx, t, strict, "SLEEP(21)", false)
	want(t, "another statement", text(ctx, t, db, "SELECT 7"), "7")
}
