package vitesstest_test

import (
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/vitess"
	"github.com/weirpool/weir/mysqlpool"
)

// The DSN's database names the type of tablet, and a session can go from one to the other.
func TestTargets(t *testing.T) {
	ctx := within(t, time.Minute)
	name := table(ctx, t, "id INT PRIMARY KEY")
	for target, writes := range map[string]uint16{
		"shop": 0, "shop@primary": 0, "@primary": 0, "shop@replica": 1105, "shop@rdonly": 1105, "@replica": 1105, "shop:0": 0, "shop:0@replica": 0, // vtgate hands on what is sent to a shard; here all tablets are over one writable MySQL server
	} {
		t.Run(target, func(t *testing.T) {
			db, _ := open(t, target, weir.WithMaxOpen(2))
			_, err := db.ExecContext(ctx, "INSERT INTO shop."+name+" VALUES (1)")
			if number(err) != writes {
				t.Errorf("INSERT: %v, want error %d", err, writes)
			}
			if class := mysqlpool.Classify(err); class != mysqlpool.Other {
				t.Errorf("the error is %v, want %v", class, mysqlpool.Other)
			}
			want(t, "rows", text(ctx, t, db, "SELECT COUNT(*) FROM shop."+name+" WHERE id < 0"), "0")
			exec(ctx, t, stock(t, vitess.Unsharded), "DELETE FROM "+name)
		})
	}
}

// A session's own target goes with it, as any default database.
func TestTargetGoesWithTheSession(t *testing.T) {
	ctx := within(t, time.Minute)
	db, _ := open(t, vitess.Unsharded, weir.WithMaxOpen(1))
	reads, writes := hold(ctx, t, db), hold(ctx, t, db)
	exec(ctx, t, reads, "USE `shop@replica`")
	for range 3 {
		want(t, "the reader's target", text(ctx, t, reads, "SHOW VITESS_TARGET"), "shop@replica")
		want(t, "the writer's target", text(ctx, t, writes, "SHOW VITESS_TARGET"), "shop")
	}
	must(t, reads.Close())
	again := hold(ctx, t, db)
	want(t, "the next session's target", text(ctx, t, again, "SHOW VITESS_TARGET"), "shop")
}

// WithRole asks the MySQL server of a tablet that the target leads to, as on a connection without vtgate.
func TestRoleIsThatOfMySQL(t *testing.T) {
	ctx := within(t, 2*time.Minute)
	own := start(ctx, t)
	db, c := openOn(t, own, vitess.Unsharded, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMaxOpen(2), weir.WithMaxWait(300*time.Millisecond), weir.WithCheckWindow(0))
	want(t, "a statement", text(ctx, t, db, "SELECT 7"), "7")
	must(t, own.MySQL.SetReadOnly(ctx, true))
	_, err := mysqlpool.Open(ctx, own.DSN(vitess.Unsharded), quiet([]mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)})...)
	wantIs(t, "Open with WithRole(Primary) on a read-only server", err, weir.ErrWrongRole)
	replica, _ := openOn(t, own, vitess.Unsharded+"@replica", mysqlpool.WithRole(mysqlpool.Replica))
	want(t, "a replica's statement", text(ctx, t, replica, "SELECT 7"), "7")
	until(ctx, t, "the pool lends nothing", func() bool {
		_, err := db.ExecContext(ctx, "SELECT 7")
		return err != nil
	})
	_, err = db.ExecContext(ctx, "SELECT 7")
	wantIs(t, "a statement on a read-only server", err, weir.ErrExhausted)
	must(t, own.MySQL.SetReadOnly(ctx, false))
	until(ctx, t, "the pool lends again", func() bool {
		_, err := db.ExecContext(ctx, "SELECT 7")
		return err == nil
	})
	if s := c.Stats(); s.InUse != 0 {
		t.Errorf("%d backends are held", s.InUse)
	}
}
