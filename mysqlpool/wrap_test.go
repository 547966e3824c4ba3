package mysqlpool_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

func withDial(cfg *mysql.Config, where func() *mysqltest.Server) *mysql.Config {
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		return where().Dial(ctx, network, addr)
	}
	return cfg
}

func openDB(t *testing.T, s *mysqltest.Server, wrap func(driver.Connector) driver.Connector) *sql.DB {
	t.Helper()
	connector, err := mysql.NewConnector(configOf(s))
	if err != nil {
		t.Fatal(err)
	}
	return sql.OpenDB(wrap(connector))
}

func plain(c driver.Connector) driver.Connector { return c }

func TestWrapTakesOverTheLimitsAndGivesThemBack(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db := openDB(t, s, plain)
		defer db.Close()
		db.SetMaxOpenConns(3)
		db.SetMaxIdleConns(2)
		db.SetConnMaxLifetime(time.Hour)
		db.SetConnMaxIdleTime(time.Minute)
		if err := db.Ping(); err != nil {
			t.Fatal(err)
		}

		log := &notebook{}
		p, err := mysqlpool.Wrap(t.Context(), db, weir.WithLogger(newLogger(log)), weir.WithMaxOpen(6), weir.WithMinIdle(6))
		if err != nil {
			t.Fatal(err)
		}
		if !log.has("took over the limits") {
			t.Error("taking over the limits was not logged")
		}
		if got := s.Stats().Open; got != 6 {
			t.Errorf("%d connections on the server, want the pool's 6 and none of the DB's own", got)
		}
		closePool(t, p)

		if got := db.Stats().MaxOpenConnections; got != 3 {
			t.Errorf("MaxOpenConns = %d after Close, want 3", got)
		}
		borrow := func(n int) {
			var conns []*sql.Conn
			for range n {
				conn, err := db.Conn(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				conns = append(conns, conn)
			}
			for _, conn := range conns {
				conn.Close()
			}
		}
		borrow(3)
		if got := db.Stats(); got.Idle != 2 || got.MaxIdleClosed != 2 {
			t.Errorf("idle, closed beyond it = %d, %d after Close, want 2, 2 (one of each in Wrap)", got.Idle, got.MaxIdleClosed)
		}
		time.Sleep(2 * time.Minute)
		if got := db.Stats(); got.Idle != 0 || got.MaxIdleTimeClosed == 0 {
			t.Errorf("idle = %d, closed for idleness = %d after Close", got.Idle, got.MaxIdleTimeClosed)
		}
	})
}

func TestCloseGivesTheLimitsBackOnce(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db := openDB(t, s, plain)
		defer db.Close()
		p, err := mysqlpool.Wrap(t.Context(), db, quiet())
		if err != nil {
			t.Fatal(err)
		}
		closePool(t, p)
		db.SetMaxOpenConns(7)
		closePool(t, p)
		if got := db.Stats().MaxOpenConnections; got != 7 {
			t.Errorf("MaxOpenConns = %d, want the 7 set after Close", got)
		}
	})
}

func TestWrapThatFailsLeavesTheDBAsItWas(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db := openDB(t, s, plain)
		defer db.Close()
		db.SetMaxOpenConns(3)
		for name, opt := range map[string]mysqlpool.Option{
			"bad option": mysqlpool.WithRole(9), "wrong role": mysqlpool.WithRole(mysqlpool.Replica),
		} {
			if _, err := mysqlpool.Wrap(t.Context(), db, quiet(), opt); err == nil {
				t.Errorf("%s: Wrap succeeded", name)
			}
			if got := db.Stats().MaxOpenConnections; got != 3 {
				t.Errorf("%s: MaxOpenConns = %d, want 3", name, got)
			}
		}
		if err := db.Ping(); err != nil {
			t.Error(err)
		}
	})
}

func TestASecondWrapIsRefused(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db := openDB(t, s, plain)
		defer db.Close()
		db.SetMaxOpenConns(3)
		if _, err := mysqlpool.Wrap(t.Context(), db, quiet(), mysqlpool.WithRole(mysqlpool.Replica)); err == nil {
			t.Fatal("Wrap of a primary as a replica succeeded")
		}
		for range 2 { // a Wrap that failed, or whose pool is closed, is not in the way
			first, err := mysqlpool.Wrap(t.Context(), db, quiet())
			if err != nil {
				t.Fatal(err)
			}
			second, err := mysqlpool.Wrap(t.Context(), db, quiet())
			if err == nil {
				closePool(t, second)
				t.Error("a second Wrap of the same DB succeeded")
			} else if want := "mysqlpool: wrap: db is wrapped by another pool: use that one, or close it first"; err.Error() != want {
				t.Errorf("error %q, want %q", err, want)
			}
			closePool(t, first)
			if got := db.Stats().MaxOpenConnections; got != 3 {
				t.Errorf("MaxOpenConns = %d after Close, want 3", got)
			}
		}
	})
}

func TestWrapOfSessionsIsRefused(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db, _ := openSessionsOf(t, s)
		defer db.Close()
		p, err := mysqlpool.Wrap(t.Context(), db, quiet())
		if err == nil {
			closePool(t, p)
			t.Fatal("Wrap of a DB of Open succeeded")
		}
		if !strings.Contains(err.Error(), "db was made by Open") || !strings.Contains(err.Error(), "ConnectorOf") {
			t.Errorf("error %q does not say what to do", err)
		}
	})
}

