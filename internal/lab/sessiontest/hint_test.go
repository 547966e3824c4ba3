package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// MySQL puts back what a hint has set, but not always as it was.
func TestAHintChangesNothingForTheNextSession(t *testing.T) {
	labtest.Only(t, lab.MySQL, "MariaDB 10.11 has no hints that set variables")
	ctx := within(t, 30*time.Second)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	text(ctx, t, conn, "SELECT /*+ SET_VAR(timestamp = 100) */ 1")
	must(t, conn.Close())
	wantFree(ctx, t, c)
	first := text(ctx, t, db, "SELECT NOW(6)")
	until(ctx, t, "the clock goes on", func() bool { return text(ctx, t, db, "SELECT NOW(6)") != first })

	conn, other := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, other, "SET sql_big_selects = 0")
	exec(ctx, t, conn, "SET sql_big_selects = 0")
	text(ctx, t, conn, "SELECT /*+ SET_VAR(max_join_size = 5) */ 1")
	must(t, conn.Close())
	want(t, "sql_big_selects of another session", text(ctx, t, other, "SELECT @@sql_big_selects"), "0")
}
