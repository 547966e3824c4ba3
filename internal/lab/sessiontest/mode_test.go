package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func TestSessionModeKeepsItsBackendUntilCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	asked := mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode)
	for name, option := range map[string]mysqlpool.Option{"connector": mysqlpool.WithMode(mysqlpool.SessionMode), "context": mysqlpool.WithMode(mysqlpool.TransactionMode)} {
		t.Run(name, func(t *testing.T) {
			db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(3), option)
			conn := hold(ctx, t, db)
			if name == "context" {
				must(t, conn.Close())
				var err error
				conn, err = db.Conn(asked)
				must(t, err)
			}
			if n := c.Stats().InUse; n != 0 {
				t.Errorf("%d backends are held before the first statement, want none", n)
			}
			id := text(ctx, t, conn, "SELECT CONNECTION_ID()")
			exec(ctx, t, conn, "SET time_zone = '+01:00'")
			openAll(ctx, t, db, 2)
			for range 5 {
				want(t, "connection", text(ctx, t, conn, "SELECT CONNECTION_ID()"), id)
			}
			tx, err := conn.BeginTx(ctx, nil)
			must(t, err)
			want(t, "connection of a transaction", text(ctx, t, tx, "SELECT CONNECTION_ID()"), id)
			must(t, tx.Commit())
			want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+01:00")
			if n := c.Stats().InUse; n != 1 {
				t.Errorf("%d backends are in use, want 1", n)
			}
			must(t, conn.Close())
			wantFree(ctx, t, c)
			want(t, "time_zone of the next", text(ctx, t, db, "SELECT @@time_zone"), "SYSTEM")
		})
	}
}

func TestSessionModeForOneStatement(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "DO 1")
	if n := c.Stats().InUse; n != 0 {
		t.Errorf("%d backends are in use, want none", n)
	}
	exec(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, conn, "DO 1")
	exec(ctx, t, conn, "DO 1")
	if n := c.Stats().InUse; n != 1 {
		t.Errorf("%d backends are in use from then on, want 1", n)
	}
	exec(mysqlpool.ContextWithMode(ctx, mysqlpool.TransactionMode), t, conn, "DO 1")
	if n := c.Stats().InUse; n != 0 {
		t.Errorf("%d backends are in use after the other mode was asked for, want none", n)
	}
}

func TestModeOfAContextEndsAtCheckIn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2))
	exec(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode), t, db, "DO 1")
	wantFree(ctx, t, c)
	conn := hold(ctx, t, db) // the same session
	exec(ctx, t, conn, "DO 1")
	if n := c.Stats().InUse; n != 0 {
		t.Errorf("%d backends are in use, want none", n)
	}
}

func TestTransactionModeOnASessionModeConnector(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1), mysqlpool.WithMode(mysqlpool.SessionMode))
	asked := mysqlpool.ContextWithMode(ctx, mysqlpool.TransactionMode)
	first, err := db.Conn(asked)
	must(t, err)
	defer first.Close()
	second, err := db.Conn(asked)
	must(t, err)
	defer second.Close()
	exec(ctx, t, first, "SET time_zone = '+01:00'")
	exec(ctx, t, second, "SET time_zone = '+02:00'")
	want(t, "time_zone of the first", text(ctx, t, first, "SELECT @@time_zone"), "+01:00")
	want(t, "time_zone of the second", text(ctx, t, second, "SELECT @@time_zone"), "+02:00")
	if n := c.Stats().InUse; n != 0 {
		t.Errorf("%d backends are in use, want none", n)
	}
}

func TestModeOfAContextWhereTheDBHasAMaximumOfItsOwn(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2))
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	held := hold(ctx, t, db)
	got := make(chan error, 1)
	go func() {
		conn, err := db.Conn(mysqlpool.ContextWithMode(ctx, mysqlpool.SessionMode))
		if err == nil {
			defer conn.Close()
			if _, err = conn.ExecContext(ctx, "DO 1"); err == nil && c.Stats().InUse != 1 {
				t.Error("the mode that the context asked for is lost")
			}
		}
		got <- err
	}()
	until(ctx, t, "it waits", func() bool { return db.Stats().WaitCount == 1 })
	must(t, held.Close())
	must(t, <-got)
}

func TestSessionModeLivesThroughItsBackendsDeath(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(2), mysqlpool.WithMode(mysqlpool.SessionMode))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+01:00'")
	kill(ctx, t, shared(t), text(ctx, t, conn, "SELECT CONNECTION_ID()"))
	want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+01:00")
}
