package mysqlpool

import (
	"context"
	"database/sql/driver"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// dialFunc dials TCP with the settings' timers. It resolves the name each time: where a name leads may change at any
// moment, and a pool that remembered would go on reaching the old server.
func (s *settings) dialFunc() func(ctx context.Context, network, addr string) (net.Conn, error) {
	d := &net.Dialer{
		Resolver: s.resolver,
		KeepAliveConfig: net.KeepAliveConfig{
			Enable: true, Idle: s.keepAlive, Interval: max(s.keepAlive/3, time.Second), Count: 3,
		},
	}
	if s.userTimeout != weir.NoLimit {
		d.Control = func(_, _ string, c syscall.RawConn) error { return setUserTimeout(c, s.userTimeout) }
	}
	return d.DialContext
}

// ourDialling reports whether the configuration leaves the dialing of a TCP address to us.
func ourDialling(cfg *mysql.Config) bool {
	return cfg.DialFunc == nil && (cfg.Net == "" || strings.HasPrefix(cfg.Net, "tcp")) // the driver takes no network for TCP
}

// driverConnector makes the driver's connector, which dials as the options say. cfg is changed.
func (s *settings) driverConnector(cfg *mysql.Config) (driver.Connector, error) {
	switch {
	case ourDialling(cfg):
		cfg.DialFunc = catch(s.dialFunc())
	case cfg.DialFunc == nil && cfg.Net == "unix": // which has none of the timers
		cfg.DialFunc = catch(new(net.Dialer).DialContext)
	case cfg.DialFunc != nil:
		cfg.DialFunc = catch(cfg.DialFunc)
	}
	if err := s.useCredentials(cfg); err != nil {
		return nil, err
	}
	return mysql.NewConnector(cfg)
}

// A socket receives the network connection that an open dials, so that it can be cut while a statement holds the driver's
// connection locked.
type socket struct {
	greeted atomic.Uint32 // the number that the server greeted the connection with; 0: it is not known

	mu   sync.Mutex // guards the field below
	conn net.Conn
}

type socketKey struct{}

// catch lets dial report to the socket in its context.
func catch(dial func(ctx context.Context, network, addr string) (net.Conn, error)) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if s, ok := ctx.Value(socketKey{}).(*socket); ok && err == nil {
			s.mu.Lock()
			s.conn = conn
			s.mu.Unlock()
			conn = watchGreeting(conn, &s.greeted)
		}
		return conn, err
	}
}

// cut closes the network connection, if it is known, under whoever waits for it.
func (s *socket) cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conn != nil {
		s.conn.Close() // a failure means that it is closed already
	}
}
