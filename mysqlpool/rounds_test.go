package mysqlpool_test

import (
	"context"
	"database/sql"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/mysqltest"
	"github.com/weirpool/weir/mysqlpool"
)

// commandsByConnection lists what the server was asked, for each connection in the order of their numbers. go-sql-driver asks nothing by
// itself with this configuration: each command is a round trip more than it takes.
func commandsByConnection(s *mysqltest.Server) [][]string {
	by := map[uint32][]string{}
	for _, c := range s.Log() {
		if c.Name != "quit" {
			by[c.ThreadID] = append(by[c.ThreadID], c.Text)
		}
	}
	var out [][]string
	for _, id := range slices.Sorted(maps.Keys(by)) {
		out = append(out, by[id])
	}
	return out
}

// fills opens n connections and closes them again.
var fills = map[string]func(t *testing.T, s *mysqltest.Server, n int, opts ...mysqlpool.Option){
	"New": func(t *testing.T, s *mysqltest.Server, n int, opts ...mysqlpool.Option) {
		p := newPool(t, s, opts...)
		grow(t, n, func() error { return p.Resize(n, n) }, p.Stats)
		closePool(t, p)
	},
	"Wrap": func(t *testing.T, s *mysqltest.Server, n int, opts ...mysqlpool.Option) {
		db := openDB(t, s, plain)
		defer db.Close()
		p, err := mysqlpool.Wrap(t.Context(), db, append(opts, quiet())...)
		if err != nil {
			t.Fatal(err)
		}
		grow(t, n, func() error { return p.Resize(n, n) }, p.Stats)
		closePool(t, p)
	},
	"Open": func(t *testing.T, s *mysqltest.Server, n int, opts ...mysqlpool.Option) {
		c, err := mysqlpool.NewConnector(t.Context(), configOf(s), append(opts, quiet())...)
		if err != nil {
			t.Fatal(err)
		}
		grow(t, n, func() error { return c.Resize(n, n) }, c.Stats)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	},
}

func grow(t *testing.T, n int, resize func() error, stats func() weir.Stats) {
	t.Helper()
	if err := resize(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Minute)
	if got := stats().Idle; got != n {
		t.Fatalf("%d connections are open, want %d", got, n)
	}
}

func TestOpensTakeFewRoundTrips(t *testing.T) {
	servers := map[string]mysqltest.Config{"MySQL 8": {}, "MySQL 5.7": {Version: "5.7.44"}, "MariaDB": mariaDB}
	roles := map[string][]mysqlpool.Option{
		"any role": nil,
		"primary":  {mysqlpool.WithRole(mysqlpool.Primary)},
		"set-up":   {mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithSessionSetup("SET time_zone = '+00:00'")},
	}
	for kind, fill := range fills {
		for name, server := range servers {
			for role, opts := range roles {
				first, later := 1, 1
				if kind == "Open" {
					first += 2 // a transaction is begun and rolled back: its status flags must show
				}
				if kind == "Open" && name == "MySQL 5.7" {
					first++ // it has no CURRENT_ROLE(), which the greeting does not tell
				}
				if role == "set-up" {
					first, later = first+1, later+1
				}
				t.Run(kind+" "+name+" "+role, func(t *testing.T) {
					inBubble(t, server, func(t *testing.T, s *mysqltest.Server) {
						fill(t, s, 3, append(opts, weir.WithoutCheck(weir.WhileIdle))...)
						var got []int
						for _, commands := range commandsByConnection(s) {
							got = append(got, len(commands))
						}
						if d := cmp.Diff([]int{first, later, later}, got); d != "" {
							t.Errorf("round trips more than the driver's (-want +got):\n%s\n%s", d, strings.Join(s.Queries(), "\n"))
						}
					})
				})
			}
		}
	}
}

