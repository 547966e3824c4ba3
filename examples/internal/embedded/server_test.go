package embedded_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/examples/internal/embedded"
)

func start(t *testing.T, cfg embedded.Config) *embedded.Server {
	t.Helper()
	srv, err := embedded.Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Stop)
	return srv
}

func open(t *testing.T, srv *embedded.Server) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(srv.DSN())
	if err != nil {
		t.Fatal(err)
	}
	cfg.Logger = &mysql.NopLogger{} // it reports the connections these tests break
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { db.Close() })
	return db
}

func connect(t *testing.T, db *sql.DB) *sql.Conn {
	t.Helper()
	conn, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func get[T any](t *testing.T, q queryer, query string, args ...any) T {
	t.Helper()
	var v T
	if err := q.QueryRowContext(t.Context(), query, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func exec(t *testing.T, q queryer, query string, args ...any) {
	t.Helper()
	if _, err := q.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

func wantNumber(t *testing.T, err error, want uint16) {
	t.Helper()
	got, ok := errors.AsType[*mysql.MySQLError](err)
	if !ok || got.Number != want {
		t.Fatalf("got error %v, want number %d", err, want)
	}
}

// eventually asks until the answer is yes, for what the server does in its own time.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	limit := time.After(10 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("still not: %s", what)
		}
	}
}

func wantCount(t *testing.T, srv *embedded.Server, want int) {
	t.Helper()
	eventually(t, "expected connection count", func() bool { return srv.ConnectionCount() == want })
}

func wantBroken(t *testing.T, conn *sql.Conn) {
	t.Helper()
	if _, err := conn.ExecContext(t.Context(), "SELECT 1"); err == nil {
		t.Fatal("a closed connection still answers")
	} else if _, spoke := errors.AsType[*mysql.MySQLError](err); spoke {
		t.Fatalf("the server said %v before it closed the connection", err)
	}
}

func TestStartRefusesBadConfig(t *testing.T) {
	for name, cfg := range map[string]embedded.Config{
		"no name":                  {},
		"unknown role":             {Name: "db", Role: 7},
		"negative MaxConnections":  {Name: "db", MaxConnections: -1},
		"MaxConnections too large": {Name: "db", MaxConnections: 100_001},
		"address of another host":  {Name: "db", Addr: "192.0.2.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			if srv, err := embedded.Start(t.Context(), cfg); err == nil {
				srv.Stop()
				t.Fatal("Start succeeded")
			}
		})
	}
}

func TestKillClosesOneConnectionBehindTheClientsBack(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	victim, other := connect(t, db), connect(t, db)
	id := get[uint32](t, victim, "SELECT CONNECTION_ID()")

	if !srv.Kill(id) {
		t.Fatal("Kill did not find the connection")
	}
	wantBroken(t, victim)
	wantCount(t, srv, 1)
	if srv.Kill(id) {
		t.Error("Kill found a connection that is gone")
	}
	if got := get[int](t, other, "SELECT 1"); got != 1 {
		t.Errorf("the other connection answered %d", got)
	}
}

func TestKillEndsARunningQuery(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	conn := connect(t, open(t, srv))
	id := get[uint32](t, conn, "SELECT CONNECTION_ID()")
	sleeping := connect(t, open(t, srv))

	ended := make(chan error, 1)
	go func() {
		var v any
		ended <- conn.QueryRowContext(t.Context(), "SELECT SLEEP(60)").Scan(&v)
	}()
	eventually(t, "query is running", func() bool {
		return get[int](t, sleeping, "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%SLEEP(60)'") == 1
	})
	srv.Kill(id)
	if err := <-ended; err == nil {
		t.Error("the query of a killed connection succeeded")
	}
	wantCount(t, srv, 1)
}

func TestKillAllLeavesTheServerOpen(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	conns := []*sql.Conn{connect(t, db), connect(t, db), connect(t, db)}
	if got := srv.ConnectionCount(); got != 3 {
		t.Fatalf("got %d connections, want 3", got)
	}

	if got := srv.KillAll(); got != 3 {
		t.Errorf("KillAll closed %d connections, want 3", got)
	}
	for _, conn := range conns {
		wantBroken(t, conn)
	}
	wantCount(t, srv, 0)
	if got := get[int](t, connect(t, db), "SELECT 1"); got != 1 {
		t.Errorf("a new connection answered %d", got)
	}
}

func TestAClientThatLeavesIsNotCounted(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	connect(t, db).Close() // back to the pool
	wantCount(t, srv, 1)
	db.Close()
	wantCount(t, srv, 0)
}

func TestStopClosesOpenConnectionsAndRefusesNewOnes(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1"})
	db := open(t, srv)
	idle, inTx := connect(t, db), connect(t, db)
	exec(t, inTx, "BEGIN")
	exec(t, inTx, "INSERT INTO payments (note) VALUES ('never committed')")
	silent, err := net.Dial("tcp", srv.Addr()) // it never logs in
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	wantCount(t, srv, 3)

	srv.Stop()
	srv.Stop()
	if got := srv.ConnectionCount(); got != 0 {
		t.Errorf("got %d connections after Stop", got)
	}
	wantBroken(t, idle)
	wantBroken(t, inTx)
	silent.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, silent); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("a connection that never logged in stayed open")
	}
	if conn, err := net.Dial("tcp", srv.Addr()); err == nil {
		conn.Close()
		t.Error("a stopped server accepts connections")
	}
}

func TestANewServerTakesTheAddressAndDataOfAStoppedOne(t *testing.T) {
	data := embedded.NewData()
	first := start(t, embedded.Config{Name: "db-1", Data: data})
	db := open(t, first)
	exec(t, db, "INSERT INTO payments (note, amount) VALUES ('kept', 5)")
	first.Stop()

	start(t, embedded.Config{Name: "db-1b", Addr: first.Addr(), Data: data})
	if got := get[string](t, db, "SELECT CONCAT(@@hostname, ' ', note) FROM payments"); got != "db-1b kept" {
		t.Errorf("got %q", got)
	}
}

func TestAFullServerAnswers1040(t *testing.T) {
	srv := start(t, embedded.Config{Name: "db-1", MaxConnections: 2})
	db := open(t, srv)
	first := connect(t, db)
	connect(t, db)
	_, err := db.Conn(t.Context())
	wantNumber(t, err, 1040)
	if full, _ := errors.AsType[*mysql.MySQLError](err); string(full.SQLState[:]) != "08004" {
		t.Errorf("got state %s, want 08004", full.SQLState[:])
	}

	srv.Kill(get[uint32](t, first, "SELECT CONNECTION_ID()"))
	wantCount(t, srv, 1)
	connect(t, db)
}
