package benchmarks

import (
	"context"
	"net"

	fatih "github.com/fatih/pool"
)

// A fatihPool keeps Max connections at most; it lends as many as are asked for.
type fatihPool struct {
	pool fatih.Pool
}

func openFatih(c Config) (Pool, error) {
	pool, err := fatih.NewChannelPool(c.Idle, c.Max, func() (net.Conn, error) {
		r, err := c.Open(context.Background())
		if err != nil {
			return nil, err
		}
		return netConn{Resource: r}, nil
	})
	if err != nil {
		return nil, err
	}
	return fatihPool{pool}, nil
}

func (p fatihPool) Use(_ context.Context, work func()) error {
	conn, err := p.pool.Get()
	if err != nil {
		return err
	}
	work()
	return conn.Close() // which gives it back
}

func (p fatihPool) Close() { p.pool.Close() }

// A netConn can be pooled as a connection, and closed; nothing else.
type netConn struct {
	net.Conn
	*Resource
}

func (netConn) Close() error { return nil }
