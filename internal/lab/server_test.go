package lab_test

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
	"github.com/weirpool/weir/internal/lab/labtest"
)

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }
func isReset(err error) bool   { return errors.Is(err, syscall.ECONNRESET) }

func TestTheServerIsInstalled(t *testing.T) {
	must(t, lab.Available(labtest.Kind()))
}

func TestRestartKeepsRowsAndAddress(t *testing.T) {
	srv := start(t, lab.Config{})
	addr := srv.Addr()
	db := open(t, srv.DSN("app", "app"))
	run(t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	run(t, db, "INSERT INTO t VALUES (1), (2)")

	begun := time.Now()
	must(t, srv.Stop(t.Context()))
	t.Logf("stopped in %v", time.Since(begun).Round(time.Millisecond))
	wantRefused(t, addr)
	must(t, srv.Stop(t.Context()))
	begun = time.Now()
	must(t, srv.Restart(t.Context()))
	t.Logf("restarted in %v", time.Since(begun).Round(time.Millisecond))

	if got := srv.Addr(); got != addr {
		t.Errorf("address after restart: got %s, want %s", got, addr)
	}
	if got := queryInt(t, db, "SELECT COUNT(*) FROM t"); got != 2 {
		t.Errorf("rows after restart: got %d, want 2", got)
	}
}

func TestKill9EndsConnectionsAndKeepsCommittedRows(t *testing.T) {
	srv := start(t, lab.Config{})
	db := open(t, srv.DSN("app", "app"))
	run(t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	held := conn(t, db)
	run(t, held, "INSERT INTO t VALUES (1)")

	must(t, srv.Kill9())
	wantRefused(t, srv.Addr())
	if srv.Running() {
		t.Error("running after a kill")
	}
	if err := held.PingContext(t.Context()); err == nil {
		t.Error("a connection outlived its server")
	}
	must(t, srv.Restart(t.Context()))
	if got := queryInt(t, db, "SELECT COUNT(*) FROM t"); got != 1 {
		t.Errorf("rows after crash recovery: got %d, want 1", got)
	}
}

func TestReadOnlyServerRefusesWritesAcrossRestarts(t *testing.T) {
	srv := start(t, lab.Config{ReadOnly: true})
	db := open(t, srv.DSN("app", "app"))
	_, err := db.ExecContext(t.Context(), "CREATE TABLE t (id INT PRIMARY KEY)")
	wantErrno(t, err, 1290)

	must(t, srv.SetReadOnly(t.Context(), false))
	run(t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	must(t, srv.Restart(t.Context()))
	run(t, db, "INSERT INTO t VALUES (1)")

	must(t, srv.SetReadOnly(t.Context(), true))
	must(t, srv.Restart(t.Context()))
	_, err = db.ExecContext(t.Context(), "INSERT INTO t VALUES (2)")
	wantErrno(t, err, 1290)
}

func TestMaxConnectionsCountsAppsAndNotTheLab(t *testing.T) {
	srv := start(t, lab.Config{MaxConnections: 10})
	db := open(t, srv.DSN("app", "app"))
	for range 10 {
		conn(t, db)
	}
	_, err := db.Conn(t.Context())
	wantErrno(t, err, 1040)
	got, err := srv.Processes(t.Context(), "app")
	must(t, err)
	if got != 10 {
		t.Errorf("processes of app: got %d, want 10", got)
	}
}

func TestWaitTimeoutClosesIdleConnections(t *testing.T) {
	srv := start(t, lab.Config{WaitTimeout: time.Second})
	held := conn(t, open(t, srv.DSN("app", "app")))
	must(t, held.PingContext(t.Context()))
	untilProcesses(t, srv, "app", 0)
	if err := held.PingContext(t.Context()); err == nil {
		t.Error("the connection works after the server closed it")
	}
}

func TestPausedServerIsSilentUntilContinued(t *testing.T) {
	srv := start(t, lab.Config{})
	db := open(t, srv.DSN("app", "app"))
	must(t, db.PingContext(t.Context()))
	must(t, srv.Pause(t.Context()))

	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := db.PingContext(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ping of a paused server: got %v, want deadline exceeded", err)
	}
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", srv.Addr())
	if err != nil {
		t.Fatalf("a paused server's kernel accepts: %v", err)
	}
	must(t, c.Close())

	must(t, srv.Continue())
	must(t, db.PingContext(t.Context()))
}

func TestPausedServerCanBeStopped(t *testing.T) {
	srv := start(t, lab.Config{})
	must(t, srv.Pause(t.Context()))
	must(t, srv.Stop(t.Context()))
	if srv.Running() {
		t.Error("running after a stop")
	}
}

func TestStopKillsWhenTimeIsUp(t *testing.T) {
	srv := start(t, lab.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := srv.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context canceled", err)
	}
	if srv.Running() {
		t.Error("running after a stop")
	}
}

func TestKillConnectionsEndsThoseOfOneUser(t *testing.T) {
	srv := start(t, lab.Config{})
	app := conn(t, open(t, srv.DSN("app", "app")))
	other := conn(t, open(t, srv.DSN("admin", "app")))
	n, err := srv.KillConnections(t.Context(), "app")
	must(t, err)
	if n != 1 {
		t.Errorf("killed: got %d, want 1", n)
	}
	untilProcesses(t, srv, "app", 0)
	if err := app.PingContext(t.Context()); err == nil {
		t.Error("a killed connection works")
	}
	must(t, other.PingContext(t.Context()))
}

func TestSetPasswordRefusesTheOldOne(t *testing.T) {
	srv := start(t, lab.Config{})
	before := srv.DSN("app", "app")
	must(t, srv.SetPassword(t.Context(), "app", "it's new"))
	wantErrno(t, open(t, before).PingContext(t.Context()), 1045)
	must(t, open(t, srv.DSN("app", "app")).PingContext(t.Context()))
	if err := srv.SetPassword(t.Context(), "admin", "x"); err == nil {
		t.Error("the lab's own password was changed")
	}
}

func TestPasswordsOutliveARestartAndAKill(t *testing.T) {
	srv := start(t, lab.Config{ReadOnly: true})
	must(t, srv.SetPassword(t.Context(), "app", "new"))
	must(t, srv.Restart(t.Context()))
	must(t, open(t, srv.DSN("app", "app")).PingContext(t.Context()))
	must(t, srv.Kill9())
	must(t, srv.Restart(t.Context()))
	must(t, open(t, srv.DSN("app", "app")).PingContext(t.Context()))
}

func TestSetGlobal(t *testing.T) {
	srv := start(t, lab.Config{})
	must(t, srv.SetGlobal(t.Context(), "max_connections", 33))
	if got := queryInt(t, srv.Admin(), "SELECT @@max_connections"); got != 33 {
		t.Errorf("max_connections: got %d, want 33", got)
	}
	if err := srv.SetGlobal(t.Context(), "x=1; --", 1); err == nil {
		t.Error("a name that is none was accepted")
	}
	wantErrno(t, srv.SetGlobal(t.Context(), "no_such_variable", 1), 1193)
}

func TestRSSIsThatOfARealServer(t *testing.T) {
	got, err := start(t, lab.Config{}).RSS()
	must(t, err)
	t.Logf("resident: %d MB", got>>20)
	if got < 20<<20 || got > 1<<30 {
		t.Errorf("resident bytes: got %d, want 20 MB to 1 GB", got)
	}
}

func TestServersShareAPortOnDifferentHosts(t *testing.T) {
	first := start(t, lab.Config{Host: "127.0.0.21", Args: []string{"--server-id=21"}})
	second := start(t, lab.Config{Host: "127.0.0.22", Port: first.Port(), Args: []string{"--server-id=22"}})
	for srv, want := range map[*lab.Server]int{first: 21, second: 22} {
		if got := queryInt(t, open(t, srv.DSN("app", "app")), "SELECT @@server_id"); got != want {
			t.Errorf("server on %s: got id %d, want %d", srv.Addr(), got, want)
		}
	}
}

func TestStartOnATakenPortFailsAndSaysSo(t *testing.T) {
	srv := start(t, lab.Config{})
	_, err := lab.Start(t.Context(), lab.Config{Kind: labtest.Kind(), Port: srv.Port()})
	if err == nil || !strings.Contains(err.Error(), "port taken") {
		t.Errorf("got %v, want port taken", err)
	}
}

func TestFailedStartShowsTheServersLogAndLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	_, err := lab.Start(t.Context(), lab.Config{Kind: labtest.Kind(), Args: []string{"--no-such-option=1"}})
	if err == nil || !strings.Contains(err.Error(), "unknown variable 'no-such-option=1'") {
		t.Errorf("got %v, want the server's own words", err)
	}
	wantEmpty(t, os.TempDir())
}

func TestCloseLeavesNothing(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	srv, err := lab.Start(t.Context(), lab.Config{Kind: labtest.Kind()})
	must(t, err)
	must(t, srv.Close())
	wantRefused(t, srv.Addr())
	if srv.Running() {
		t.Error("running after a close")
	}
	must(t, srv.Close())
	if err := srv.Restart(t.Context()); err == nil {
		t.Error("a closed server was restarted")
	}
	if err := srv.Admin().PingContext(t.Context()); err == nil || errors.Is(err, sql.ErrConnDone) {
		t.Errorf("the lab's pool after a close: got %v, want closed", err)
	}
	wantEmpty(t, os.TempDir())
}

func untilProcesses(t *testing.T, srv *lab.Server, user string, want int) {
	t.Helper()
	until(t, "the server has closed the connections of "+user, func(ctx context.Context) (bool, error) {
		n, err := srv.Processes(ctx, user)
		return n == want, err
	})
}

func wantEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) > 0 {
		t.Errorf("left behind in the temporary directory: %v", entries)
	}
}
