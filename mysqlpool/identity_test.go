package mysqlpool_test

import (
	"context"
	"database/sql"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

const aVtgate = "8103-121c81a328c0"

// openOver opens a DB with two backends that are ready.
func openOver(t *testing.T, s *mysqltest.Server) (*sql.DB, *mysqlpool.Connector) {
	t.Helper()
	con, err := mysqlpool.NewConnector(t.Context(), configOf(s), quiet(), weir.WithMaxOpen(2), weir.WithMinIdle(2))
	if err != nil {
		t.Fatal(err)
	}
	return con.OpenDB(), con
}

// Behind a proxy CONNECTION_ID() is the number of a connection that the proxy has to the server. KILL QUERY, which the proxy answers
// itself, would take it for that of another client.
func TestKillBehindAProxyHitsNobodyElse(t *testing.T) {
	for name, test := range map[string]struct {
		config mysqltest.Config
		cuts   uint64
	}{
		"none":                      {mysqltest.Config{}, 0},
		"unknown":                   {mysqltest.Config{Proxy: true}, 2},
		"vtgate":                    {mysqltest.Config{Proxy: true, Version: "8.4.0-Vitess", Vtgate: aVtgate}, 0},
		"vtgate by another version": {mysqltest.Config{Proxy: true, Version: "8.0.40", Vtgate: aVtgate}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, test.config, func(t *testing.T, s *mysqltest.Server) {
				db, con := openOver(t, s)
				defer db.Close()
				ctx := mysqlpool.ContextWithMode(t.Context(), mysqlpool.SessionMode)
				var conns [2]*sql.Conn
				for i := range conns {
					var err error
					if conns[i], err = db.Conn(ctx); err != nil {
						t.Fatal(err)
					}
					defer conns[i].Close()
				}
				wantKilledAlone(t, conns[0], conns[1])
				wantKilledAlone(t, conns[1], conns[0])
				synctest.Wait()
				if got := con.Sessions().Cuts; got != test.cuts {
					t.Errorf("cuts = %d, want %d", got, test.cuts)
				}
			})
		})
	}
}

// The driver dials a Unix socket by itself, and a proxy may listen there, too. Sockets stop a bubble's clock, so that this test has none.
func TestKillBehindAProxyOnAUnixSocketHitsNobodyElse(t *testing.T) {
	s := mysqltest.NewServer(mysqltest.Config{Proxy: true})
	defer s.Close()
	cfg := configOf(s)
	cfg.DialFunc, cfg.Net, cfg.Addr = nil, "unix", listenOnUnix(t, s)
	con, err := mysqlpool.NewConnector(t.Context(), cfg, quiet(), weir.WithMaxOpen(2), weir.WithMinIdle(2))
	if err != nil {
		t.Fatal(err)
	}
	db := con.OpenDB()
	defer db.Close()
	sleeps := make(chan struct{}, 2)
	s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
		if q.Text == "SELECT SLEEP(60)" {
			sleeps <- struct{}{}
		}
		return mysqltest.Reply{}, false
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := db.ExecContext(ctx, "SELECT SLEEP(60)")
			ended <- err
		}()
		<-sleeps
	}
	cancel()
	for range 2 {
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v", err)
		}
	}
	if err := con.Shutdown(t.Context()); err != nil { // it waits for what is done about both
		t.Error(err)
	}
	if got := con.Sessions().Cuts; got != 2 {
		t.Errorf("cuts = %d, want 2", got)
	}
	for _, text := range s.Queries() {
		if strings.HasPrefix(text, "KILL") {
			t.Errorf("weir has sent %s", text)
		}
	}
}

// listenOnUnix lets s be reached over a Unix socket, whose address it returns.
func listenOnUnix(t *testing.T, s *mysqltest.Server) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "weir") // the name of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	listener, err := net.Listen("unix", filepath.Join(dir, "s"))
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	t.Cleanup(all.Wait)
	t.Cleanup(func() { listener.Close() })
	pass := func(to, from net.Conn) {
		io.Copy(to, from)
		to.Close()
	}
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := s.Dial(t.Context(), "unix", "")
			if err != nil {
				client.Close()
				continue
			}
			all.Go(func() { pass(server, client) })
			all.Go(func() { pass(client, server) })
		}
	})
	return listener.Addr().String()
}

