package sessiontest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func TestStrictPinsAreErrors(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), mysqlpool.WithoutSearch(), weir.WithMaxOpen(1), mysqlpool.WithStrictPins(), mysqlpool.WithFullTexts())
	pinTables(ctx, t, db)
	for _, p := range pinnings() {
		t.Run(p.pin, func(t *testing.T) {
			wantPinError := func(how string, err error) {
				t.Helper()
				e, ok := errors.AsType[*mysqlpool.PinError](err)
				if !ok {
					t.Errorf("%s: %v, want a PinError", how, err)
				} else if e.Reason != p.reason || e.Text != p.pin {
					t.Errorf("%s: %v of %q, want %v of %q", how, e.Reason, e.Text, p.reason, p.pin)
				}
			}
			_, err := db.ExecContext(ctx, p.pin)
			wantPinError("Exec", err)
			rows, err := db.QueryContext(ctx, p.pin)
			if err == nil {
				rows.Close()
			}
			wantPinError("Query", err)
			tx := begin(ctx, t, db)
			_, err = tx.ExecContext(ctx, p.pin)
			wantPinError("Exec in a transaction", err)
			exec(ctx, t, tx, "UPDATE t SET v = 1")
			must(t, tx.Commit())
			if s := c.Sessions(); len(s.Pinned) != 0 || s.Resets != 0 || c.Stats().InUse != 0 {
				t.Errorf("pinned %v, %d resets, %d in use; want none", s.Pinned, s.Resets, c.Stats().InUse)
			}
		})
	}
	want(t, "v", text(ctx, t, db, "SELECT CONCAT(v, @@autocommit + 0, @@time_zone) FROM t"), "11SYSTEM")
}

func TestStrictPinsLeaveTheRestAlone(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, _ := open(t, database(t), weir.WithMaxOpen(2), mysqlpool.WithStrictPins(), mysqlpool.WithFullTexts())
	conn := hold(ctx, t, db)
	for _, s := range []string{
		"CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)", "SET time_zone = '+01:00'", "SET NAMES utf8mb4", "BEGIN", "INSERT INTO t (v) VALUES (1)", "SAVEPOINT a",
		"ROLLBACK TO a", "COMMIT", "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "SELECT '@x' FROM t -- @x", "SET autocommit = 1",
		"CREATE TABLE `@x` (id INT)", "/* LOCK TABLES */ SELECT v FROM t FOR UPDATE", "EXPLAIN SELECT * FROM t", "SHOW TABLES", "TRUNCATE t",
	} {
		exec(ctx, t, conn, s)
	}
}

func TestStrictPinsRefuseTheRealConnection(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1), mysqlpool.WithStrictPins(), mysqlpool.WithFullTexts())
	err := hold(ctx, t, db).Raw(func(conn any) error {
		_, err := conn.(interface {
			Pin(context.Context) (realConn, error)
		}).Pin(ctx)
		return err
	})
	if e, ok := errors.AsType[*mysqlpool.PinError](err); !ok || e.Reason != mysqlpool.PinRaw {
		t.Errorf("error %v, want a PinError for the raw connection", err)
	}
	wantFree(ctx, t, c)
}
