package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// leaveAfter is how long a caller whose context has ended waits for the kill of its command to work: mostly that takes less. Then it
// leaves.
const leaveAfter = 8 * time.Millisecond

// commitPatience is how long the answer to a COMMIT is awaited behind its caller, at least. A COMMIT is not killed.
const commitPatience = 3 * time.Second

// perform runs one command: on the backend that the session holds, or on one that it borrows for it. Where a backend turns out to be
// dead it goes on with another, if nothing is lost by that. It returns when ctx ends, or a little later, whatever the server does.
func (s *session) perform(ctx context.Context, c *call) error {
	err := s.tryAll(ctx, c)
	if err != nil && c.pins && !c.sent && s.left == nil && s.pinned != nil { // there is nothing yet that could be lost
		s.unpin()
		s.settle()
	}
	return err
}

// tryAll is perform, but for a pin by what was never sent.
func (s *session) tryAll(ctx context.Context, c *call) error {
	c.con, c.ctx = s.con, ctx
	s.classify(c)
	if err := s.rejoin(ctx); err != nil {
		return err
	}
	if s.lost != nil && s.pinned == nil && !s.inTx {
		if over, err := s.pastLoss(c); over {
			return err
		}
	}
	if err := s.admit(ctx, c); err != nil {
		return err
	}
	if s.streams != nil {
		s.endStreams()
	}
	if c.st.Kind == sqltext.Begin && s.b != nil && s.worst != nil {
		if err := s.leaveDemoted(ctx); err != nil {
			return err
		}
	}
	for try, most := 1, maxTries; ; try++ {
		held := s.b != nil
		if err := s.borrow(ctx, c); err != nil {
			s.unpin() // nothing is held that could be pinned
			return veiled(err)
		}
		if err := s.readAgain(ctx, c); err != nil {
			s.settle()
			return err
		}
		if asks := c.asks(); held && !s.trail.leads(asks, c.st, s.b) {
			return s.con.lostTrail(asks)
		}
		c.depends = held && s.depends(c)
		c.inTx = held && (s.inTx || s.con.inTransaction(s.b))
		e, left := s.attempt(ctx, c)
		if left {
			return s.leaveBehind(c)
		}
		again, err := s.conclude(e, c)
		if err == nil {
			return nil
		}
		if errors.Is(err, errNoSchema) {
			most = maxSchemaTries
		}
		if c.crowded > 0 {
			most = maxTries + maxCrowded
		}
		if !again || try >= most {
			if s.b == nil && s.lost == nil {
				s.unpin()
			}
			return veiled(err)
		}
		s.con.counters.retries.Add(1)
	}
}

// classify tells what the text may leave behind.
func (s *session) classify(c *call) {
	if c.st == nil {
		c.modes = s.state.reads(s.con.modes())
		if s.b != nil {
			c.modes = s.state.reads(s.b.birth.modes)
		}
		c.st = s.con.texts.Classify(c.text, c.modes)
	}
	switch c.st.Kind {
	case sqltext.Commit:
		c.ends = commits
	case sqltext.Rollback:
		c.ends = rollsBack
	}
}

// readAgain reads the text as the borrowed backend does, if it reads otherwise than backends did that were opened last. A session
// that drops its default database has none from then on: only this backend is so.
func (s *session) readAgain(ctx context.Context, c *call) error {
	if modes := s.state.reads(s.b.birth.modes); modes != c.modes && c.text != "" && c.do <= queries {
		c.modes, c.st = modes, nil
		s.classify(c)
	} else if c.st.Kind != sqltext.Share || c.st.Schema == "" {
		return nil
	}
	if c.st.Kind == sqltext.Share && c.st.Schema != "" && strings.EqualFold(c.st.Schema, s.schema()) {
		drops := *c.st
		drops.Kind, drops.Pin, drops.Opaque = sqltext.Pins, sqltext.Unknown, true
		c.st = &drops
	}
	return s.admit(ctx, c)
}

// schema is the session's default database, as far as a backend is held.
func (s *session) schema() string {
	if schema := s.state.defaultSchema(); schema != "" {
		return schema
	}
	return s.b.birth.schema
}

// borrow gets the session a backend, if it holds none.
func (s *session) borrow(ctx context.Context, c *call) error {
	if s.b != nil {
		return nil
	}
	lease, err := s.lend(ctx, c)
	if err != nil {
		return err
	}
	s.lease, s.b = lease, lease.Value()
	if s.b.birth.unsafe {
		s.dirty = true // what its texts do is not certain
	}
	if s.pinned != nil {
		s.b.pin.Store(s.pinned)
		s.held = holdsPins + holding(s.pinned.reason)
		lease.Note(holdNotes[s.held])
		lease.Trace()
	}
	return nil
}

