package mysqltest

import (
	"net"
	"time"
)

// phase is how far a connection has come.
type phase uint8

const (
	dialing phase = iota // before the end of the login
	open                 // a session
	ended
)

// inboxSize lets a client send a few commands that are not answered (COM_STMT_CLOSE) before the session looks.
const inboxSize = 16

// conn is one connection. Two goroutines serve it: receive reads all that comes, so that a client's end is noticed
// while a statement runs, and serve answers.
type conn struct {
	server    *Server
	thread    uint32
	nc        net.Conn
	inbox     chan message  // from receive to serve
	over      chan struct{} // closed when phase becomes ended
	interrupt chan struct{} // capacity 1: KILL QUERY

	phase   phase // guarded by server.mu
	running bool  // guarded by server.mu: a command is being answered
	greeted bool  // guarded by server.mu: it holds one of max_connections

	session session // serve's own
}

func newConn(s *Server, thread uint32, nc net.Conn) *conn {
	return &conn{
		server:    s,
		thread:    thread,
		nc:        nc,
		inbox:     make(chan message, inboxSize),
		over:      make(chan struct{}),
		interrupt: make(chan struct{}, 1),
		session:   newSession(s.config),
	}
}

// receive reads until the client's end or the server's.
func (c *conn) receive() {
	defer c.nc.Close()
	for {
		m, err := readMessage(c.nc)
		if hole := c.server.swallowing(); hole != nil {
			if err == nil {
				continue
			}
			// The client's FIN is lost as well; it comes again when the wire is whole.
			select {
			case <-hole:
			case <-c.over:
			}
		}
		if err != nil {
			c.server.end(c, true)
			return
		}
		if isQuit(m) {
			c.server.note(c, "quit", "")
			c.server.end(c, true)
			return
		}
		select {
		case c.inbox <- m:
		case <-c.over:
		}
	}
}

// isQuit knows COM_QUIT: nothing else starts a conversation with this single byte, the login is far longer.
func isQuit(m message) bool { return m.seq == 0 && len(m.body) == 1 && m.body[0] == comQuit }

// serve logs the client in and answers it.
func (c *conn) serve() {
	if !c.login() {
		c.close()
		return
	}
	for {
		m, ok := c.next()
		if !ok || !c.command(m) {
			c.close()
			return
		}
	}
}

// next waits for a command, for as long as wait_timeout allows.
func (c *conn) next() (message, bool) {
	select {
	case m := <-c.inbox:
		return m, true
	default:
	}
	var expired <-chan time.Time
	if limit := c.session.waitTimeout; limit >= time.Second {
		timer := time.NewTimer(limit)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case m := <-c.inbox:
		return m, true
	case <-c.over:
		return message{}, false
	case <-expired:
		c.sayGoodbye()
		return message{}, false
	}
}

// sayGoodbye tells an idle client why its connection ends: MySQL does since 8.0.24, MariaDB never does.
func (c *conn) sayGoodbye() {
	if c.server.config.mariaDB() {
		return
	}
	p := &packets{}
	p.addError(NewError(CodeIdleDisconnect))
	c.send(p)
}

// send lets an answer go; false means that nobody is there any more.
func (c *conn) send(p *packets) bool {
	if !c.await(c.server.hanging()) {
		return false
	}
	if c.server.swallowing() != nil {
		return true
	}
	_, err := c.nc.Write(p.buf)
	return err == nil
}

// await waits for a gate to open; false means that the connection ended first.
func (c *conn) await(opening <-chan struct{}) bool {
	if opening == nil {
		return true
	}
	select {
	case <-opening:
		return true
	case <-c.over:
		return false
	}
}

// pauseEnd says why a pause ended.
type pauseEnd uint8

const (
	paused      pauseEnd = iota // it was as long as wanted
	interrupted                 // KILL QUERY
	abandoned                   // the connection ended
)

// pause waits for d, less when the statement is killed or the connection ends.
func (c *conn) pause(d time.Duration) pauseEnd {
	if d <= 0 {
		return paused
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return paused
	case <-c.interrupt:
		return interrupted
	case <-c.over:
		return abandoned
	}
}

// close ends the connection from serve's side; through a black hole its FIN arrives when that is over.
func (c *conn) close() {
	if hole := c.server.swallowing(); hole != nil {
		c.await(hole)
	}
	if c.server.end(c, false) {
		c.nc.Close()
	}
}

// cut ends the connection from outside.
func (c *conn) cut(reset bool) {
	if c.server.end(c, false) {
		hangUp(c.nc, reset)
	}
}

// clientGone is told by a client's end in memory that it closes. Through a black hole nobody knows.
func (s *Server) clientGone(c *conn) {
	if s.swallowing() == nil {
		s.end(c, true)
	}
}

// end takes a connection off the books, once: it reports whether this call did.
func (s *Server) end(c *conn, byClient bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch c.phase {
	case ended:
		return false
	case dialing:
		s.books.dialFails(byClient)
	case open:
		s.books.stats.Open--
	}
	if c.running && byClient {
		s.books.stats.Interrupted++
	}
	c.phase = ended
	delete(s.conns, c)
	close(c.over)
	return true
}

func (s *Server) note(c *conn, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books.note(Command{At: time.Now(), ThreadID: c.thread, Name: name, Text: text})
}

// begin and finish frame the answering of a command: KILL QUERY hits only in between.
func (s *Server) begin(c *conn, name, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.books.note(Command{At: time.Now(), ThreadID: c.thread, Name: name, Text: text})
	select {
	case <-c.interrupt:
	default:
	}
	c.running = true
}

func (s *Server) finish(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.running = false
}

func (s *Server) killQuery(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !c.running {
		return
	}
	select {
	case c.interrupt <- struct{}{}:
	default:
	}
}
