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
	stop     []func() bool
	returned chan struct{} // closed when nothing of the rows is awaited any more

	mu   sync.Mutex // guards the fields below
	done bool
	e    *ending
	late *time.Timer // cuts the connection
}

// watchOver starts a watch over rows that b goes on sending. Those of a transaction end with it, as database/sql has it: its Commit and
// its Rollback wait for them. Without one txCtx is nil.
func (c *Connector) watchOver(ctx, txCtx context.Context, b *backend) *watch {
	w := &watch{ctx: ctx, con: c, b: b, returned: make(chan struct{})}
	for _, end := range []context.Context{ctx, txCtx} {
		if end != nil && end.Done() != nil {
			w.stop = append(w.stop, context.AfterFunc(end, func() { w.fire(true) }))
		}
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
	w.mu.Lock()
	e := w.e
	w.done = e == nil
	w.mu.Unlock()
	close(w.returned)
	if e != nil { // the context may end meanwhile
		select {
		case <-e.over:
		case <-w.b.severed:
		}
	}
	for _, stop := range w.stop {
		stop()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.done = true
	if w.late != nil {
		w.late.Stop()
	}
	return w.ctx.Err() != nil, w.b.wasCut()
}
