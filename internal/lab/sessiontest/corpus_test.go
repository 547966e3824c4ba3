package sessiontest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/sqltext"
	"github.com/weirpool/weir/internal/sqltext/corpus"
)

// corpusSession is a session of who may do everything, in the corpus's databases. They are gone, and it is, when the test ends.
func corpusSession(ctx context.Context, t testing.TB, db *sql.DB) (conn *sql.Conn, renew func()) {
	t.Helper()
	conn, err := db.Conn(ctx)
	must(t, err)
	drop := func(ctx context.Context) {
		for _, s := range []string{"DROP DATABASE IF EXISTS corpus", "DROP DATABASE IF EXISTS other", "DROP DATABASE IF EXISTS `we``ird`"} {
			exec(ctx, t, conn, s)
		}
	}
	t.Cleanup(func() {
		drop(context.WithoutCancel(ctx))
		conn.Raw(func(any) error { return driver.ErrBadConn })
	})
	return conn, func() {
		t.Helper()
		drop(ctx)
		for _, s := range append(corpus.Schema, "USE corpus") {
			exec(ctx, t, conn, s)
		}
	}
}

// On MySQL, too, what is said to bring its own warnings does, and what is said to stay in its transaction does not end it. For MariaDB
// the oracle of session tracking tells.
func TestCorpusTellsWarningsAndTransactionsOnMySQL(t *testing.T) {
	srv := mysqlServer(t)
	ctx := within(t, 5*time.Minute)
	conn, renew := corpusSession(ctx, t, srv.Admin())
	renew()
	tried := 0
	for _, e := range corpus.Statements {
		s := sqltext.Classify(e.Text, e.Modes)
		if e.Modes != 0 || e.Harmful || e.Refused || e.MariaDBOnly || len(e.Needs) > 0 || s.Kind > sqltext.Share || s.Reach == sqltext.ReachAny && !s.OwnWarnings {
			continue
		}
		before := text(ctx, t, conn, "SELECT MAX(n) FROM corpus.counter")
		exec(ctx, t, conn, "START TRANSACTION")
		exec(ctx, t, conn, "UPDATE corpus.counter SET n = n + 1")
		exec(ctx, t, conn, "DO CAST('a' AS SIGNED), CAST('b' AS SIGNED), CAST('c' AS SIGNED), CAST('d' AS SIGNED), CAST('e' AS SIGNED)")
		_, err := conn.ExecContext(ctx, e.Text)
		if err == nil {
			tried++
		}
		if n := text(ctx, t, conn, "SHOW COUNT(*) WARNINGS"); err == nil && s.OwnWarnings && n == "5" {
			t.Errorf("%q: the warnings are those of before", e.Text)
		}
		exec(ctx, t, conn, "ROLLBACK")
		if after := text(ctx, t, conn, "SELECT MAX(n) FROM corpus.counter"); s.Reach != sqltext.ReachAny && after != before {
			t.Errorf("%q (error %v): the transaction was over before the ROLLBACK", e.Text, err)
		}
		if s.Reach == sqltext.ReachAny && err == nil {
			renew()
		}
	}
	if tried < 250 {
		t.Errorf("%d statements ran, want at least 250", tried)
	}
}
