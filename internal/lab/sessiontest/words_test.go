package sessiontest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// What only looks like the end, or like a table, is not taken for one.
func TestTextsAreReadByTheirWords(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, database(t), weir.WithMaxOpen(1))
	exec(ctx, t, db, "CREATE TABLE duty (v INT)")
	t.Run("warnings of a table that begins with du", func(t *testing.T) {
		conn := hold(ctx, t, db)
		defer conn.Close()
		first(ctx, conn, "SELECT v FROM duty")()
		want(t, "COUNT(*) WARNINGS", text(ctx, t, conn, "SHOW COUNT(*) WARNINGS"), "0")
	})
	t.Run("nothing, and settings of one statement", func(t *testing.T) {
		conn := hold(ctx, t, db)
		defer conn.Close()
		exec(ctx, t, conn, "SET STATEMENT max_statement_time = 10 FOR DO 1")
		first(ctx, conn, "")() // which the server refuses
		first(ctx, conn, "-- nothing")()
		wantFree(ctx, t, c)
	})
	t.Run("profiling in a comment", func(t *testing.T) {
		conn := hold(ctx, t, db)
		before := backend(ctx, t, conn)
		exec(ctx, t, conn, "SET last_insert_id = 1 /* profiling */")
		must(t, conn.Close())
		wantFree(ctx, t, c)
		want(t, "backend afterwards", backend(ctx, t, db), before)
	})
}
