package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// MySQL refuses to change session_track_gtids within a transaction (1766): no backend may be given it, or robbed of it, there.
func TestTrackingOfGTIDsDoesNotCostATransaction(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := databaseOn(t, mysqlServer(t))
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "SET session_track_gtids = OWN_GTID")
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	exec(ctx, t, conn, "SET group_concat_max_len = 77, max_execution_time = 10000")
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
	exec(ctx, t, conn, "SET lc_time_names = 'de_DE'")
	want(t, "session_track_gtids", text(ctx, t, conn, "SELECT @@session.session_track_gtids"), "OWN_GTID")
	exec(ctx, t, conn, "COMMIT")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM t"), "2")
	want(t, "session_track_gtids of another session", text(ctx, t, db, "SELECT @@session.session_track_gtids"), "OFF")
}
