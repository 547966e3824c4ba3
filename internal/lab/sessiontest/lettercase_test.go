package sessiontest_test

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/mysqlpool"
)

// With lower_case_table_names=1 the server calls a database otherwise than the DSN does.
func TestNamesThatTheServerStoresInLowerCase(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{Args: []string{"--lower-case-table-names=1"}})
	for _, s := range []string{
		"CREATE DATABASE Mixed", "CREATE DATABASE `Other`", "GRANT ALL ON *.* TO app@'%'",
		"CREATE TABLE Mixed.T (id INT)", "INSERT INTO Mixed.T VALUES (1)", "CREATE TABLE Other.T (id INT)", "INSERT INTO Other.T VALUES (2)",
	} {
		admin(t, srv, s)
	}
	dsn := srv.DSN("app", "Mixed")
	const question = "SELECT CONCAT_WS(' ', DATABASE(), id, ?) FROM t"
	ask := func(on execer) string { return text(ctx, t, on, question, 7) }
	plain := hold(ctx, t, stock(t, dsn))
	mixed := ask(plain)
	exec(ctx, t, plain, "USE OTHER")
	other := ask(plain)

	db, c := open(t, dsn, weir.WithMaxOpen(1))
	conn := hold(ctx, t, db)
	for range 3 {
		want(t, "of the DSN", ask(conn), mixed)
		exec(ctx, t, conn, "USE OTHER")
		want(t, "of another database", ask(conn), other)
		want(t, "of another session", ask(db), mixed)
		exec(ctx, t, conn, "USE `MIXED`")
	}
	want(t, "after USE by the DSN's name", ask(conn), mixed)
	exec(ctx, t, conn, "USE other")
	exec(ctx, t, conn, "SET @x = 1") // the backend is reset when the session is checked in
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "after a reset", ask(db), mixed)
	if s := c.Stats(); s.Opened != 1 || c.Sessions().Resets == 0 {
		t.Errorf("%d connections were opened, %d resets, want 1 and at least one", s.Opened, c.Sessions().Resets)
	}

	pool, err := mysqlpool.New(ctx, dsn, weir.WithMaxOpen(1), mysqlpool.WithReset())
	must(t, err)
	defer func() { must(t, pool.Close(ctx)) }()
	for range 2 {
		must(t, pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
			want(t, "of a borrower", ask(conn), mixed)
			exec(ctx, t, conn, "USE OTHER")
			return nil
		}))
	}
	if s := pool.Stats(); s.Opened != 1 {
		t.Errorf("%d connections were opened, want 1", s.Opened)
	}
}
