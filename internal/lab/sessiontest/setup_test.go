package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// After a reset the set-up runs in the default database of a new connection, and not in the one that the last session has chosen.
func TestSetupRunsInItsOwnDatabaseAfterAReset(t *testing.T) {
	ctx := within(t, time.Minute)
	dsn, other := database(t), nameOf(t, database(t))
	plain := stock(t, dsn)
	for table, value := range map[string]string{"config": "mine", other + ".config": "theirs"} {
		exec(ctx, t, plain, "CREATE TABLE "+table+" (name VARCHAR(10))")
		exec(ctx, t, plain, "INSERT INTO "+table+" VALUES ('"+value+"')")
	}
	db, c := open(t, dsn, weir.WithMaxOpen(1), mysqlpool.WithSessionSetup("SET @tenant = (SELECT name FROM config)"))
	const ask = "SELECT CONCAT(DATABASE(), ': ', @tenant)"
	before := text(ctx, t, db, ask)
	want(t, "a new connection", before, nameOf(t, dsn)+": mine")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "USE "+other)
	exec(ctx, t, conn, "SET @pins = 1")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "after a reset", text(ctx, t, db, ask), before)
	if s := c.Sessions(); s.Resets == 0 || s.ResetFails != 0 {
		t.Errorf("resets %d, failed %d, want some and none", s.Resets, s.ResetFails)
	}
}
