package mysqltest

import "time"

// faults is the script: what goes wrong from now on.
type faults struct {
	handler      func(Query) (Reply, bool)
	queryMatch   func(string) bool
	queryError   Error
	connectError Error
	nextErrors   []Error // for the next attempts to connect, one each
	refusal      Error   // of writes; zero for what the server's flavour says
	maxConns     int
	delay        time.Duration
	connectDelay time.Duration
	refuse       bool
	hang         gate
	hangDial     gate
	hole         gate
}

// dialGate is what a dial has to wait for; nil for nothing.
func (f *faults) dialGate() <-chan struct{} {
	switch {
	case f.refuse:
		return nil
	case f.hangDial.opening() != nil:
		return f.hangDial.opening()
	}
	return f.hole.opening()
}

// set changes the script.
func (s *Server) set(change func(*faults)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.faults)
}

// Handle makes answer the first to be asked about every statement; nil takes the last one away. With false it leaves the
// statement to the built-in answers. It is called from the goroutines of the sessions, several at once.
func (s *Server) Handle(answer func(Query) (Reply, bool)) {
	s.set(func(f *faults) { f.handler = answer })
}

// FailQueries answers statements whose text matches with err, before any handler; a nil match ends it.
func (s *Server) FailQueries(match func(text string) bool, err Error) {
	s.set(func(f *faults) { f.queryMatch, f.queryError = match, err })
}

// FailConnects answers every attempt to connect with err: errors 1040, 1053 and 1129 in the place of the greeting, others
// after the login. The zero Error ends it.
func (s *Server) FailConnects(err Error) {
	s.set(func(f *faults) { f.connectError = err })
}

// FailNextConnect answers the next n attempts to connect with err. Repeated calls queue up; they go before
// [Server.FailConnects].
func (s *Server) FailNextConnect(n int, err Error) {
	s.set(func(f *faults) {
		for range n {
			f.nextErrors = append(f.nextErrors, err)
		}
	})
}

// SetMaxConns answers 1040 to whoever connects while n connections are open, logins under way among them; 0 for
// no limit. [Server.Dial]'s connections stop counting when their client's Close returns, TCP's when the server
// has seen it.
func (s *Server) SetMaxConns(n int) {
	s.set(func(f *faults) { f.maxConns = n })
}

// SetWriteError refuses writes with err instead of the flavour's own error as long as the server is read only. The
// zero Error ends it.
func (s *Server) SetWriteError(err Error) {
	s.set(func(f *faults) { f.refusal = err })
}

// SetDelay makes every command wait for d before it is looked at.
func (s *Server) SetDelay(d time.Duration) {
	s.set(func(f *faults) { f.delay = d })
}

// SetConnectDelay makes every greeting wait for d.
func (s *Server) SetConnectDelay(d time.Duration) {
	s.set(func(f *faults) { f.connectDelay = d })
}

// Hang makes the server a stopped process: it accepts connections and commands and answers nothing, no greeting
// either. [Server.Resume] ends it.
func (s *Server) Hang() {
	s.set(func(f *faults) { f.hang.set(true) })
}

// Resume ends [Server.Hang]. What was asked meanwhile is answered now.
func (s *Server) Resume() {
	s.set(func(f *faults) { f.hang.set(false) })
}

// HangDial makes [Server.Dial] wait until its context ends, the server closes, or HangDial(false). TCP has no such
// state on loopback and is not touched.
func (s *Server) HangDial(on bool) {
	s.set(func(f *faults) { f.hangDial.set(on) })
}

// BlackHole cuts the wire: what is sent either way is lost for good, the closing of a connection by its client too,
// and [Server.Dial] waits as with [Server.HangDial]; a TCP dial succeeds and gets no greeting. When it ends,
// connections that both sides still have go on. DropAll, ResetAll and Kill reach the client through it.
func (s *Server) BlackHole(on bool) {
	s.set(func(f *faults) { f.hole.set(on) })
}

// Refuse makes dials fail with ECONNREFUSED; a TCP listener is closed for it, and opened again on the same port by
// Refuse(false), which is all that can fail.
func (s *Server) Refuse(on bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults.refuse = on
	switch {
	case on && s.listener != nil:
		err := s.listener.Close()
		s.listener = nil
		return err
	case !on && !s.closed && s.address != "" && s.listener == nil:
		return s.listenLocked(s.address)
	}
	return nil
}

// DropAll closes every connection (FIN).
func (s *Server) DropAll() { s.endAll(false) }

// ResetAll breaks every connection (RST).
func (s *Server) ResetAll() { s.endAll(true) }

func (s *Server) endAll(reset bool) {
	s.mu.Lock()
	conns := make([]*conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	for _, c := range conns {
		c.cut(reset)
	}
}

// Kill closes the session of that thread as KILL does, and reports whether there was one.
func (s *Server) Kill(thread uint32) bool {
	c := s.find(thread)
	if c == nil {
		return false
	}
	c.cut(false)
	return true
}

func (s *Server) find(thread uint32) *conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.thread == thread && c.phase == open {
			return c
		}
	}
	return nil
}

func (s *Server) hanging() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.hang.opening()
}

func (s *Server) swallowing() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.hole.opening()
}

func (s *Server) dialGate() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.dialGate()
}

func (s *Server) delays() (command, connect time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults.delay, s.faults.connectDelay
}
