package mysqltest

import (
	"context"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"
	"syscall"
)

// Server is a scripted MySQL server. All of its methods are safe for concurrent use.
type Server struct {
	config  Config
	closing chan struct{} // closed by Close
	wg      sync.WaitGroup

	mu       sync.Mutex // guards the fields below
	closed   bool
	conns    map[*conn]struct{}
	threads  uint32 // last thread id given
	inserts  uint64 // last insert id given
	role     role
	faults   faults
	books    books
	listener net.Listener
	address  string // of the listener, also while it is closed by Refuse
}

// NewServer makes a server that is up at once: [Server.Dial] reaches it. End it with [Server.Close].
func NewServer(config Config) *Server {
	config.Databases = slices.Clone(config.Databases)
	config = config.withDefaults()
	return &Server{
		config:  config,
		closing: make(chan struct{}),
		conns:   make(map[*conn]struct{}),
		role: role{
			readOnly:       config.ReadOnly || config.SuperReadOnly,
			superReadOnly:  config.SuperReadOnly,
			innodbReadOnly: config.InnodbReadOnly,
		},
	}
}

// Close drops every connection, closes the listener and returns when no goroutine of the server is left. It must
// not be called from a function given to [Server.Handle].
func (s *Server) Close() {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.closing)
	}
	listener := s.listener
	s.listener = nil
	s.mu.Unlock()
	if listener != nil {
		listener.Close()
	}
	s.DropAll()
	s.wg.Wait()
}

// Dial connects in memory. Its signature is that of mysql.Config's DialFunc; the address is not looked at.
func (s *Server) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	fail := func(err error) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Net: network, Addr: memAddr(address), Err: err}
	}
	if err := ctx.Err(); err != nil {
		return fail(err)
	}
	thread, opening := s.beginDial()
	for opening != nil {
		select {
		case <-opening:
			opening = s.dialGate()
		case <-ctx.Done():
			s.endDial(true)
			return fail(ctx.Err())
		case <-s.closing:
			opening = nil
		}
	}
	client, server := newMemPair(memAddr("client:"+strconv.FormatUint(uint64(thread), 10)), memAddr(address))
	if !s.admit(thread, server, client) {
		s.endDial(false)
		return fail(os.NewSyscallError("connect", syscall.ECONNREFUSED))
	}
	return client, nil
}

// ListenLoopback serves TCP on a free port of 127.0.0.1 and returns its address. It can be called once.
func (s *Server) ListenLoopback() (address string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.address != "" {
		return "", errors.New("mysqltest: listen: server is closed or listens already")
	}
	if err := s.listenLocked("127.0.0.1:0"); err != nil {
		return "", err
	}
	s.address = s.listener.Addr().String()
	return s.address, nil
}

func (s *Server) listenLocked(address string) error {
	listener, err := net.Listen("tcp4", address)
	if err != nil {
		return err
	}
	s.listener = listener
	s.wg.Go(func() { s.acceptAll(listener) })
	return nil
}

func (s *Server) acceptAll(listener net.Listener) {
	for {
		nc, err := listener.Accept()
		if err != nil {
			return
		}
		thread, _ := s.beginDial()
		if !s.admit(thread, nc, nil) {
			s.endDial(false)
			hangUp(nc, true)
		}
	}
}

// admit starts to serve a connection; false means that the server takes none. For a connection in memory, client
// is the other end: its Close is taken note of before it returns, so that a client that closes one connection and
// then opens another never has both.
func (s *Server) admit(thread uint32, nc net.Conn, client *memConn) bool {
	c := newConn(s, thread, nc)
	if client != nil {
		client.closing = func() { s.clientGone(c) }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.faults.refuse {
		return false
	}
	s.conns[c] = struct{}{}
	s.wg.Go(c.receive)
	s.wg.Go(c.serve)
	return true
}

// hangUp closes a connection, with a FIN or with a RST.
func hangUp(nc net.Conn, reset bool) {
	if !reset {
		nc.Close()
		return
	}
	switch nc := nc.(type) {
	case *memConn:
		nc.reset()
	case *net.TCPConn:
		nc.SetLinger(0)
		nc.Close()
	}
}
