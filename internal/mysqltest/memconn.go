package mysqltest

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"time"
)

var (
	_ net.Conn     = (*memConn)(nil)
	_ syscall.Conn = (*memConn)(nil)
)

// memConn is one end of a connection in memory with the manners of TCP.
type memConn struct {
	in, out       *stream
	local, remote memAddr
	closing       func() // told before the first Close returns; may be nil
}

// memAddr is the address of an end of a memConn.
type memAddr string

func (memAddr) Network() string  { return "mem" }
func (a memAddr) String() string { return string(a) }

// newMemPair makes the two ends of a connection.
func newMemPair(clientAddr, serverAddr memAddr) (client, server *memConn) {
	up, down := newStream(), newStream()
	client = &memConn{in: down, out: up, local: clientAddr, remote: serverAddr}
	server = &memConn{in: up, out: down, local: serverAddr, remote: clientAddr}
	return client, server
}

func (c *memConn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	if err != nil && err != io.EOF {
		err = c.opError("read", err)
	}
	return n, err
}

func (c *memConn) Write(b []byte) (int, error) {
	if c.in.isDeaf() {
		return 0, c.opError("write", net.ErrClosed)
	}
	if err := c.out.write(b); err != nil {
		return 0, c.opError("write", err)
	}
	return len(b), nil
}

// Close sends what TCP would call a FIN: the other end reads what was written before, then io.EOF.
func (c *memConn) Close() error {
	if !c.in.deafen() {
		return c.opError("close", net.ErrClosed)
	}
	c.out.finish()
	if c.closing != nil {
		c.closing()
	}
	return nil
}

// reset ends both directions; what is under way is lost.
func (c *memConn) reset() {
	c.in.reset()
	c.out.reset()
	c.in.deafen()
}

func (c *memConn) LocalAddr() net.Addr  { return c.local }
func (c *memConn) RemoteAddr() net.Addr { return c.remote }

func (c *memConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.setReadDeadline(t)
	return nil
}

func (c *memConn) SetWriteDeadline(t time.Time) error {
	c.out.setWriteDeadline(t)
	return nil
}

func (c *memConn) opError(op string, err error) error {
	return &net.OpError{Op: op, Net: c.local.Network(), Source: c.local, Addr: c.remote, Err: err}
}

// SyscallConn exists for the driver's check of idle connections, which reads from the descriptor without waiting.
func (c *memConn) SyscallConn() (syscall.RawConn, error) { return memRawConn{c}, nil }

// memRawConn has no descriptor to hand out: Read reports what a read of a socket without waiting would find.
type memRawConn struct{ conn *memConn }

func (r memRawConn) Read(func(uintptr) bool) error { return r.conn.in.peek() }

func (r memRawConn) Write(func(uintptr) bool) error { return r.noDescriptor() }
func (r memRawConn) Control(func(uintptr)) error    { return r.noDescriptor() }

func (r memRawConn) noDescriptor() error {
	return r.conn.opError("raw-control", os.NewSyscallError("fcntl", syscall.EBADF))
}
