package lab

import (
	"context"
	"errors"
	"net"
	"sync"
	"syscall"
	"time"
)

const (
	chunkSize   = 32 << 10
	chunkQueue  = 64 // chunks under way in one direction
	dialTimeout = 5 * time.Second
)

// link is one client's connection through a proxy.
type link struct {
	proxy    *Proxy
	client   *net.TCPConn
	upstream string
	ctx      context.Context // ended by end
	end      context.CancelFunc

	// guarded by proxy.mu
	server     *net.TCPConn // nil until dialled
	dead       bool         // swallowed by a black hole
	clientGone bool
	budget     uint64 // bytes before the cut
}

// chunk is what was read at once, or the end of a direction.
type chunk struct {
	data []byte
	due  time.Time
	end  error // not nil: the reader's last word
}

func newLink(p *Proxy, client *net.TCPConn, upstream string) *link {
	l := &link{proxy: p, client: client, upstream: upstream, dead: p.faults.blackHole, budget: p.cutBudget}
	l.ctx, l.end = context.WithCancel(p.life)
	return l
}

// run owns the link from its acceptance until both ends are closed.
func (l *link) run() {
	defer l.forget()
	server := l.dial()
	if server == nil {
		l.pump(l.client, nil)
		return
	}
	var pumps sync.WaitGroup
	pumps.Go(func() { l.pump(l.client, server) })
	pumps.Go(func() { l.pump(server, l.client) })
	pumps.Wait()
}

// dial returns nil for a client that gets no server: one in a black hole, which
// stays open, and one whose server cannot be reached, which is reset.
func (l *link) dial() *net.TCPConn {
	if l.isDead() {
		return nil
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	conn, err := dialer.DialContext(l.ctx, "tcp", l.upstream)
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if err != nil {
		if !l.dead {
			l.resetLocked()
		}
		return nil
	}
	l.server = conn.(*net.TCPConn)
	if l.ctx.Err() != nil {
		l.resetLocked()
	}
	return l.server
}

// pump moves one direction. Reading and writing are apart, so that a delay
// delays and does not slow down.
func (l *link) pump(from, to *net.TCPConn) {
	queue := make(chan chunk, chunkQueue)
	var reader sync.WaitGroup
	reader.Go(func() { l.read(from, queue) })
	for c := range queue {
		l.deliver(c, from, to)
	}
	reader.Wait()
}

// read ends with its connection. deliver empties the queue until then, so the
// sends go through.
func (l *link) read(from *net.TCPConn, queue chan<- chunk) {
	defer close(queue)
	for {
		buf := make([]byte, chunkSize)
		n, err := from.Read(buf)
		due := time.Now().Add(l.proxy.latency())
		if n > 0 {
			queue <- chunk{data: buf[:n], due: due}
		}
		if err != nil {
			if from == l.client {
				l.markClientGone()
			}
			queue <- chunk{due: due, end: err}
			return
		}
	}
}

// deliver hands one chunk on when its time has come. On a dead link it drops
// it and closes only the side that has ended.
func (l *link) deliver(c chunk, from, to *net.TCPConn) {
	if !l.await(c.due) {
		if c.end != nil {
			from.Close()
		}
		return
	}
	if c.end != nil {
		l.close(from, to, c.end)
		return
	}
	data, cut := c.data, false
	if to == l.client {
		data, cut = l.spend(data)
	}
	if err := l.write(to, data); err != nil {
		from.Close()
	}
	if cut {
		to.Close()
		from.Close()
	}
}

// write hands data on, to the client no faster than the proxy's rate.
func (l *link) write(to *net.TCPConn, data []byte) error {
	const pieces = 20 // a second
	for len(data) > 0 {
		n := len(data)
		if f, _, _ := l.state(); to == l.client && f.rate > 0 {
			n = min(n, max(f.rate/pieces, 1))
			if !l.await(time.Now().Add(time.Second / pieces)) {
				return net.ErrClosed
			}
		}
		if _, err := to.Write(data[:n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// await waits until due and while the proxy stalls. It reports false for a link
// that is dead or over.
func (l *link) await(due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	late := false
	for {
		f, changed, dead := l.state()
		if dead || l.ctx.Err() != nil {
			return false
		}
		if late && !f.stall {
			return true
		}
		select {
		case <-timer.C:
			late = true
		case <-changed:
		case <-l.ctx.Done():
		}
	}
}

// spend takes the bytes from what may still come down and says whether that
// was the last.
func (l *link) spend(data []byte) (rest []byte, cut bool) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	if !l.proxy.faults.cut {
		return data, false
	}
	data = data[:min(uint64(len(data)), l.budget)]
	l.budget -= uint64(len(data))
	return data, l.budget == 0
}

// close passes the end of one side on to the other, a reset as a reset.
func (l *link) close(from, to *net.TCPConn, why error) {
	from.Close()
	if errors.Is(why, syscall.ECONNRESET) {
		reset(to)
		return
	}
	to.Close()
}

// resetLocked ends the link on both sides. The proxy's lock is held.
func (l *link) resetLocked() {
	l.end()
	l.clientGone = true
	reset(l.client)
	if l.server != nil {
		reset(l.server)
	}
}

func (l *link) forget() {
	l.end()
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	delete(l.proxy.links, l)
}

func (l *link) state() (f faults, changed <-chan struct{}, dead bool) {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	return l.proxy.faults, l.proxy.changed, l.dead
}

func (l *link) isDead() bool {
	_, _, dead := l.state()
	return dead
}

func (l *link) markClientGone() {
	l.proxy.mu.Lock()
	defer l.proxy.mu.Unlock()
	l.clientGone = true
}

func (p *Proxy) latency() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.faults.latency
}

// reset closes with RST instead of FIN.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0) // fails only on a closed connection
	conn.Close()
}
