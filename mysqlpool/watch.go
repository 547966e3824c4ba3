package mysqlpool

import (
	"context"
	"sync"
	"time"
)

// A watch ends the sending of rows when their context ends, or when closing them takes too long. It runs apart from whoever reads them.
type watch struct {
	ctx      context.Context
	con      *Connector
	b        *backend
	stop     func() bool
	returned chan struct{} // closed when nothing of the rows is awaited any more

	mu   sync.Mutex // guards the fields below
	done bool
	e    *ending
	late *time.Timer // cuts the connection
}

// watchOver starts a watch over rows that b goes on sending.
func (c *Connector) watchOver(ctx context.Context, b *backend) *watch {
	w := &watch{ctx: ctx, con: c, b: b, returned: make(chan struct{}), stop: func() bool { return true }}
	if ctx.Done() != nil {
		w.stop = context.AfterFunc(ctx, func() { w.fire(true) })
	}
	return w
}

// fire ends the sending. Whoever is in a hurry is not kept waiting for a kill that is slow to work: the connection is cut.
func (w *watch) fire(hurry bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.done {
		return
	}
	if w.e == nil {
		w.e = w.con.end(w.b, w.returned, w.con.killTimeout > 0, w.con.killTimeout)
	}
	if hurry && w.late == nil {
		w.late = time.AfterFunc(leaveAfter, func() {
			w.con.counters.cuts.Add(1)
			w.b.cutNow()
		})
	}
}

// end says that nothing is awaited any more. When it returns no kill is on its way, or the connection was cut, so that none can hit a later
// statement. late tells that the context has ended.
func (w *watch) end() (late, cut bool) {
	w.stop()
	w.mu.Lock()
	w.done = true
	e := w.e
	w.mu.Unlock()
	close(w.returned)
	if e != nil {
		select {
		case <-e.over:
		case <-w.b.severed:
		}
	}
	if w.late != nil {
		w.late.Stop()
	}
	return w.ctx.Err() != nil, w.b.wasCut()
}
