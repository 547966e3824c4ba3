package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Proxy passes TCP connections on to a server and damages them when told to.
// Its faults combine, and take effect at once also on open connections unless
// the method says otherwise. Its methods may be called concurrently.
type Proxy struct {
	addr string
	stop context.CancelFunc // ends the dials
	life context.Context    // ended by stop
	wg   sync.WaitGroup     // the acceptor and the links

	mu        sync.Mutex   // guards the fields below
	listener  net.Listener // nil while refusing
	closed    bool
	upstream  string
	faults    faults
	accepted  int
	links     map[*link]bool
	cutBudget uint64        // for the links to come; used if faults.cut
	changed   chan struct{} // closed and replaced whenever a fault changes
}

// faults is what a proxy does at a time.
type faults struct {
	latency   time.Duration
	blackHole bool
	stall     bool
	cut       bool
	rate      int // bytes a second to the clients, 0 for any number
}

// NewProxy starts a proxy on a free port of 127.0.0.1 that passes connections on
// to the host:port upstream. The caller must [Proxy.Close] it.
func NewProxy(ctx context.Context, upstream string) (*Proxy, error) {
	var listener net.Listener
	var err error
	for range startDraws {
		var port int
		if port, err = freePort(ctx, "127.0.0.1"); err != nil {
			return nil, err
		}
		if listener, err = listen(ctx, fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("lab: start proxy: %w", err)
	}
	p := &Proxy{
		addr: listener.Addr().String(), listener: listener, upstream: upstream,
		links: map[*link]bool{}, changed: make(chan struct{}),
	}
	p.life, p.stop = context.WithCancel(context.Background())
	p.wg.Go(func() { p.accept(listener) })
	return p, nil
}

// Addr is the proxy's host:port. It never changes.
func (p *Proxy) Addr() string { return p.addr }

// SetUpstream says where new connections go. Open ones stay.
func (p *Proxy) SetUpstream(addr string) {
	p.change(func() { p.upstream = addr })
}

// SetLatency delays what is read from now on by d in each direction: a round
// trip takes 2d longer. Throughput stays, order too. 0 ends it.
func (p *Proxy) SetLatency(d time.Duration) {
	p.change(func() { p.faults.latency = d })
}

// SetRate lets each client receive no more than that many bytes a second, as
// over a bad line. What a client sends is not slowed down. 0 ends it.
func (p *Proxy) SetRate(bytes int) {
	p.change(func() { p.faults.rate = bytes })
}

// BlackHole swallows what either side sends, and its closing too, like a
// firewall that forgot its connections. A connection that was open meanwhile
// stays dead for ever: when the fault ends, only new connections work.
// Meanwhile new connections are accepted and get no answer.
func (p *Proxy) BlackHole(on bool) {
	p.change(func() {
		p.faults.blackHole = on
		for l := range p.links {
			l.dead = l.dead || on
		}
	})
}

// Stall holds back what either side sends, and its closing too, and delivers
// it when the fault ends, like a network that comes back in time. Meanwhile new
// connections are accepted and get no answer.
func (p *Proxy) Stall(on bool) {
	p.change(func() { p.faults.stall = on })
}

// CutAfter closes every connection, open or new, once the server has sent n
// more bytes on it: exactly n bytes arrive and then the end of the stream.
func (p *Proxy) CutAfter(n uint64) {
	p.change(func() {
		p.faults.cut, p.cutBudget = true, n
		for l := range p.links {
			l.budget = n
		}
	})
}

// CutNever ends a CutAfter for the connections that it has not cut yet.
func (p *Proxy) CutNever() {
	p.change(func() { p.faults.cut = false })
}

// Refuse closes the proxy's port, so that new connections are refused, or opens
// it again. Open connections stay.
func (p *Proxy) Refuse(ctx context.Context, on bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errors.New("lab: refuse: proxy is closed")
	}
	if on == (p.listener == nil) {
		return nil
	}
	if on {
		listener := p.listener
		p.listener = nil
		return listener.Close()
	}
	listener, err := listen(ctx, p.addr)
	if err != nil {
		return fmt.Errorf("lab: reopen proxy: %w", err)
	}
	p.listener = listener
	p.wg.Go(func() { p.accept(listener) })
	return nil
}

// ResetAll resets (RST) both ends of every open connection.
func (p *Proxy) ResetAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		l.resetLocked()
	}
}

// Accepted counts the connections accepted since the start.
func (p *Proxy) Accepted() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.accepted
}

// Open counts the connections from clients that are open now. One that a black
// hole has swallowed counts until its client closes it.
func (p *Proxy) Open() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := 0
	for l := range p.links {
		if !l.clientGone {
			open++
		}
	}
	return open
}

// Close closes the port, resets all connections and returns when nothing of
// the proxy runs any more. A second Close does nothing.
func (p *Proxy) Close() error {
	p.mu.Lock()
	listener := p.listener
	p.closed, p.listener = true, nil
	for l := range p.links {
		l.resetLocked()
	}
	p.mu.Unlock()
	p.stop()
	var err error
	if listener != nil {
		err = listener.Close()
	}
	p.wg.Wait()
	return err
}

// change runs f under the lock and wakes whoever waits for a change.
func (p *Proxy) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

// accept runs until its listener is closed.
func (p *Proxy) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		p.admit(conn.(*net.TCPConn))
	}
}

func (p *Proxy) admit(client *net.TCPConn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		reset(client)
		return
	}
	p.accepted++
	l := newLink(p, client, p.upstream)
	p.links[l] = true
	p.wg.Go(l.run)
}
