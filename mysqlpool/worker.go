package mysqlpool

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"slices"
)

// A worker runs the exchanges of one backend in a goroutine of its own, so that a caller whose context ends can leave although the
// server does not answer. Commands whose context never ends run in their caller's goroutine and need none.
type worker struct {
	jobs  chan struct{} // job is to be carried out
	done  chan struct{} // it was: for its caller or, if that has left, for the ending. As in jobs, one at most: a backend has one user
	ended chan struct{} // closed when the goroutine has returned
	job   call          // the worker's until done
}

// hand gives a copy of c to the backend's worker. It returns false if the backend is closed.
func (b *backend) hand(c *call) bool {
	b.use.Lock()
	defer b.use.Unlock()
	if b.closed {
		return false
	}
	w := b.worker
	if w == nil {
		w = &worker{jobs: make(chan struct{}, 1), done: make(chan struct{}, 1), ended: make(chan struct{})}
		b.worker = w
		go b.work(w)
	}
	w.job = *c
	w.job.args = ownArgs(c.args)
	w.jobs <- struct{}{}
	return true
}

// work is the worker's goroutine. The backend's close ends it and waits for it.
func (b *backend) work(w *worker) {
	defer close(w.ended)
	for range w.jobs {
		b.carryOut(w)
	}
}

func (b *backend) carryOut(w *worker) {
	defer func() {
		w.job.panicked = recover() // its caller is told
		w.done <- struct{}{}
	}()
	b.exchange(&w.job)
}

// take returns what came of the job, once it is done.
func (w *worker) take() call {
	c := w.job
	w.job = call{}
	return c
}

// dismiss ends the worker. Nothing is handed to it any more.
func (b *backend) dismiss() {
	b.use.Lock()
	first := !b.closed
	b.closed = true
	b.use.Unlock()
	if first && b.worker != nil {
		close(b.worker.jobs)
		<-b.worker.ended
	}
}

// ownArgs copies what of the arguments a caller who has left may change.
func ownArgs(args []driver.NamedValue) []driver.NamedValue {
	copied := false
	for i, a := range args {
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
			args, copied = slices.Clone(args), true
		}
		args[i].Value = own
	}
	return args
}
