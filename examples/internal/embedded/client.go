package embedded

import (
	"net"
	"sync"

	"github.com/dolthub/go-mysql-server/sql"
	"github.com/dolthub/vitess/go/mysql"
)

// client is one accepted connection.
type client struct {
	conn   net.Conn
	killed chan struct{} // closed by kill
	kill   func()        // closes the connection and wakes a wait for the turn; may be called more than once

	id uint32 // 0 until the handshake; guarded by clients.mu

	// The fields below belong to the connection's own goroutine.
	session sql.Session
	role    Role // as the session's variables show it
	holds   bool // the turn of the Data
	wrote   bool // in the transaction that is open
}

func newClient(conn net.Conn) *client {
	killed := make(chan struct{})
	kill := sync.OnceFunc(func() {
		close(killed)
		conn.Close()
	})
	return &client{conn: conn, killed: killed, kill: kill}
}

// clientOf returns the client that the handler's NewConnection tied to c.
func clientOf(c *mysql.Conn) *client { return c.ClientData.(*client) }

// clients are the open connections of one server.
type clients struct {
	max  int
	done sync.WaitGroup // counts the clients whose goroutine runs

	mu     sync.Mutex // guards the fields below
	byConn map[net.Conn]*client
	closed bool
}

func newClients(limit int) *clients {
	return &clients{max: limit, byConn: make(map[net.Conn]*client)}
}

// add takes a connection in, and reports whether there was room and the server is still open.
func (cs *clients) add(conn net.Conn) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if cs.closed || len(cs.byConn) >= cs.max {
		return false
	}
	cs.byConn[conn] = newClient(conn)
	cs.done.Add(1)
	return true
}

// name gives the connection its id, from which moment it can be killed by id.
func (cs *clients) name(conn net.Conn, id uint32) *client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cl := cs.byConn[conn]
	cl.id = id
	return cl
}

func (cs *clients) remove(conn net.Conn) {
	cs.mu.Lock()
	delete(cs.byConn, conn)
	cs.mu.Unlock()
	cs.done.Done()
}

func (cs *clients) count() int {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return len(cs.byConn)
}

// each returns the clients open now, and refuses new ones from now on when last is set.
func (cs *clients) each(last bool) []*client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.closed = cs.closed || last
	all := make([]*client, 0, len(cs.byConn))
	for _, cl := range cs.byConn {
		all = append(all, cl)
	}
	return all
}

func (cs *clients) idOf(cl *client) uint32 {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cl.id
}

func (cs *clients) find(id uint32) *client {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, cl := range cs.byConn {
		if cl.id == id && id != 0 {
			return cl
		}
	}
	return nil
}