// attempt runs the command once on the held backend. A command whose context can end is carried out by the backend's worker; if it has not
// returned a little after its context, its caller leaves it behind, in the hands of the ending.
func (s *session) attempt(ctx context.Context, c *call) (e *ending, left bool) {
	b := s.b
	c.want, c.trail = s.state, s.trail
	c.kept = s.pinned != nil || s.mode == SessionMode || s.dirty || s.inTx && c.do != endsTx
	c.err, c.dirties, c.sent, c.late, c.unsure, c.unproved, c.streams, c.rows, c.inner = nil, false, false, false, false, false, false, nil, nil
	if ctx.Done() == nil {
		b.exchange(c)
		return nil, false
	}
	b.sent.Store(false)
	if !b.hand(c) {
		c.err = driver.ErrBadConn
		return nil, false
	}
	w := b.worker
	select {
	case <-w.done:
	case <-ctx.Done():
		if e, left = s.outrun(b, c); left {
			s.left = &leftover{work: w, end: e}
			return e, true
		}
	}
	if *c = w.take(); c.panicked != nil {
		panic(c.panicked)
	}
	return e, false
}

// outrun is called when the context has ended before the command has returned. It waits a little for the ending to work. What uses
// something of the caller's, which is not good any more when the caller has left, is cut instead of left.
func (s *session) outrun(b *backend, c *call) (e *ending, left bool) {
	select {
	case <-b.worker.done: // both at once
		return nil, false
	default:
	}
	kills, patience := s.con.killTimeout > 0, s.con.killTimeout
	if c.ends == commits || c.do == endsTx {
		kills, patience = false, max(patience, commitPatience)
	}
	e = s.con.endWork(b, kills, patience)
	grace := time.NewTimer(leaveAfter)
	defer grace.Stop()
	select {
	case <-e.over:
		return e, false
	case <-grace.C:
	}
	if c.st.Loads {
		b.cutNow()
		<-e.over
		return e, false
	}
	return e, true
}

// conclude draws the conclusions from an attempt that has returned: for the session, its backend and the command. e is not nil if the
// command's context had ended before.
func (s *session) conclude(e *ending, c *call) (again bool, err error) {
	c.late = e != nil
	s.trail, s.dirty = c.trail, s.dirty || c.dirties
	if late, ok := c.err.(*lateError); ok {
		s.settle()
		return false, late.error
	}
	if c.err != nil {
		again, err = s.failed(c)
		if c.rows != nil && !again && !c.late && isServerError(c.err) {
			c.rows.fail(s, c, err) // the rows before come first, as the driver has it
			return false, nil
		}
		return again, err
	}
	s.note(c)
	if c.rows != nil {
		s.deliver(c)
	}
	switch {
	case !c.streams:
		s.settle()
	case c.late: // what is left of the rows was killed, or comes too late
		c.rows.Close()
		c.rows = nil
		return false, c.ctx.Err()
	}
	if e.killed() && !c.effective() {
		unknown := c.outlasts() && (c.result == nil || c.st.Reach == sqltext.ReachAny)
		c.result, c.rows = nil, nil
		if unknown {
			return false, s.outcomeUnknown("the answer came after it was killed, and does not tell", c.ctx.Err())
		}
		return false, c.ctx.Err()
	}
	return false, nil
}

// note takes note of what a statement has changed.
func (s *session) note(c *call) {
	b := s.b
	switch c.st.Kind {
	case sqltext.Set:
		s.state = s.con.source.states.with(s.state, c.changes)
		b.state = s.state
	case sqltext.Use:
		s.state = s.con.source.states.in(s.state, c.st.Schema)
		b.state = s.state
	}
	binding := c.st.Kind == sqltext.Use || c.st.Kind == sqltext.Set
	b.tainted = b.tainted || c.st.Taints
	if c.st.Opaque || b.strange != 0 && binding {
		b.strange = s.con.counters.strange.Add(1) | strangeBit
	}
	switch {
	case c.do == begins:
		s.inTx, s.readOnly = true, c.opts.ReadOnly
	case c.do == endsTx:
		s.inTx, s.readOnly = false, false
	case c.st.Kind == sqltext.Begin:
		s.readOnly = c.st.ReadOnly
	case c.ends != endsNothing && !s.inTx:
		s.readOnly = false
	}
	s.trail.leave(c)
	if c.ends == rollsBack && s.pinned == nil {
		s.lost = nil
	}
}

// settle gives the backend back unless the session must keep it.
func (s *session) settle() {
	if s.b == nil {
		return
	}
	if why := s.holds(); why != holdsNot {
		if s.held != why {
			s.held = why
			s.lease.Note(holdNotes[why])
			s.lease.Trace()
		}
		return
	}
	s.giveBack()
}

// giveBack ends the session's lease.
func (s *session) giveBack() {
	s.trail.last, s.trail.uses = s.lease, s.b.uses
	s.con.giveBack(s.lease, s.b, s.worst)
	s.lease, s.b, s.worst, s.held = weir.Lease[*backend]{}, nil, nil, holdsNot
}
