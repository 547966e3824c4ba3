package lab_test

import (
	"errors"
	"testing"

	"github.com/weirpool/weir/internal/lab"
)

// startMySQL starts a MySQL server for one test. Without MySQL the test is skipped.
func startMySQL(t *testing.T, cfg lab.Config) *lab.Server {
	t.Helper()
	if err := lab.Available(lab.MySQL); errors.Is(err, lab.ErrNoMySQL) {
		t.Skip(err)
	}
	cfg.Kind = lab.MySQL
	return start(t, cfg)
}

func TestMySQLRestartsWithItsRowsAndPasswords(t *testing.T) {
	srv := startMySQL(t, lab.Config{ReadOnly: true})
	must(t, srv.SetReadOnly(t.Context(), false))
	db := open(t, srv.DSN("app", "app"))
	run(t, db, "CREATE TABLE t (id INT PRIMARY KEY)")
	run(t, db, "INSERT INTO t VALUES (1), (2)")
	must(t, srv.SetPassword(t.Context(), "app", "new"))
	must(t, srv.Restart(t.Context()))

	db = open(t, srv.DSN("app", "app"))
	if n := queryInt(t, db, "SELECT COUNT(*) FROM t"); n != 2 {
		t.Errorf("after a restart: %d rows, want 2", n)
	}
	if n := queryInt(t, db, "SELECT @@read_only"); n != 0 {
		t.Errorf("after a restart: read_only = %d, want 0", n)
	}
	must(t, srv.Kill9())
	must(t, srv.Restart(t.Context()))
	if n := queryInt(t, db, "SELECT COUNT(*) FROM t"); n != 2 {
		t.Errorf("after a kill: %d rows, want 2", n)
	}
}

func TestMySQLLetsTheLabInWhenItIsFull(t *testing.T) {
	srv := startMySQL(t, lab.Config{MaxConnections: 10})
	db := open(t, srv.DSN("app", "app"))
	for range 10 {
		must(t, conn(t, db).PingContext(t.Context()))
	}
	if n, err := srv.Processes(t.Context(), "app"); err != nil || n != 10 {
		t.Errorf("Processes = %d, %v, want 10", n, err)
	}
}

func TestMySQLServersDiffer(t *testing.T) {
	a, b := startMySQL(t, lab.Config{}), startMySQL(t, lab.Config{})
	id := func(srv *lab.Server) (id string) {
		must(t, srv.Admin().QueryRow("SELECT @@server_uuid").Scan(&id))
		return id
	}
	if id(a) == id(b) {
		t.Error("two servers have one server_uuid")
	}
}

func TestMySQLReplicates(t *testing.T) {
	if err := lab.Available(lab.MySQL); errors.Is(err, lab.ErrNoMySQL) {
		t.Skip(err)
	}
	c, err := lab.StartPair(t.Context(), lab.MySQL)
	must(t, err)
	t.Cleanup(func() { must(t, c.Close()) })
	old, to := c.Primary(), c.Replicas()[0]
	run(t, app(t, old), "CREATE TABLE t (id INT PRIMARY KEY)")
	_, err = to.Admin().ExecContext(t.Context(), "CREATE DATABASE stray")
	wantErrno(t, err, 1290)
	_, err = c.Switchover(t.Context(), to)
	must(t, err)
	run(t, app(t, to), "INSERT INTO t VALUES (1)")
	must(t, c.Sync(t.Context()))
	wantRows(t, old, 1)
}
