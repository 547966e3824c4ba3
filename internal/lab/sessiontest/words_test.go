package sessiontest_test

import (
	"errors"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
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
		exec(ctx, t, conn, byFamily("SET STATEMENT max_statement_time = 10 FOR DO 1", "SELECT /*+ SET_VAR(max_execution_time = 10000) */ 1"))
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

func TestCommitWithoutAChainEndsWhatIsLost(t *testing.T) {
	ctx := within(t, time.Minute)
	s := newSevered(ctx, t)
	conn := hold(ctx, t, s.db)
	exec(ctx, t, conn, "BEGIN")
	exec(ctx, t, conn, "INSERT INTO t VALUES (1)")
	err := s.lose(func() error { _, err := conn.ExecContext(ctx, "COMMIT AND NO CHAIN"); return err })
	wantCause(t, "COMMIT", err, mysqlpool.ErrOutcomeUnknown)
	exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
}

func TestChangeOfRowsBehindACommentIsLostWithItsTransaction(t *testing.T) {
	ctx := within(t, time.Minute)
	s := newSevered(ctx, t)
	for _, text := range []string{"/* x */ INSERT INTO t VALUES (1)", "-- x\nDELETE FROM t", "DO SLEEP(0)", "(SELECT id FROM t FOR UPDATE)"} {
		conn := hold(ctx, t, s.db)
		exec(ctx, t, conn, "BEGIN")
		exec(ctx, t, conn, "INSERT INTO t VALUES (2)")
		err := s.lose(func() error { _, err := conn.ExecContext(ctx, text); return err })
		wantCause(t, text, err, mysqlpool.ErrSessionLost)
		if errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("%s: %v, though it is rolled back for certain", text, err)
		}
		exec(ctx, t, conn, "ROLLBACK")
		must(t, conn.Close())
	}
}
