package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

// A server that begins to require TLS keeps the connections that it has and lets no other in without, those for KILL QUERY included.
func TestKillsWhereTLSIsRequiredSinceAWhile(t *testing.T) {
	ctx := within(t, time.Minute)
	srv := start(t, lab.Config{})
	root := labtest.Hold(ctx, t, srv.Admin()) // nor does it let the lab in
	require := func(value string) { exec(ctx, t, root, "SET GLOBAL require_secure_transport = "+value) }
	t.Cleanup(func() { root.ExecContext(context.WithoutCancel(ctx), "SET GLOBAL require_secure_transport = 0") })
	sleeps := func() string {
		return text(ctx, t, root, "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'app' AND info LIKE '%mark%'")
	}
	refused := number(pingWithoutTLS(ctx, t, srv, require)) // 3159, on MariaDB 1045
	log := &buffer{}
	db, c := open(t, srv.DSN("app", "app"), weir.WithMaxOpen(2), weir.WithMinIdle(2),
		weir.WithMaxWait(200*time.Millisecond), weir.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	cancelOne := func() {
		t.Helper()
		short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		if err := readAll(short, db, "SELECT SLEEP(60) /* mark */"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v, want the context's", err)
		}
	}
	require("1")
	for range 3 {
		cancelOne()
		until(ctx, t, "the statement was killed over the idle backend", func() bool { return sleeps() == "0" })
		wantFree(ctx, t, c)
	}
	if s := c.Sessions(); s.Cuts != 0 || s.Kills < 3 || c.Stats().Open != 2 {
		t.Errorf("kills = %d, cuts = %d, open %d, want at least 3, 0 and 2", s.Kills, s.Cuts, c.Stats().Open)
	}

	tx := begin(ctx, t, db) // no backend is idle
	cancelOne()
	until(ctx, t, "its connection was closed", func() bool { return c.Sessions().Cuts == 1 })
	until(ctx, t, "its backend is gone", func() bool { return c.Stats().Open == 1 })
	_, err := db.ExecContext(ctx, "DO 1") // the only backend is held
	if number(err) != refused || !errors.Is(err, weir.ErrExhausted) {
		t.Errorf("a caller without a connection got %v, want an exhausted error that names %d", err, refused)
	}
	for _, message := range []string{"KILL QUERY failed", "weir: opening failed"} {
		contains(t, "the log", string(log.bytes()), message)
	}
	if why := fmt.Sprint("Error ", refused); strings.Count(string(log.bytes()), why) != strings.Count(string(log.bytes()), "failures_in_a_row") {
		t.Errorf("a failure of the log does not name %s:\n%s", why, log.bytes())
	}
	must(t, tx.Commit())
	want(t, "answer of the backend that is left", text(ctx, t, db, "SELECT 1"), "1")
	require("0")
	until(ctx, t, "there are two backends again", func() bool { return c.Stats().Idle == 2 })
	_, err = srv.KillConnections(ctx, "app") // the statement that went on
	must(t, err)
}

// pingWithoutTLS returns the error of a login without TLS where it is required.
func pingWithoutTLS(ctx context.Context, t *testing.T, srv *lab.Server, require func(string)) error {
	t.Helper()
	require("1")
	defer require("0")
	return stock(t, srv.DSN("app", "app")).PingContext(ctx)
}
