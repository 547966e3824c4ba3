package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// What was never sent has pinned nothing.
func TestAStatementThatWasNotSentDoesNotPin(t *testing.T) {
	ctx := within(t, 30*time.Second)
	db, c, here, _ := twoDatabases(ctx, t, weir.WithMaxOpen(2))
	doomed := here + "_doomed"
	admin(t, shared(t), "CREATE DATABASE "+doomed)
	admin(t, shared(t), "GRANT ALL ON `"+doomed+"`.* TO app@'%'")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "USE "+doomed)
	tx := elsewhere(ctx, t, db, conn)
	admin(t, shared(t), "DROP DATABASE "+doomed)
	if _, err := conn.ExecContext(ctx, "SET @a = 1"); number(err) != 1049 {
		t.Errorf("SET @a = 1: %v, want error 1049", err)
	}
	must(t, tx.Rollback())
	wantFree(ctx, t, c)
	if s := c.Sessions(); len(s.Pinned) > 0 {
		t.Errorf("pinned: %+v", s.Pinned)
	}
	exec(ctx, t, conn, "USE "+here)
	want(t, "the session goes on", text(ctx, t, conn, "SELECT v FROM t"), here)
}