// An instrumented driver hides the driver's connection behind its own. This one forwards what tells its health.
type traced struct {
	driver.Connector
	bare bool // hides everything optional
}

func (c traced) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if c.bare {
		return struct{ driver.Conn }{conn}, nil
	}
	return tracedConn{conn}, nil
}

type tracedConn struct{ driver.Conn }

func (c tracedConn) ResetSession(ctx context.Context) error {
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c tracedConn) IsValid() bool { return c.Conn.(driver.Validator).IsValid() }

func (c tracedConn) QueryContext(ctx context.Context, q string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, q, args)
}

func TestWrapWorksWithInstrumentedDrivers(t *testing.T) {
	for name, wrap := range map[string]func(driver.Connector) driver.Connector{
		"forwarding": func(c driver.Connector) driver.Connector { return traced{c, false} },
		"bare":       func(c driver.Connector) driver.Connector { return traced{c, true} },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
				db := openDB(t, s, wrap)
				defer db.Close()
				p, err := mysqlpool.Wrap(t.Context(), db, quiet(), mysqlpool.WithRole(mysqlpool.Primary), weir.WithMinIdle(3))
				if err != nil {
					t.Fatal(err)
				}
				defer closePool(t, p)
				s.DropAll()
				time.Sleep(time.Second) // beyond the window: a bare driver's connections are found dead by the query
				for range 6 {
					if err := p.Do(t.Context(), selectOne); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

func TestRetiredConnectionsAreReallyClosed(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		db := openDB(t, s, plain)
		defer db.Close()
		p, err := mysqlpool.Wrap(t.Context(), db, quiet(), weir.WithMinIdle(3), weir.WithMaxLifetime(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer closePool(t, p)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if st := s.Stats(); st.Open < 3 || st.Open > 6 || st.Connects < 30 || st.Quits != st.Connects-st.Open {
			t.Errorf("open %d, connects %d, quits %d, want 3 open, with their successors, and a goodbye for each of the others", st.Open, st.Connects, st.Quits)
		}
	})
}

func TestDoDiscardsWhatTheDriverGaveUpOn(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s)
		defer closePool(t, p)
		s.Handle(func(q mysqltest.Query) (mysqltest.Reply, bool) { return mysqltest.HangUp(), q.Text == "SELECT 2" })
		err := p.Do(t.Context(), func(ctx context.Context, conn *sql.Conn) error {
			_, err := conn.ExecContext(ctx, "SELECT 2")
			return err
		})
		if !errors.Is(err, mysql.ErrInvalidConn) {
			t.Fatalf("error = %v", err)
		}
		if got := p.Stats().Retired[weir.RetiredError]; got != 1 {
			t.Errorf("%d connections retired as broken, want 1", got)
		}
	})
}

func TestOptionsNameWhatIsWrong(t *testing.T) {
	opts := []mysqlpool.Option{
		mysqlpool.WithServiceName("*/ DROP TABLE"), mysqlpool.WithServiceName(strings.Repeat("x", 65)), mysqlpool.WithServiceName(""),
		mysqlpool.WithValidationQuery(" "), mysqlpool.WithValidationTimeout(0), mysqlpool.WithRole(3), mysqlpool.WithSessionSetup(""),
		mysqlpool.WithInstances(0, -1), mysqlpool.WithTCPUserTimeout(0), mysqlpool.WithTCPUserTimeout(30 * 24 * time.Hour), mysqlpool.WithTCPKeepAlive(time.Millisecond), mysqlpool.WithResolver(nil),
	}
	want := []string{
		`WithServiceName: "*/ DROP TABLE": limit is 1 to 64`, `WithServiceName: "xxx`, `WithServiceName: "": limit`,
		`WithValidationQuery: " ": limit is a statement`, `WithCheckTimeout: 0s: limit is above 0`, `WithRole: 3: limit is Any, Primary or Replica`,
		`WithSessionSetup: "": limit is a statement`, `WithInstances: instances 0: limit is at least 1`, `reserve -1: limit is at least 0`,
		`WithTCPUserTimeout: 0s: limit is 1ms to 24h`, `WithTCPUserTimeout: 720h0m0s: limit is 1ms to 24h`, `WithTCPKeepAlive: 1ms: limit is at least 1s`, `WithResolver: nil: a resolver is required`,
	}
	_, err := mysqlpool.NewConfig(t.Context(), mysql.NewConfig(), opts...)
	if err == nil {
		t.Fatal("no error")
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error does not say %q:\n%v", w, err)
		}
	}
	if _, err := weir.New(t.Context(), weir.Factory[int]{}, mysqlpool.WithRole(mysqlpool.Primary)); err == nil || !strings.Contains(err.Error(), "WithRole: this option is not for weir.New") {
		t.Errorf("weir.New took an option of mysqlpool: %v", err)
	}
}

func TestNamesOfEnumerations(t *testing.T) {
	got := []string{mysqlpool.Any.String(), mysqlpool.Primary.String(), mysqlpool.Replica.String(), mysqlpool.Role(9).String(),
		mysqlpool.Other.String(), mysqlpool.Denied.String(), mysqlpool.ServerDemoted.String(), mysqlpool.Class(99).String()}
	want := []string{"any", "primary", "replica", "role(9)", "other", "denied", "server demoted", "class?"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
