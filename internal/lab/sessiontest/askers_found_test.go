package sessiontest_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
	"github.com/weirpool/weir/mysqlpool"
)

// poisoned leaves number 4711 or a later one on the only backend, and returns what a new session is told by the view or the like.
func poisoned(ctx context.Context, t testing.TB, db *sql.DB, ask string) string {
	t.Helper()
	exec(ctx, t, db, "INSERT INTO others (v) VALUES (1)")
	return text(ctx, t, hold(ctx, t, db), ask)
}

// assigned counts the SETs that the server has run for anybody.
func assigned(ctx context.Context, t testing.TB, srv *lab.Server) int {
	t.Helper()
	var name string
	var n int
	must(t, srv.Admin().QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Com_set_option'").Scan(&name, &n))
	return n
}

// Where nothing asks for a number unseen, handing a backend over costs no round trip. Where something does it costs one, and only if the
// number is another one.
func TestHandOversCostNothingWithoutAskers(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv, dsn := askerServer(t)
	plain := askerDatabase(ctx, t, srv, dsn)
	db, c := open(t, dsn, weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Hour))
	a, b := hold(ctx, t, db), hold(ctx, t, db)
	handOvers := func(statement string) int {
		before := assigned(ctx, t, srv)
		for range 20 {
			exec(ctx, t, a, statement)
			exec(ctx, t, b, statement)
		}
		return assigned(ctx, t, srv) - before
	}
	const insert, read = "INSERT INTO t (v) VALUES (1)", "SELECT v FROM three"
	if n, m := handOvers(insert), handOvers(read); n+m != 0 {
		t.Errorf("%d and %d SETs in 40 hand-overs, want none", n, m)
	}
	exec(ctx, t, plain, "CREATE VIEW a AS SELECT LAST_INSERT_ID() AS id")
	db.Close()
	wantFree(ctx, t, c)
	db, _ = open(t, dsn, weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Hour))
	a, b = hold(ctx, t, db), hold(ctx, t, db)
	if n := handOvers(read); n > 1 {
		t.Errorf("%d SETs in 40 hand-overs of the same number, want at most the first", n)
	}
	if n := handOvers(insert); n == 0 || n > 40 {
		t.Errorf("%d SETs in 40 hand-overs of other numbers, want at most one each", n)
	}
}

// What others define is known after the time that WithSearchEvery says, what sessions of the connector define at once.
func TestAskersThatComeLater(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv, dsn := askerServer(t)
	views, next := map[string]string{"CREATE VIEW a AS SELECT LAST_INSERT_ID() AS id": "SELECT id FROM a"}, "DO 1"
	if labtest.Kind() == lab.MariaDB {
		views["CREATE VIEW a AS SELECT LASTVAL(s) AS id"], next = "SELECT COALESCE(id, 0) FROM a", "SELECT NEXTVAL(s)"
	}
	for name, ask := range views {
		t.Run("of others/"+name, func(t *testing.T) {
			plain := askerDatabase(ctx, t, srv, dsn)
			db, _ := open(t, dsn, weir.WithMaxOpen(1), mysqlpool.WithSearchEvery(10*time.Millisecond))
			exec(ctx, t, db, next)
			want(t, "before", poisoned(ctx, t, db, "SELECT COUNT(*) FROM three"), "3")
			exec(ctx, t, plain, name)
			until(ctx, t, "the session's own number is told", func() bool { return poisonedOnce(ctx, t, db, ask) == "0" })
			for range 5 {
				want(t, "then", poisonedOnce(ctx, t, db, ask), "0")
			}
		})
		t.Run("of a session/"+name, func(t *testing.T) {
			askerDatabase(ctx, t, srv, dsn)
			db, _ := open(t, dsn, weir.WithMaxOpen(1))
			exec(ctx, t, db, next)
			want(t, "before", poisonedOnce(ctx, t, db, "SELECT COUNT(*) FROM three"), "3")
			exec(ctx, t, db, name)
			for range 5 {
				want(t, "then", poisonedOnce(ctx, t, db, ask), "0")
			}
		})
	}
}

// poisonedOnce is poisoned on a session that ends.
func poisonedOnce(ctx context.Context, t testing.TB, db *sql.DB, ask string) string {
	t.Helper()
	exec(ctx, t, db, "INSERT INTO others (v) VALUES (1)")
	return text(ctx, t, db, ask)
}

// An account that may not read a definition is not told another session's number by it.
func TestAskersWithDefinitionsThatMayNotBeRead(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv, dsn := askerServer(t)
	for _, a := range askers() {
		if a.holds("INSERT") || a.seen() || strings.Contains(a.name, "procedure") {
			continue // what an account may not read asks for LAST_INSERT_ID() only
		}
		t.Run(a.name, func(t *testing.T) {
			askerDatabase(ctx, t, srv, dsn)
			admins := stock(t, srv.DSN("admin", "askers"))
			a.define(ctx, t, admins)
			admin(t, srv, "DROP USER IF EXISTS poor@'%'")
			admin(t, srv, "CREATE USER poor@'%' IDENTIFIED BY 'pw'")
			admin(t, srv, "GRANT SELECT, INSERT, DELETE, EXECUTE ON askers.* TO poor@'%'")
			db, _ := open(t, fmt.Sprintf("poor:pw@tcp(%s)/askers", srv.Addr()), weir.WithMaxOpen(1))
			for range 3 {
				exec(ctx, t, db, "DELETE FROM log")
				exec(ctx, t, db, "INSERT INTO others (v) VALUES (1)")
				conn := hold(ctx, t, db)
				if a.use != "" {
					exec(ctx, t, conn, a.use)
				}
				want(t, "of a fresh session", text(ctx, t, conn, a.ask), "0")
				exec(ctx, t, conn, "DELETE FROM log")
				exec(ctx, t, conn, "INSERT INTO t (v) VALUES (1), (2)")
				own := text(ctx, t, conn, "SELECT LAST_INSERT_ID()")
				exec(ctx, t, db, "INSERT INTO others (v) VALUES (1)")
				if a.use != "" {
					exec(ctx, t, conn, a.use)
				}
				want(t, "its own", text(ctx, t, conn, a.ask), own)
				must(t, conn.Close())
			}
		})
	}
}

// What is not seen, as the documentation says: questions other than LAST_INSERT_ID() and LASTVAL() in a view.
func TestFoundRowsOfAViewMayBeAnotherSessions(t *testing.T) {
	ctx := within(t, 30*time.Second)
	srv, dsn := askerServer(t)
	plain := askerDatabase(ctx, t, srv, dsn)
	exec(ctx, t, plain, "CREATE VIEW a AS SELECT FOUND_ROWS() AS n")
	db, _ := open(t, dsn, weir.WithMaxOpen(1))
	run(ctx, t, db, "SELECT v FROM three")
	want(t, "another session's", text(ctx, t, db, "SELECT n FROM a"), "3")
}
