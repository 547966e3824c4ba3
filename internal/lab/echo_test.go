package lab_test

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// echo is a server that sends back what it gets, after its name.
type echo struct {
	addr string
	wg   sync.WaitGroup

	mu    sync.Mutex // guards the field below
	conns []net.Conn
}

func startEcho(t *testing.T, name string) *echo {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	e := &echo{addr: l.Addr().String()}
	e.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			e.mu.Lock()
			e.conns = append(e.conns, c)
			e.mu.Unlock()
			e.wg.Go(func() {
				defer c.Close()
				io.WriteString(c, name)
				io.Copy(c, c)
			})
		}
	})
	t.Cleanup(func() {
		l.Close()
		e.mu.Lock()
		for _, c := range e.conns {
			c.Close()
		}
		e.mu.Unlock()
		e.wg.Wait()
	})
	return e
}

func startProxy(t *testing.T, upstream string) *lab.Proxy {
	t.Helper()
	p, err := lab.NewProxy(t.Context(), upstream)
	must(t, err)
	t.Cleanup(func() { must(t, p.Close()) })
	return p
}

// dial connects; every use of the connection must be over within ten seconds.
func dial(t *testing.T, addr string) *net.TCPConn {
	t.Helper()
	var d net.Dialer
	c, err := d.DialContext(t.Context(), "tcp", addr)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	must(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(c, text)
	must(t, err)
}

func wantRead(t *testing.T, c net.Conn, want string) {
	t.Helper()
	buf := make([]byte, len(want))
	if n, err := io.ReadFull(c, buf); err != nil || string(buf) != want {
		t.Fatalf("read: got %q, %v, want %q", buf[:n], err, want)
	}
}

// wantSilence asserts that nothing comes for a while and the stream stays open.
func wantSilence(t *testing.T, c net.Conn) {
	t.Helper()
	must(t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	buf := make([]byte, 16)
	n, err := c.Read(buf)
	if nerr, ok := err.(net.Error); !ok || !nerr.Timeout() {
		t.Fatalf("read: got %q, %v, want silence", buf[:n], err)
	}
	must(t, c.SetReadDeadline(time.Now().Add(10*time.Second)))
}
