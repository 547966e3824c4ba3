package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A killServer is a driver of connections for kills. It counts those that are open.
type killServer struct {
	mu         sync.Mutex // guards the fields below
	name       string     // of the server that dials lead to
	odd        bool       // connections are not go-sql-driver's
	full       int        // how many more dials are refused, because the server is full
	open, most int
	killed     []string // the server and the text of each kill
}

type killConn struct {
	*noop
	to     *killServer
	server string
}

func (s *killServer) Driver() driver.Driver { return nil }

func (s *killServer) Connect(context.Context) (driver.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.full > 0 {
		s.full--
		return nil, &mysql.MySQLError{Number: 1040}
	}
	s.open++
	s.most = max(s.most, s.open)
	c := &killConn{noop: &noop{}, to: s, server: s.name}
	if s.odd {
		return struct{ driver.Conn }{c}, nil
	}
	return c, nil
}

func (c *killConn) Close() error {
	c.to.mu.Lock()
	defer c.to.mu.Unlock()
	c.to.open--
	return nil
}

func (c *killConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &noopRows{row: []driver.Value{"7", c.server, "3306", "1"}}, nil
}

func (c *killConn) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	c.to.mu.Lock()
	defer c.to.mu.Unlock()
	c.to.killed = append(c.to.killed, c.server+" "+text)
	return noopResult{}, nil
}

func (s *killServer) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// newTestKiller makes a killer with a limit of a second, where no backend is ever idle.
func newTestKiller(s *killServer, most int) *killer {
	var set settings
	set.killTimeout, set.kills = time.Second, most
	return newKiller(s, &set, func() (lease weir.Lease[*backend], ok bool) { return lease, false })
}

func killOn(ctx context.Context, k *killer, server string) error {
	return k.send(ctx, identity{id: "7", server: server + ":3306/1"}, nil)
}

func TestConnectionThatCannotKillIsClosed(t *testing.T) {
	s := &killServer{name: "a", odd: true}
	k := newTestKiller(s, 4)
	defer k.close()
	if err := killOn(t.Context(), k, "a"); err == nil {
		t.Error("no error")
	}
	if s.open != 0 {
		t.Errorf("%d connections were left open", s.open)
	}
}

func TestKillsKeepToTheirPlaces(t *testing.T) {
	for _, most := range []int{1, 2, 4} {
		synctest.Test(t, func(t *testing.T) {
			s := &killServer{}
			k := newTestKiller(s, most)
			for range 3 {
				for _, name := range []string{"a", "b", "c", "d", "e"} {
					s.set(func() { s.name = name })
					var all sync.WaitGroup
					for range 3 * most {
						all.Go(func() {
							if err := killOn(t.Context(), k, name); err != nil {
								t.Errorf("on %s: %v", name, err)
							}
						})
					}
					all.Wait()
				}
				time.Sleep(killerIdle + time.Second)
				s.set(func() {
					if s.open != 0 {
						t.Errorf("%d connections are open, long after the last kill", s.open)
					}
				})
			}
			k.close()
			if s.most != most {
				t.Errorf("%d connections at a time, want %d", s.most, most)
			}
		})
	}
}

func TestKillIsTriedAgainOnAFullServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &killServer{name: "a", full: 10}
		k := newTestKiller(s, 1)
		defer k.close()
		began := time.Now()
		if err := killOn(t.Context(), k, "a"); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took != 10*killDialAgain {
			t.Errorf("killed after %v, want %v", took, 10*killDialAgain)
		}
		s.set(func() { s.name, s.full = "b", 1000 })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if err := killOn(ctx, k, "b"); Classify(err) != ServerFull {
			t.Errorf("error = %v, want that of the full server", err)
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("given up after %v, want the limit of the kill", took)
		}
	})
}

func TestKillOnAnotherServerIsNotSent(t *testing.T) {
	s := &killServer{name: "a"}
	k := newTestKiller(s, 1)
	defer k.close()
	if err := killOn(t.Context(), k, "b"); !errors.Is(err, errOtherServer) {
		t.Errorf("error = %v", err)
	}
	if len(s.killed) != 0 {
		t.Errorf("killed: %q", s.killed)
	}
}
