package sessiontest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// A session over a compressed connection cannot be reset: what pinned one costs its connection, and nothing of it reaches the next.
func TestSessionsOverCompressedConnections(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t)+"?compress=true", weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT)")
	for i := range 5 {
		exec(ctx, t, db, "INSERT INTO t VALUES (?)", i) // prepared, and kept
	}
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET time_zone = '+03:00'")
	want(t, "rows", text(ctx, t, conn, "SELECT COUNT(*) FROM t WHERE id >= ?", 0), "5")
	want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), "+03:00")
	exec(ctx, t, conn, "SET @x = 1")
	must(t, conn.Close())
	for range 2 {
		want(t, "@x of another session", text(ctx, t, db, "SELECT @x"), "NULL")
	}
	short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	if err := readAll(short, db, "SELECT SLEEP(60) /* mark */"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want the context's", err)
	}
	wantFree(ctx, t, c)
	if s := c.Sessions(); s.Kills == 0 || s.Cuts != 0 {
		t.Errorf("kills = %d, cuts = %d, want at least one and 0", s.Kills, s.Cuts)
	}
}