// A new connection may lead to a server of another kind, after a failover for example. It is asked what fits it, and checked for its role.
func TestOpensFollowTheServerToAnotherKind(t *testing.T) {
	kinds := map[string]mysqltest.Config{"MySQL": {}, "MySQL 5.7": {Version: "5.7.44"}, "MariaDB": mariaDB}
	for from, old := range kinds {
		for to, promoted := range kinds {
			inBubble(t, old, func(t *testing.T, s *mysqltest.Server) {
				next := mysqltest.NewServer(promoted)
				defer next.Close()
				leads := s
				c, err := mysqlpool.NewConnector(t.Context(), withDial(configOf(s), func() *mysqltest.Server { return leads }), quiet(),
					mysqlpool.WithRole(mysqlpool.Primary), weir.WithoutCheck(weir.WhileIdle))
				if err != nil {
					t.Fatal(err)
				}
				db := c.OpenDB()
				defer db.Close()
				leads = next
				c.EvictAll()
				for range 3 {
					if _, err := db.ExecContext(t.Context(), "INSERT INTO t VALUES (1)"); err != nil {
						t.Errorf("from %s to %s: %v", from, to, err)
					}
				}
				next.SetReadOnly(true)
				c.EvictAll()
				time.Sleep(time.Second)
				if got := c.Stats(); got.LastOpenError == nil || !strings.Contains(got.LastOpenError.Error(), "wrong role") {
					t.Errorf("from %s to %s: the last open ended with %v, want a wrong role", from, to, got.LastOpenError)
				}
			})
		}
	}
}

// distant makes each round trip to the server take that long, those of TCP and of the login included.
func distant(s *mysqltest.Server, roundTrip time.Duration) func(context.Context, string, string) (net.Conn, error) {
	s.SetConnectDelay(2 * roundTrip)
	s.SetDelay(roundTrip)
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		select {
		case <-time.After(roundTrip):
			return s.Dial(ctx, network, addr)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func TestDistantServersAreReachedOnDefaults(t *testing.T) {
	const roundTrip = 400 * time.Millisecond
	for name, c := range map[string]struct {
		opts  []mysqlpool.Option
		trips int // of the driver and of weir
	}{
		"any role":           {nil, 3 + 3},
		"primary and set-up": {[]mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary), mysqlpool.WithSessionSetup("SET time_zone = '+00:00'")}, 3 + 4},
		"no minimum idle":    {[]mysqlpool.Option{weir.WithMinIdle(0)}, 3 + 3},
	} {
		for flavour, server := range map[string]mysqltest.Config{"MySQL": {}, "MariaDB": mariaDB} {
			t.Run(name+" "+flavour, func(t *testing.T) {
				inBubble(t, server, func(t *testing.T, s *mysqltest.Server) {
					cfg := configOf(s)
					cfg.DialFunc = distant(s, roundTrip)
					began := time.Now()
					con, err := mysqlpool.NewConnector(t.Context(), cfg, append(c.opts, quiet())...)
					if err != nil {
						t.Fatal(err)
					}
					if took, want := time.Since(began), time.Duration(c.trips)*roundTrip; took != want {
						t.Errorf("Open took %v, want %v", took, want)
					}
					db := con.OpenDB()
					defer db.Close()
					began = time.Now()
					if err := db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took != roundTrip {
						t.Errorf("the first statement took %v, want %v", took, roundTrip)
					}
					time.Sleep(time.Second)
					began = time.Now()
					if err := db.QueryRowContext(t.Context(), "SELECT 1").Scan(new(int)); err != nil {
						t.Error(err)
					}
					if took := time.Since(began); took != 2*roundTrip {
						t.Errorf("a statement after a check took %v, want %v", took, 2*roundTrip)
					}
				})
			})
		}
	}
}

// The connection that a start without MinIdle tries is the first that is lent.
func TestTriedConnectionIsKept(t *testing.T) {
	inBubble(t, mysqltest.Config{}, func(t *testing.T, s *mysqltest.Server) {
		p := newPool(t, s, weir.WithMinIdle(0), weir.WithIdleTimeout(time.Minute))
		defer closePool(t, p)
		if err := p.Do(t.Context(), func(ctx context.Context, conn *sql.Conn) error { return selectOne(ctx, conn) }); err != nil {
			t.Fatal(err)
		}
		if got := s.Stats().Dials; got != 1 {
			t.Errorf("%d dials for one connection", got)
		}
		if got, was := p.Stats().MinIdle, p.Settings().MinIdle; got != 0 || was != 0 {
			t.Errorf("MinIdle is %d, and %d in the settings, want 0", got, was)
		}
		time.Sleep(10 * time.Minute)
		if got := p.Stats().Idle; got != 0 {
			t.Errorf("%d idle connections after ten IdleTimeouts, want none", got)
		}
	})
}
