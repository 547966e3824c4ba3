package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// perform runs one command: on the backend that the session holds, or on one that it borrows for it. Where a backend turns out to be
// dead it goes on with another, if nothing is lost by that.
func (s *session) perform(ctx context.Context, c *call) error {
	s.classify(c)
	if s.lost != nil && s.pinned == nil && !s.inTx && c.do == execs && c.ends == rollsBack && !c.st.Chains {
		s.lost, c.result = nil, noResult{} // the server has rolled back
		return nil
	}
	if err := s.admit(ctx, c); err != nil {
		return err
	}
	if s.streams != nil {
		s.endStreams()
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
			return s.lostTrail(asks)
		}
		depends := held && s.depends(c)
		c.inTx = held && (s.inTx || s.con.inTransaction(s.b))
		err := s.attempt(ctx, c)
		if err == nil {
			return nil
		}
		if late, ok := err.(*lateError); ok {
			s.settle()
			return late.error
		}
		again, err := s.failed(ctx, c, err, depends)
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
	if c.st.Kind == sqltext.Share && c.st.Schema != "" && strings.EqualFold(c.st.Schema, s.schema()) {
		drops := *c.st
		drops.Kind, drops.Pin, drops.Opaque = sqltext.Pins, sqltext.Unknown, true
		c.st = &drops
		return s.admit(ctx, c)
	}
	modes := s.state.reads(s.b.birth.modes)
	if modes == c.modes || c.text == "" || c.do > queries {
		return nil
	}
	c.modes, c.st = modes, nil
	s.classify(c)
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

// attempt runs the command once on the held backend, and whatever has to run before it. The driver is not given the caller's context for
// either: it would close the connection when that ends. A watch ends what runs instead.
func (s *session) attempt(ctx context.Context, c *call) error {
	c.sent, c.late = false, false
	b := s.b
	b.use.Lock()
	defer b.use.Unlock()
	if b.spoilt || !b.conn.IsValid() { // it was closed by force
		return driver.ErrBadConn
	}
	w := s.watchOver(ctx, b)
	returned := false
	defer func() {
		if !returned { // it panicked, in a reader of LOAD DATA for example, and the connection is in the middle of something
			b.spoilt = true
			w.end()
		}
	}()
	err := s.ready(context.Background(), c)
	if err == nil {
		err = s.ownNumber(context.Background(), c)
	}
	if err == nil && ctx.Err() != nil {
		err = &lateError{ctx.Err()}
	}
	if err == nil {
		began := s.con.clock()
		c.sent = true
		err = s.send(context.Background(), c, b)
		s.trail.sent(c, b, err)
		c.timedOut = s.con.timedOut(began)
		if err == nil {
			s.keepNumber(context.Background(), c)
		}
	}
	returned = true
	if err == nil && c.rows != nil {
		c.watch = w
		return s.deliver(ctx, c)
	}
	c.late = w.end()
	if err != nil {
		return err
	}
	s.note(c)
	s.settle()
	if w.killed() && !c.effective() {
		c.result = nil
		return &lateError{ctx.Err()}
	}
	return nil
}

// ready gives the backend the session's state, and reads what the statement is about to change for the first time.
func (s *session) ready(ctx context.Context, c *call) error {
	b := s.b
	c.changes = c.st.Changes
	if b.strange != 0 {
		return nil // it is pinned, and stays as the session made it
	}
	wanted := s.state
	if c.st.Kind == sqltext.Use {
		wanted = s.con.source.states.in(wanted, b.state.defaultSchema()) // that of the session may be gone
	}
	if b.state != wanted {
		if err := b.replay(ctx, wanted); err != nil {
			return err
		}
		s.con.counters.replays.Add(1)
	}
	if c.st.Kind == sqltext.Set {
		var err error
		if c.changes, err = b.settled(ctx, c.st.Changes); err != nil {
			return err
		}
		if err := b.learnPristine(ctx, s.con.source.states.with(s.state, c.changes)); err != nil && !isServerError(err) {
			return err // a variable that does not exist is for the server to refuse
		}
		if err := b.replay(ctx, s.state); err != nil {
			return err
		}
	}
	return nil
}

// send hands the command to the driver.
func (s *session) send(ctx context.Context, c *call, b *backend) (err error) {
	b.uses++
	b.numbered = b.numbered && !c.st.Leaves.Has(stickyID) && !c.st.Opaque
	switch c.do {
	case pings:
		return b.conn.Ping(ctx)
	case begins:
		_, err = b.conn.BeginTx(ctx, c.opts) // what ends it is as good as a text
		s.inTx, s.readOnly = err == nil, err == nil && c.opts.ReadOnly
		return err
	case endsTx:
		if c.ends == rollsBack {
			return b.rollBackSoon(ctx)
		}
		_, err = b.conn.ExecContext(ctx, c.text, nil)
		return err
	case prepares:
		c.inputs, err = b.inputs(ctx, c)
		return err
	case pinsOnly:
		return nil
	}
	if len(c.args) > 0 || c.named {
		return s.sendWithArguments(ctx, c, b)
	}
	if c.do == execs {
		c.result, err = b.conn.ExecContext(ctx, c.text, nil)
		return err
	}
	c.rows, err = b.conn.QueryContext(ctx, c.text, nil)
	return err
}

// sendWithArguments lets the driver put them into the text, if it was told to, or uses a prepared statement.
func (s *session) sendWithArguments(ctx context.Context, c *call, b *backend) (err error) {
	if s.con.interpolate && !c.named {
		if c.do == execs {
			c.result, err = b.conn.ExecContext(ctx, c.text, c.args)
		} else {
			c.rows, err = b.conn.QueryContext(ctx, c.text, c.args)
		}
		if !errors.Is(err, driver.ErrSkip) {
			return err
		}
		c.rows = nil
	}
	return b.execute(ctx, c)
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
	case c.do == endsTx:
		s.inTx, s.readOnly = false, false
	case c.st.Kind == sqltext.Begin && c.do != begins:
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

// failed decides what becomes of backend, session and statement after an error.
func (s *session) failed(ctx context.Context, c *call, err error, depends bool) (again bool, out error) {
	if _, asked := s.state.value("transaction_read_only"); s.readOnly || asked {
		err = InReadOnlyTx(err)
	}
	if !s.b.alive() || Verdict(err) == weir.Discard {
		s.dropBackend(err)
		if depends && c.pins {
			s.unpin() // there was nothing yet
		}
		return s.afterDeath(ctx, c, err, depends)
	}
	if c.do == endsTx {
		s.inTx, s.readOnly = false, false
	}
	if s.con.verdict(err) != weir.Keep {
		s.worst = err
	}
	if c.sent {
		s.trail.st, s.trail.fail = c.st, true
	}
	halfBegun := c.do == begins && c.opts.Isolation != 0 // SET TRANSACTION may have worked where START TRANSACTION did not
	if c.sent && (c.st.Kind == sqltext.Set || halfBegun) {
		s.dirty = true // some of it may have been set
	}
	if _, ok := err.(*StickyError); ok {
		s.settle()
		return false, err
	}
	if hasNumber(err, tooManyStatements) && c.crowded < maxCrowded {
		c.crowded++
		s.con.makeRoom(ctx, s.b, c.crowded)
		return true, err
	}
	if s.stale(c) && !s.refresh(c) {
		return s.afterDeath(ctx, c, err, depends)
	}
	s.settle()
	if c.late {
		return false, ctx.Err()
	}
	return false, unwrapReadOnly(err)
}

// dropBackend discards the held backend, with the error that speaks against it.
func (s *session) dropBackend(err error) {
	if s.con.verdict(err) == weir.Keep {
		discard(s.lease)
	} else if s.lease.Valid() {
		s.lease.Finish(err)
	}
	s.dirty, s.worst, s.held = false, nil, holdsNot
	s.lease, s.b, s.trail.last = weir.Lease[*backend]{}, nil, weir.Lease[*backend]{}
}

// stale reports whether the status flags may not be true any more: an error does not bring new ones, and what was refused may have
// begun or ended a transaction. A plain statement has not; and where the session keeps the backend anyway it does not matter yet.
func (s *session) stale(c *call) bool {
	switch c.st.Kind {
	case sqltext.Read, sqltext.Share, sqltext.Savepoint, sqltext.Use, sqltext.Set, sqltext.Pins:
		return false
	}
	return true
}

// refresh asks the server for its status flags, by the cheapest of its commands, and ends a transaction that a failed COMMIT has left
// open. It returns false if the backend had to be dropped.
func (s *session) refresh(c *call) bool {
	ctx, cancel := context.WithTimeout(context.Background(), cleaningLimit)
	defer cancel()
	b := s.b
	b.use.Lock()
	b.uses++
	err := b.conn.Ping(ctx)
	if err == nil && c.do == endsTx && s.con.inTransaction(b) {
		err = b.run(ctx, "ROLLBACK")
	}
	b.use.Unlock()
	if err != nil {
		s.dropBackend(err)
		return false
	}
	return true
}

func unwrapReadOnly(err error) error {
	if e, ok := err.(*readOnlyTxError); ok {
		return e.error
	}
	return err
}
