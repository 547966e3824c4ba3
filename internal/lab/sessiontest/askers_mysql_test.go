package sessiontest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// MySQL shows an account less of what it may not read than MariaDB does: no trigger at all.
func TestAskersOfMySQL(t *testing.T) {
	srv := mysqlServer(t)
	ctx := within(t, time.Minute)
	for _, account := range []string{"all", "few"} {
		for _, a := range askers {
			if strings.Contains(a.name, "sequence") || strings.Contains(a.name, "VARIABLES") || strings.Contains(a.name, "procedure") || a.name == "default" {
				continue // MariaDB's, or pins the only backend
			}
			t.Run(account+"/"+a.name, func(t *testing.T) {
				dsn := databaseOn(t, srv)
				name := dsn[strings.LastIndexByte(dsn, '/')+1:]
				plain := stock(t, srv.DSN("admin", name))
				for _, s := range askerTables {
					if !strings.Contains(s, "SEQUENCE") {
						exec(ctx, t, plain, s)
					}
				}
				a.make = strings.Replace(a.make, "BIGINT RETURN", "BIGINT NO SQL RETURN", 1)
				a.define(ctx, t, plain)
				if account == "few" {
					admin(t, srv, "CREATE USER few@'%' IDENTIFIED BY 'pw'")
					t.Cleanup(func() { srv.Admin().Exec("DROP USER few@'%'") })
					admin(t, srv, fmt.Sprintf("GRANT SELECT, INSERT, DELETE, EXECUTE ON `%s`.* TO few@'%%'", name))
					dsn = fmt.Sprintf("few:pw@tcp(%s)/%s", srv.Addr(), name)
				}
				db, _ := open(t, dsn, weir.WithMaxOpen(1))
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
}

// Where an account may see everything, and nothing asks unseen, MySQL is not sent a SET more.
func TestHandOversCostNothingOnMySQL(t *testing.T) {
	srv := mysqlServer(t)
	ctx := within(t, time.Minute)
	db, _ := open(t, databaseOn(t, srv), weir.WithMaxOpen(1), weir.WithCheckIdleEvery(time.Hour))
	exec(ctx, t, db, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v INT)")
	before := assigned(ctx, t, srv)
	for range 20 {
		exec(ctx, t, db, "INSERT INTO t (v) VALUES (1)")
		run(ctx, t, db, "SELECT v FROM t")
	}
	if n := assigned(ctx, t, srv) - before; n != 0 {
		t.Errorf("%d SETs, want none", n)
	}
}
