package mysqlpool

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

var errConnectorClosed = fmt.Errorf("mysqlpool: the DB is closed: %w", weir.ErrClosed)

// A checkout is what is known of a session's user: somebody to whom database/sql has given it, and who has not given it back.
type checkout struct {
	site atomic.Pointer[weir.CallSite] // where it was checked out; nil: not recorded
	late time.Duration                 // how long its user had to wait for it, as long as that counts

	// The fields below are guarded by the list's mu.
	prev, next *checkout
	since      time.Time
	out        bool
	leaked     bool
}

// checkouts are the sessions that are out, longest in front. Their number is bounded; who wants one more waits, in order of arrival.
// Idle sessions do not count: database/sql keeps them to itself, and does not offer one to those who wait here.
type checkouts struct {
	pool    string
	limit   int
	maxWait time.Duration
	leakAt  time.Duration // 0: leaks are not named
	log     *slog.Logger
	tracer  *tracer

	mu          sync.Mutex // guards the fields below
	front, back *checkout
	unnamed     *checkout // the longest that has not been named as leaked
	len         int
	queue       []chan error // of capacity 1, of those who wait: nil says that a place is theirs
	closed      bool
	sweep       *time.Timer
	armed       bool
	refused     uint64        // who got none in time
	leaks       uint64        // named
	returned    uint64        // of those, the ones that were checked in after all
	emptied     chan struct{} // closed when nothing is out any more; nil: nobody waits for that
}

func newCheckouts(s *sessionSettings, w weir.Settings, tracer *tracer) *checkouts {
	return &checkouts{
		pool: w.Name, limit: s.maxSessions, maxWait: w.MaxWait, leakAt: w.LeakThreshold, log: w.Logger, tracer: tracer,
	}
}

// wait checks a new session out. It waits for a place if there is none, MaxWait at most.
func (l *checkouts) wait(ctx context.Context, o *checkout) error {
	now := time.Now()
	site := l.tracer.here(now)
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return errConnectorClosed
	}
	if l.freeLocked() {
		l.addLocked(o, site, now)
		l.mu.Unlock()
		return nil
	}
	served := make(chan error, 1)
	l.queue = append(l.queue, served)
	l.mu.Unlock()
	if err := l.stand(ctx, served, now); err != nil {
		return err
	}
	began := now
	now = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.len-- // the place was kept for it
	l.addLocked(o, site, now)
	o.late = now.Sub(began)
	return nil
}

// stand waits until a place is there, or its caller's time is over.
func (l *checkouts) stand(ctx context.Context, served chan error, began time.Time) error {
	late := time.NewTimer(l.maxWait)
	defer late.Stop()
	var cause error
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		cause = ctx.Err()
	case <-late.C:
		cause = context.DeadlineExceeded
	}
	if l.leave(served) {
		return &SessionLimitError{
			Limit: l.limit, Waited: time.Since(began), Held: l.longest(), Cause: cause, pool: l.pool, byContext: ctx.Err() != nil,
		}
	}
	return <-served // it was served, or refused, at the same moment
}

// leave takes somebody out of the queue who does not want to wait any longer. It returns false if somebody else has done so.
func (l *checkouts) leave(served chan error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.Index(l.queue, served)
	switch {
	case i < 0:
		return false
	case i == 0: // the usual case: waits end in order
		l.queue = l.queue[1:]
	default:
		l.queue = slices.Delete(l.queue, i, i+1)
	}
	l.refused++
	return true
}

// again checks an idle session out. It does not wait: who must has a new one made, in its turn, and this one is closed.
func (l *checkouts) again(o *checkout) error {
	now := time.Now()
	site := l.tracer.here(now)
	l.mu.Lock()
	defer l.mu.Unlock()
	if o.out {
		return nil
	}
	if !l.freeLocked() {
		return driver.ErrBadConn
	}
	l.addLocked(o, site, now)
	return nil
}

func (l *checkouts) freeLocked() bool { return l.len < l.limit && len(l.queue) == 0 }

func (l *checkouts) addLocked(o *checkout, site *weir.CallSite, now time.Time) {
	o.prev, o.next, o.since, o.out, o.leaked, o.late = l.back, nil, now, true, false, 0
	o.site.Store(site)
	if l.back == nil {
		l.front = o
	} else {
		l.back.next = o
	}
	l.back = o
	l.len++
	if l.unnamed == nil {
		l.unnamed = o
	}
	if !l.armed && l.leakAt > 0 {
		l.armLocked(l.leakAt)
	}
}

// remove checks a session in, once.
func (l *checkouts) remove(o *checkout) {
	l.mu.Lock()
	if !o.out {
		l.mu.Unlock()
		return
	}
	if l.unnamed == o {
		l.unnamed = o.next
	}
	if o.prev == nil {
		l.front = o.next
	} else {
		o.prev.next = o.next
	}
	if o.next == nil {
		l.back = o.prev
	} else {
		o.next.prev = o.prev
	}
	o.prev, o.next, o.out = nil, nil, false
	leaked, since := o.leaked, o.since
	if leaked {
		l.returned++
	}
	if len(l.queue) > 0 { // its place is passed on
		l.queue[0] <- nil
		l.queue = l.queue[1:]
	} else if l.len--; l.len == 0 && l.emptied != nil {
		close(l.emptied)
		l.emptied = nil
	}
	l.mu.Unlock()
	if leaked {
		l.log.Info("mysqlpool: leaked session was returned after all", "pool", l.pool, "age", rounded(time.Since(since)),
			"checked_out_at", o.site.Load().Line())
	}
}

// close refuses those who wait, and who comes from now on.
func (l *checkouts) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	for _, w := range l.queue {
		w <- errConnectorClosed
	}
	l.queue = nil
	if l.sweep != nil {
		l.sweep.Stop()
	}
}

// acquire borrows a backend. Its user does not wait again for what of MaxWait he has waited for the session.
func (s *session) acquire(ctx context.Context, c *call) (weir.Lease[*backend], error) {
	stays := c.do >= begins || c.st.Kind == sqltext.Begin || s.pinned != nil || s.mode == SessionMode
	site := s.con.tracer.siteOf(c.text, stays)
	if site != nil && s.out.site.Load() == nil {
		s.out.site.Store(site)
	}
	if late := s.out.late; late > 0 && s.con.checkouts.maxWait != weir.NoLimit {
		s.out.late = 0
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, max(s.con.checkouts.maxWait-late, time.Millisecond))
		defer cancel()
	}
	return s.con.pool.AcquirePreferring(ctx, s.state.labels(), site)
}
