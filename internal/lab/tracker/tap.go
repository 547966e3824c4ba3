package tracker

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Tap collects what the connections dialled through it report. The zero value
// is ready. Its methods may be called concurrently; commands of different
// connections are then in the order in which they ended.
type Tap struct {
	mu       sync.Mutex // guards the fields below
	commands []Command
	err      error
}

// Dial dials a connection and listens to it. It is a Config.DialFunc of
// go-sql-driver/mysql.
func (t *Tap) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return t.Wrap(c), nil
}

// Wrap listens to a connection on which nothing has been said yet.
func (t *Tap) Wrap(c net.Conn) net.Conn {
	return &conn{Conn: c, tap: t}
}

// Take returns the commands whose answer is complete and forgets them. A
// command is complete when the driver has read its last packet. An error says
// why a connection cannot be listened to any more, and stays.
func (t *Tap) Take() ([]Command, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.commands
	t.commands = nil
	return out, t.err
}

func (t *Tap) add(c Command) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.commands = append(t.commands, c)
}

func (t *Tap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.err == nil {
		t.err = err
	}
}

// trackByte is where in the client's stream, counted from 0, the bit is that
// asks for session tracking: in the third byte of the first packet's body.
const trackByte = headLen + 2

// conn is a connection that is listened to.
type conn struct {
	net.Conn
	tap *Tap

	mu      sync.Mutex // guards the fields below
	sent    int        // bytes written, up to trackByte+1
	out, in framer
	talk    dialogue
	deaf    bool // after an error: bytes only pass
}

// Write hands the bytes on, with the one bit added.
func (c *conn) Write(b []byte) (int, error) {
	return c.Conn.Write(c.heard(b))
}

// heard reads what the client is about to send: the answer must find the
// dialogue ready for it.
func (c *conn) heard(b []byte) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf {
		return b
	}
	b = c.asking(b)
	c.out.feed(b, func(p packet) { c.hear(p, c.talk.client) })
	return b
}

// asking returns b with the bit that asks for session tracking, if it is in b
// and the server offers it. A writer must not change the caller's bytes.
func (c *conn) asking(b []byte) []byte {
	at := trackByte - c.sent
	c.sent = min(c.sent+len(b), trackByte+1)
	if at < 0 || at >= len(b) || !c.talk.trackable {
		return b
	}
	b = append([]byte(nil), b...)
	b[at] |= capSessionTrack >> 16
	return b
}

// Read returns the server's bytes after having read them.
func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.deaf {
		return n, err
	}
	c.in.feed(b[:n], func(p packet) { c.hear(p, c.talk.server) })
	return n, err
}

// hear lets one side of the dialogue read a message. What cannot be read makes
// the connection deaf: from there on any guess would be wrong.
func (c *conn) hear(p packet, read func(packet) (bool, error)) {
	if c.deaf {
		return
	}
	over, err := read(p)
	if err != nil {
		c.deaf = true
		c.tap.fail(err)
	} else if over {
		c.tap.add(c.talk.now)
	}
}

// SyscallConn gives the driver's check for a dead connection its socket.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	s, ok := c.Conn.(syscall.Conn)
	if !ok {
		return nil, syscall.EINVAL
	}
	return s.SyscallConn()
}
