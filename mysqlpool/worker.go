package mysqlpool

import (
	"bytes"
	"context"
	"database/sql/driver"
	"encoding/json"
	"slices"
)

// A worker runs the exchanges of one backend in a goroutine of its own, so that a caller whose context ends can leave although the
// server does not answer. Commands whose context never ends run in their caller's goroutine and need none.
type worker struct {
	jobs  chan *call    // one at most: a backend has one user
	ended chan struct{} // closed when the goroutine has returned
}

// hand gives a call to the backend's worker, which closes the call's done when it has been carried out. The call is the worker's until
// then.
func (b *backend) hand(c *call) {
	b.use.Lock()
	defer b.use.Unlock()
	if b.closed {
		c.err = driver.ErrBadConn
		close(c.done)
		return
	}
	if b.worker.jobs == nil {
		b.worker = worker{make(chan *call, 1), make(chan struct{})}
		go b.work(b.worker)
	}
	b.worker.jobs <- c
}

// work is the worker's goroutine. The backend's close ends it and waits for it.
func (b *backend) work(w worker) {
	defer close(w.ended)
	for c := range w.jobs {
		b.carryOut(c)
	}
}

func (b *backend) carryOut(c *call) {
	defer close(c.done)
	defer func() { c.panicked = recover() }() // its caller is told
	b.exchange(c)
}

// dismiss ends the worker. Nothing is handed to it any more.
func (b *backend) dismiss() {
	b.use.Lock()
	first := !b.closed
	b.closed = true
	b.use.Unlock()
	if first && b.worker.jobs != nil {
		close(b.worker.jobs)
		<-b.worker.ended
	}
}

// forWorker is a copy of c that stays good when its caller has left: what the caller may change afterwards is copied.
func (c *call) forWorker(ctx context.Context) *call {
	h := new(call)
	*h = *c
	h.ctx, h.done = ctx, make(chan struct{})
	copied := false
	for i, a := range c.args {
		var own driver.Value
		switch v := a.Value.(type) {
		case []byte:
			own = bytes.Clone(v)
		case json.RawMessage:
			own = json.RawMessage(bytes.Clone(v))
		default:
			continue
		}
		if !copied {
			h.args, copied = slices.Clone(c.args), true
		}
		h.args[i].Value = own
	}
	return h
}
