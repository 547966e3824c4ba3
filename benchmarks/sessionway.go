package benchmarks

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"
)

// A way is how far off the server seems to be. What waits is the client's side of the connection: a proxy that held back what
// passes would take more of two processors than those who are compared.
type way struct {
	more   atomic.Int64 // nanoseconds, to the server and back
	paused atomic.Int64 // nanoseconds, of all answers: a timer is late on a busy machine
	late   atomic.Int64 // answers
}

// lead has all connections made with cfg go by this way. It adds nothing until it is lengthened.
func (w *way) lead(cfg *mysql.Config) { cfg.DialFunc = w.dial }

// lengthen adds d to each round trip from now on.
func (w *way) lengthen(d time.Duration) { w.more.Store(int64(d)) }

// added is what it really added to a round trip, in the mean.
func (w *way) added() time.Duration { return time.Duration(w.paused.Load() / max(w.late.Load(), 1)) }

func (w *way) pause() {
	more := w.more.Load()
	if more == 0 {
		return
	}
	start := time.Now()
	time.Sleep(time.Duration(more))
	w.paused.Add(int64(time.Since(start)))
	w.late.Add(1)
}

func (w *way) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &distantConn{TCPConn: conn.(*net.TCPConn), way: w}, nil
}

// A distantConn delivers an answer late: once for each answer, however many packets were sent before without waiting for one,
// as a statement's closing is. The driver's look at the socket goes by the connection below.
type distantConn struct {
	*net.TCPConn
	way   *way
	asked bool // since the last answer
}

func (c *distantConn) Write(p []byte) (int, error) {
	c.asked = true
	return c.TCPConn.Write(p)
}

func (c *distantConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if c.asked {
		c.asked = false
		c.way.pause()
	}
	return n, err
}
