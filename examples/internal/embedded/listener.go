package embedded

import (
	"net"
	"time"
)

// tooMany is what a full server sends instead of its greeting: an error packet 1040, state 08004.
const tooMany = "\x1d\x00\x00\x00" + "\xff\x10\x04" + "#08004" + "Too many connections"

// listener lets in as many connections as the server's limit allows. The engine's own limit closes the others without a word.
type listener struct {
	net.Listener
	clients *clients
}

// Accept returns the next connection for which there is room.
func (l *listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.clients.add(conn) {
			return conn, nil
		}
		// A fresh connection's send buffer is empty, so the write does not wait; the deadline makes it certain.
		conn.SetWriteDeadline(time.Now().Add(time.Second))
		conn.Write([]byte(tooMany))
		conn.Close()
	}
}
