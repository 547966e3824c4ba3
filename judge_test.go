package weir_test

import (
	"context"
	"errors"
	"testing/synctest"
	"time"

	"github.com/weirpool/weir"
)

// judge lets everything settle and compares what callers saw with what they were promised.
func (w *world) judge() {
	w.t.Helper()
	synctest.Wait()
	if err := weir.AuditSettled(w.pool); err != nil {
		w.t.Error(err)
	}
	for _, c := range w.calls {
		c.listen()
	}
	w.judgeCalls()
	w.judgeSize()
	w.judgeCounts()
	w.justMoved = false
}

// waiting lists the calls that have not ended, oldest first.
func (w *world) waiting() []*call {
	var out []*call
	for _, c := range w.calls {
		if !c.ended {
			out = append(out, c)
		}
	}
	return out
}

// judgeCalls sees that calls are served in order, in time, and with the right errors.
func (w *world) judgeCalls() {
	oldest := 0
	if waiting := w.waiting(); len(waiting) > 0 {
		oldest = waiting[0].n
	}
	for _, c := range w.calls {
		if !c.ended {
			w.judgeTime(c, time.Since(c.began))
			continue
		}
		if c.seen {
			continue
		}
		c.seen = true
		w.judgeTime(c, c.end.Sub(c.began))
		if c.err != nil {
			w.judgeError(c)
			continue
		}
		pt := c.part
		w.leases = append(w.leases, &possession{lease: c.lease, part: pt, holder: c.n})
		switch {
		case oldest > 0 && oldest < c.n && !w.conf.probe: // who is given a dead one waits on behind those served beside
			w.t.Errorf("call %d was served before call %d", c.n, oldest)
		case w.paused && !w.justMoved:
			w.t.Errorf("call %d was served by a paused pool", c.n)
		case pt.n <= w.mark && !w.justMoved:
			w.t.Errorf("call %d was lent part %d, evicted up to %d", c.n, pt.n, w.mark)
		}
	}
}

func (w *world) judgeTime(c *call, took time.Duration) {
	if took > w.conf.maxWait || c.limit > 0 && took > c.limit {
		w.t.Errorf("call %d: %v, limits %v and %v", c.n, took, w.conf.maxWait, c.limit)
	}
}

// judgeError sees that the error says what ended the wait.
func (w *world) judgeError(c *call) {
	took := c.end.Sub(c.began)
	var e *weir.ExhaustedError
	if !errors.As(c.err, &e) {
		if !errors.Is(c.err, weir.ErrClosed) || !w.closing {
			w.t.Errorf("call %d: %v", c.n, c.err)
		}
		return
	}
	right := false
	switch e.Limit {
	case weir.LimitMaxWait:
		right = took == w.conf.maxWait && errors.Is(e, context.DeadlineExceeded)
	case weir.LimitContext:
		right = c.canceled && errors.Is(e, context.Canceled) || took == c.limit && errors.Is(e, context.DeadlineExceeded)
	case weir.LimitMaxWaiters:
		right = took == 0 && w.conf.maxWaiters >= 0
	case weir.LimitFailFast:
		right = w.conf.failFast && e.LastOpenError != nil && e.Idle+e.InUse+e.Checking == 0
	}
	if e.Open != e.Idle+e.InUse+e.Checking+e.Closing || e.Waited != took {
		right = false
	}
	if !right {
		w.t.Errorf("call %d, %v, limit %v, canceled %t: %+v", c.n, took, c.limit, c.canceled, e)
	}
	w.failed[e.Limit]++
}

// judgeSize sees that the pool keeps to MaxOpen: what a lowered limit left over may only shrink.
func (w *world) judgeSize() {
	s := w.pool.Stats()
	total := s.Idle + s.InUse + s.Checking + s.Opening
	if total > max(s.MaxOpen, w.total) {
		w.t.Errorf("%d resources, %d before, limit %d", total, w.total, s.MaxOpen)
	}
	w.total = total
	begun, _ := w.mill.seen()
	if w.paused && !w.justMoved && begun > w.begun {
		w.t.Errorf("%d opens began while the pool was paused", begun-w.begun)
	}
	w.begun = begun
	if s.Generation != w.gen {
		w.gen, w.turn = s.Generation, begun
	}
	if s.MaxOpen != w.conf.maxOpen {
		w.t.Errorf("MaxOpen is %d, want %d", s.MaxOpen, w.conf.maxOpen)
	}
}

// judgeCounts compares the pool's counters with what callers saw.
func (w *world) judgeCounts() {
	s := w.pool.Stats()
	served := w.tried
	for _, c := range w.calls {
		if c.ended && c.err == nil {
			served++
		}
	}
	if s.Acquired != uint64(served) {
		w.t.Errorf("Acquired is %d, callers got %d", s.Acquired, served)
	}
	if s.Waiting != len(w.waiting()) {
		w.t.Errorf("Waiting is %d, %d wait", s.Waiting, len(w.waiting()))
	}
	ended := w.failed[weir.LimitMaxWait] + w.failed[weir.LimitContext]
	if got := s.Timeouts + s.Canceled; got != uint64(ended) {
		w.t.Errorf("Timeouts and Canceled are %d, callers saw %d", got, ended)
	}
	shed := w.failed[weir.LimitMaxWaiters] + w.failed[weir.LimitFailFast]
	if s.Shed != uint64(shed) {
		w.t.Errorf("Shed is %d, callers saw %d", s.Shed, shed)
	}
	if s.Misuses != uint64(w.misuses) {
		w.t.Errorf("Misuses is %d, there were %d", s.Misuses, w.misuses)
	}
}
