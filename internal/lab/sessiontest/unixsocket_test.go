package sessiontest_test

import (
	"context"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A server's own Unix socket leads to no proxy: KILL QUERY with its number reaches the statement, and the connection stays.
func TestKillOverAUnixSocket(t *testing.T) {
	ctx := within(t, 30*time.Second)
	dsn := database(t)
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	cfg.Net, cfg.Addr = "unix", text(ctx, t, shared(t).Admin(), "SELECT IF(LEFT(@@socket, 1) = '/', @@socket, CONCAT(@@datadir, @@socket))")
	db, c := open(t, cfg.FormatDSN(), weir.WithMaxOpen(1))
	id := text(ctx, t, db, "SELECT CONNECTION_ID()")
	short, cancel := context.WithCancel(ctx)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- readAll(short, db, "SELECT SLEEP(60)") }()
	until(ctx, t, "the statement runs", func() bool { return running(ctx, t, shared(t), "SLEEP(60)") == 1 })
	cancel()
	wantIs(t, "the statement", <-ended, context.Canceled)
	wantFree(ctx, t, c)
	want(t, "the connection", text(ctx, t, db, "SELECT CONNECTION_ID()"), id)
	if s := c.Sessions(); s.Kills == 0 || s.Cuts != 0 {
		t.Errorf("kills %d, cuts %d, want some and none", s.Kills, s.Cuts)
	}
}