// wantKilledAlone ends a statement of one session by its context while another session's runs.
func wantKilledAlone(t *testing.T, late, other *sql.Conn) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() {
		_, err := late.ExecContext(ctx, "SELECT SLEEP(60)")
		ended <- err
	}()
	synctest.Wait()
	var killed int
	if err := other.QueryRowContext(t.Context(), "SELECT SLEEP(3)").Scan(&killed); err != nil || killed != 0 {
		t.Errorf("another client's SLEEP = %d, %v, want 0: it was killed", killed, err)
	}
	if err := <-ended; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error = %v", err)
	}
	synctest.Wait()
}

// vtgate's tablet closes the connection of a transaction when it interrupts a statement. The next statement fails, and those after it begin a
// transaction anew, which COMMIT would make permanent without what came before.
func TestNoHalfOfATransactionIsCommittedOverVtgate(t *testing.T) {
	inBubble(t, mysqltest.Config{Proxy: true, Version: "8.4.0-Vitess", Vtgate: aVtgate}, func(t *testing.T, s *mysqltest.Server) {
		db, con := openOver(t, s)
		defer db.Close()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := tx.ExecContext(late, "SELECT SLEEP(60)"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v", err)
		}
		if _, err := tx.ExecContext(t.Context(), "SELECT 1"); !errors.Is(err, mysqlpool.ErrSessionLost) {
			t.Errorf("the next statement's error = %v, want ErrSessionLost", err)
		}
		if err := tx.Commit(); mysqlpool.Classify(err) != mysqlpool.RolledBack {
			t.Errorf("commit = %v, which is %v, want %v", err, mysqlpool.Classify(err), mysqlpool.RolledBack)
		}
		if got := con.Sessions(); got.SessionsLost != 1 || got.Cuts != 0 {
			t.Errorf("lost %d, cuts %d, want 1 and 0", got.SessionsLost, got.Cuts)
		}
	})
}

// vtgate has no variable last_insert_id, and what a view or a trigger asks MySQL for is no session's number there.
func TestNothingIsSearchedOrSetOverVtgate(t *testing.T) {
	inBubble(t, mysqltest.Config{Proxy: true, Version: "8.4.0-Vitess", Vtgate: aVtgate}, func(t *testing.T, s *mysqltest.Server) {
		db, _ := openOver(t, s)
		defer db.Close()
		for range 3 {
			if _, err := db.ExecContext(t.Context(), "UPDATE t SET v = 1"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.ExecContext(t.Context(), "SELECT v FROM names"); err != nil {
				t.Fatal(err)
			}
		}
		for _, text := range s.Queries() {
			if strings.Contains(text, "information_schema") || strings.Contains(text, "last_insert_id =") {
				t.Errorf("weir has sent %s", text)
			}
		}
	})
}

// A tablet does not wait for what becomes of a statement that it has interrupted.
func TestInterruptedWriteOverVtgateHasNoKnownOutcome(t *testing.T) {
	inBubble(t, mysqltest.Config{Proxy: true, Version: "8.4.0-Vitess", Vtgate: aVtgate}, func(t *testing.T, s *mysqltest.Server) {
		db, _ := openOver(t, s)
		defer db.Close()
		s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) {
			return mysqltest.Reply{Delay: time.Minute}, strings.HasPrefix(q.Text, "UPDATE")
		})
		late, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := db.ExecContext(late, "UPDATE t SET v = 1")
		if !errors.Is(err, mysqlpool.ErrOutcomeUnknown) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error = %v, want ErrOutcomeUnknown and the context's", err)
		}
		s.FailQueries(func(text string) bool { return strings.HasPrefix(text, "DELETE") }, mysqltest.NewError(mysqltest.CodeQueryInterrupted))
		_, err = db.ExecContext(t.Context(), "DELETE FROM t")
		if !errors.Is(err, mysqlpool.ErrOutcomeUnknown) {
			t.Errorf("error = %v, want ErrOutcomeUnknown", err)
		}
	})
}
