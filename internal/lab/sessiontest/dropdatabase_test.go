package sessiontest_test

import (
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// nameOf is the database of a DSN.
func nameOf(t testing.TB, dsn string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	return cfg.DBName
}

func TestDropOfAnotherDatabaseDoesNotPin(t *testing.T) {
	ctx := within(t, time.Minute)
	db, c := open(t, database(t), weir.WithMaxOpen(2))
	other := nameOf(t, database(t))
	conn := hold(ctx, t, db)
	exec(ctx, t, conn, "DROP DATABASE "+other)
	exec(ctx, t, conn, "CREATE DATABASE "+other)
	wantFree(ctx, t, c)
	if s := c.Sessions(); len(s.Pinned) != 0 {
		t.Errorf("pinned: %v", s.Pinned)
	}
}

// A session that drops its default database has none afterwards, on whatever backend; others keep theirs.
func TestDropOfTheDefaultDatabaseLeavesNone(t *testing.T) {
	t.Run("that of the DSN", func(t *testing.T) { dropDefault(t, false) })
	t.Run("that of USE", func(t *testing.T) { dropDefault(t, true) })
}

func dropDefault(t *testing.T, use bool) {
	ctx := within(t, time.Minute)
	dsn := database(t)
	db, c := open(t, dsn, weir.WithMaxOpen(2))
	conn := hold(ctx, t, db)
	dropped := nameOf(t, dsn)
	if use {
		dropped = nameOf(t, database(t))
		exec(ctx, t, conn, "USE "+dropped)
	}
	exec(ctx, t, conn, "DROP DATABASE "+dropped)
	exec(ctx, t, conn, "CREATE DATABASE "+dropped)
	for range 3 {
		exec(ctx, t, db, "DO 1") // others are about
		want(t, "DATABASE()", text(ctx, t, conn, "SELECT DATABASE()"), "NULL")
	}
	if s := c.Sessions(); len(s.Pinned) != 1 || s.Pinned[0].Reason != mysqlpool.PinUnknown {
		t.Errorf("pinned: %v, want one for %v", s.Pinned, mysqlpool.PinUnknown)
	}
	must(t, conn.Close())
	wantFree(ctx, t, c)
	want(t, "DATABASE() of the next session", text(ctx, t, hold(ctx, t, db), "SELECT DATABASE()"), nameOf(t, dsn))
}
