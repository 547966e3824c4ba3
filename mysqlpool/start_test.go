package mysqlpool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// A configuration that is not made by the driver's constructor leaves the network empty, which the driver takes for TCP.
func TestOptionsForDiallingApplyWhereTheNetworkIsLeftEmpty(t *testing.T) {
	for _, network := range []string{"tcp", ""} {
		t.Run("network "+network, func(t *testing.T) {
			var asked atomic.Int32
			r := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
				asked.Add(1)
				return nil, errors.New("nobody answers")
			}}
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			cfg := &mysql.Config{User: "app", Net: network, Addr: "db.invalid:3306", AllowNativePasswords: true, Logger: &mysql.NopLogger{}}
			p, err := mysqlpool.NewConfig(ctx, cfg, quiet(), mysqlpool.WithResolver(r))
			if err == nil {
				closePool(t, p)
			}
			if asked.Load() == 0 {
				t.Errorf("the given resolver was not asked: %v", err)
			}
		})
	}
}

func TestGroupsOfOptionsMayMixBothPackages(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.Options(weir.WithMaxOpen(3), weir.Options(mysqlpool.WithServiceName("billing"))))
		defer closePool(t, p)
		if got := p.Settings().MaxOpen; got != 3 {
			t.Errorf("MaxOpen %d, want 3", got)
		}
		if got := strings.Join(p.HandshakeStatements(), "\n"); !strings.Contains(got, "billing Health Check") {
			t.Errorf("the name is not in %q", got)
		}
	})
}

func TestStartWaitBoundsTheFirstConnectionToo(t *testing.T) {
	for name, minIdle := range map[string]int{"no minimum idle": 0, "one idle": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				s.HangDial(true)
				start := time.Now()
				_, err := mysqlpool.NewConfig(t.Context(), configOf(s), quiet(), weir.WithMinIdle(minIdle),
					weir.WithStartWait(time.Second), weir.WithOpenTimeout(30*time.Second))
				if err == nil {
					t.Fatal("New succeeded")
				}
				if took := time.Since(start); took < time.Second || took > 1100*time.Millisecond {
					t.Errorf("New gave up after %v, want 1s: %v", took, err)
				}
				s.HangDial(false)
			})
		})
	}
}

// Run with -race: the check of one connection may learn what the statements of the next will be.
func TestHandshakeStatementsMayBeReadWhileConnectionsOpen(t *testing.T) {
	s := mysqltest.NewServer(mysqltest.Config{})
	defer s.Close()
	s.FailQueries(func(q string) bool { return strings.Contains(q, "super_read_only") }, mysqltest.NewError(1193))
	p := newPool(t, s, mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(2), weir.WithMaxOpen(8), weir.WithStartBackground())
	defer closePool(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	for p.Stats().Idle < 2 {
		p.HandshakeStatements()
		if ctx.Err() != nil {
			t.Fatal("no connection was opened")
		}
	}
	got := p.HandshakeStatements()
	if last := got[len(got)-1]; !strings.Contains(last, "read_only") || strings.Contains(last, "super_read_only") {
		t.Errorf("the last statement is %q, want one about the variables that the server knows", last)
	}
}

func TestFirstConnectionIsNotCheckedWhereNoneIsOnOpen(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(0), weir.WithoutCheck(weir.OnOpen), mysqlpool.WithValidationQuery("SELECT 42"))
		defer closePool(t, p)
		if s.Stats().Connects != 1 {
			t.Fatal("no first connection was tried: the test shows nothing")
		}
		for where, list := range map[string][]string{"the server saw": s.Queries(), "HandshakeStatements lists": p.HandshakeStatements()} {
			if strings.Contains(strings.Join(list, "\n"), "SELECT 42") {
				t.Errorf("%s the check in %q", where, list)
			}
		}
	})
}

func TestCloseWithoutAContextChangesNothing(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, db *sql.DB, s *mysqltest.Server) (*mysqlpool.Pool, error){
		"own DB": func(t *testing.T, _ *sql.DB, s *mysqltest.Server) (*mysqlpool.Pool, error) {
			return newPool(t, s, weir.WithMaxOpen(3)), nil
		},
		"wrapped DB": func(t *testing.T, db *sql.DB, _ *mysqltest.Server) (*mysqlpool.Pool, error) {
			return mysqlpool.Wrap(t.Context(), db, quiet(), weir.WithMaxOpen(3))
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				db := openDB(t, s, plain)
				defer db.Close()
				db.SetMaxOpenConns(1) // less than the pool needs
				p, err := open(t, db, s)
				if err != nil {
					t.Fatal(err)
				}
				defer closePool(t, p)
				var none context.Context
				if err := p.Close(none); !errors.Is(err, weir.ErrNilContext) {
					t.Errorf("Close = %v, want ErrNilContext", err)
				}
				for range 2 { // beside the one that is idle another must be opened
					l, err := p.Acquire(t.Context())
					if err != nil {
						t.Fatalf("the pool is open: %v", err)
					}
					defer l.Release()
				}
			})
		})
	}
}

// A tally counts what an instrumented driver sees.
type tally struct {
	driver.Connector
	opened, closed *atomic.Int32
}

type talliedConn struct {
	driver.Conn
	closed *atomic.Int32
}

func (c tally) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.opened.Add(1)
	return talliedConn{conn, c.closed}, nil
}

func (c talliedConn) Close() error { c.closed.Add(1); return c.Conn.Close() }

func TestInstrumentedDriversSeeEachConnectionClosedOnce(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		var opened, closed atomic.Int32
		db := openDB(t, s, func(c driver.Connector) driver.Connector { return tally{c, &opened, &closed} })
		defer db.Close()
		p, err := mysqlpool.Wrap(t.Context(), db, quiet(), weir.WithMinIdle(3))
		if err != nil {
			t.Fatal(err)
		}
		closePool(t, p)
		if o, c := opened.Load(), closed.Load(); o < 3 || o != c {
			t.Errorf("%d opened, %d closed, want at least 3 and as many", o, c)
		}
	})
}
