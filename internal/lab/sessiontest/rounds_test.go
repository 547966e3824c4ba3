package sessiontest_test

import (
	"context"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// trips counts, for each connection, how often its client waited for an answer.
type trips struct {
	mu sync.Mutex // guards the field below
	of []int      // by connection, in the order of their dials
}

func (tr *trips) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.of = append(tr.of, 1) // TCP's own
	return &countedConn{Conn: conn, tr: tr, at: len(tr.of) - 1, asked: true}, nil
}

func (tr *trips) counted() []int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return append([]int(nil), tr.of...)
}

type countedConn struct {
	net.Conn
	tr    *trips
	at    int
	asked bool // something was sent since the last answer; the server's greeting answers the connect
}

func (c *countedConn) Write(b []byte) (int, error) {
	c.tr.mu.Lock()
	c.asked = true
	c.tr.mu.Unlock()
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.tr.mu.Lock()
	defer c.tr.mu.Unlock()
	if n > 0 && c.asked {
		c.asked = false
		c.tr.of[c.at]++
	}
	return n, err
}

// The first open takes at most three round trips more than the driver, each later one at most one more; a set-up is one more, its own.
func TestOpensTakeFewRoundTrips(t *testing.T) {
	dsn := database(t)
	config := func(tr *trips) *mysql.Config {
		cfg, err := mysql.ParseDSN(dsn)
		must(t, err)
		cfg.DialFunc = tr.dial
		cfg.Logger = &mysql.NopLogger{}
		return cfg
	}
	driver := &trips{}
	connector, err := mysql.NewConnector(config(driver))
	must(t, err)
	for range 2 { // MySQL's first login of a user takes two more
		conn, err := connector.Connect(t.Context())
		must(t, err)
		must(t, conn.Close())
	}
	base := driver.counted()[1]
	for name, c := range map[string]struct {
		opts []mysqlpool.Option
		own  int
	}{
		"any role": {nil, 0},
		"primary":  {[]mysqlpool.Option{mysqlpool.WithRole(mysqlpool.Primary)}, 0},
		"set-up":   {[]mysqlpool.Option{mysqlpool.WithSessionSetup("SET time_zone = '+00:00'")}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := within(t, 30*time.Second)
			seen := &trips{}
			con, err := mysqlpool.NewConnector(ctx, config(seen), append(c.opts, weir.WithoutCheck(weir.WhileIdle), weir.WithLogger(slog.New(slog.DiscardHandler)))...)
			must(t, err)
			defer con.Close()
			first := seen.counted()
			must(t, con.Resize(3, 3))
			until(ctx, t, "three are open", func() bool { return con.Stats().Idle == 3 })
			all := seen.counted()
			t.Logf("the driver takes %d, the first open %d, later ones %v", base, first[0], all[1:])
			if len(first) != 1 || first[0] > base+3+c.own {
				t.Errorf("the start dialled %d times and took %v round trips, want one and at most %d", len(first), first, base+3+c.own)
			}
			for _, n := range all[1:] {
				if n > base+1+c.own {
					t.Errorf("a later open took %d round trips, want at most %d", n, base+1+c.own)
				}
			}
		})
	}
}
