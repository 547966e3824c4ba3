package mysqlpool

import (
	"context"
	"sync"
	"time"
)

// A watch ends what runs on a backend when a context ends. It runs apart from the statement, which is not given the context: the driver
// would close the connection.
type watch struct {
	ctx   context.Context
	b     *backend
	k     *killer
	n     *counters
	stop  func() bool
	fired sync.WaitGroup // done when fire has returned

	mu   sync.Mutex // guards the fields below
	over bool       // the statement has returned
	wake chan struct{}
	hit  bool // a kill was sent before the statement had returned
	cut  bool
}

// watchOver starts a watch, or returns nil if ctx never ends.
func (s *session) watchOver(ctx context.Context, b *backend) *watch {
	if ctx.Done() == nil {
		return nil
	}
	w := &watch{ctx: ctx, b: b, k: s.con.killer, n: &s.con.counters}
	w.fired.Add(1)
	w.stop = context.AfterFunc(ctx, w.fire)
	return w
}

// end says that the statement has returned, and reports whether the context ended before. When end returns nothing of the watch runs
// and no kill is on its way.
func (w *watch) end() bool {
	if w == nil {
		return false
	}
	if w.stop() {
		w.fired.Done()
		return false
	}
	w.mu.Lock()
	if !w.over {
		w.over = true
		if w.wake != nil {
			close(w.wake)
		}
	}
	w.mu.Unlock()
	w.fired.Wait()
	if w.cut {
		w.b.spoilt = true
	}
	return true
}

// killed reports, after end, whether a kill may have ended the statement.
func (w *watch) killed() bool { return w != nil && w.hit }

// killAgain is the pause before a kill is repeated: it may have come before the statement did.
const killAgain = 5 * time.Millisecond

// fire kills what runs, until it has returned. If that does not help in time the connection is cut, which leaves the statement to the
// server; so it is if a kill was not answered, which could hit a later statement.
func (w *watch) fire() {
	defer w.fired.Done()
	wake := make(chan struct{})
	w.mu.Lock()
	w.wake = wake
	w.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), w.k.within)
	defer cancel()
	for wait := killAgain; w.k.within > 0 && ctx.Err() == nil; wait *= 2 {
		if over := w.strike(); over {
			return
		}
		if err := w.k.kill(ctx, w.b.birth, wake); err != nil {
			break
		}
		pause := time.NewTimer(wait)
		select {
		case <-wake:
			return
		case <-pause.C:
		case <-ctx.Done():
		}
	}
	if w.k.within == 0 && w.strike() {
		return
	}
	w.n.cuts.Add(1)
	w.mu.Lock()
	w.cut = true
	w.mu.Unlock()
	w.b.cutNow()
}

// strike notes that a kill is about to be sent, unless the statement has returned.
func (w *watch) strike() (over bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over {
		return true
	}
	w.hit = true
	if w.k.within > 0 {
		w.n.kills.Add(1)
	}
	return false
}
