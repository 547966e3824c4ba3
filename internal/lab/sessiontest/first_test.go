package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
)

func TestSessionsShareBackends(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(20))")
	for i := range 20 {
		conn := hold(ctx, t, db)
		zone := []string{"+01:00", "+02:00"}[i%2]
		exec(ctx, t, conn, "SET time_zone = '"+zone+"'")
		defer func() { want(t, "time_zone", text(ctx, t, conn, "SELECT @@time_zone"), zone) }()
	}
	want(t, "time_zone of a new session", text(ctx, t, db, "SELECT @@session.time_zone"), "SYSTEM")
	res := exec(ctx, t, db, "INSERT INTO t (v) VALUES (?)", "a")
	if id, err := res.LastInsertId(); err != nil || id != 1 {
		t.Errorf("LastInsertId = %d, %v", id, err)
	}
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	exec(ctx, t, tx, "INSERT INTO t (v) VALUES (?)", "b")
	must(t, tx.Rollback())
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t WHERE v <> ?", "x"), "1")
	wantFree(ctx, t, c)
	if n := c.Stats().Open; n > 2 {
		t.Errorf("%d backends are open, want at most 2", n)
	}
	t.Logf("%+v", c.Sessions())
}
