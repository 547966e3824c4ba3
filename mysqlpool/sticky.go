package mysqlpool

import (
	"context"
	"database/sql/driver"
	"fmt"
	"strings"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// A StickyError says that a statement asks for something that an earlier statement of its session has left on a backend, such as
// LAST_INSERT_ID(), and that this backend has been used by others since, or that no statement left such a thing. A check or a search of
// weir's own counts as such a use: outside of a transaction the error is possible once the backend was idle for longer than the check
// window (500 ms). What the server would answer could be another session's. Run both in one transaction, or take the value from the
// result: Result.LastInsertId, Result.RowsAffected.
type StickyError struct {
	Asked string // what was asked for, such as "LAST_INSERT_ID()"
}

// Error tells what was asked for.
func (e *StickyError) Error() string {
	return fmt.Sprintf("mysqlpool: %s may be that of another session: its backend has been used by others since, or no statement of this session "+
		"left one; use one transaction for both statements, or the values of the Result", e.Asked)
}

// A trail tells where what a session's statements have left on backends lies. A tenure is a time during which nobody else used the
// session's backend: it goes on when the very same one is borrowed again, see [weir.Lease.Again].
type trail struct {
	last   weir.Lease[*backend] // of the previous statement
	uses   uint64               // of its backend, after it
	tenure uint32               // the present one, counted from 1

	number number
	found  uint32 // the tenure in which FOUND_ROWS() was left, 0 if none

	// What weir itself had run on the backend when the previous statement returned: it overwrites what that left.
	runs, asks uint64

	st   *sqltext.Statement // the previous one
	fail bool               // it was refused
	mute bool               // it may not have been sent at all

	stuck bool // the number could not be asked for: the backend is held for its sake
}

const (
	stickyID    = sqltext.LastInsertID | sqltext.Identity
	stickyValue = sqltext.LastValue
)

// again borrows the backend of the previous statement once more, if nothing has run on it since.
func (t *trail) again() (weir.Lease[*backend], bool) {
	lease, ok := t.last.Again()
	if ok && lease.Value().uses != t.uses {
		lease.Release()
		ok = false
	}
	return lease, ok
}

// leads reports whether what the statement asks for may lie on b, in the present tenure. ROW_COUNT() does: each statement that is sent sets it.
func (t *trail) leads(asks sqltext.Sticky, st *sqltext.Statement, b *backend) bool {
	return asks == 0 || (!asks.Has(stickyID) || t.number.here != strangers || asks&^stickyID == 0 && t.number.left && t.number.known()) &&
		(!asks.Has(sqltext.RowCount) || !t.mute) &&
		(!asks.Has(stickyValue) || t.ownValue(st)) &&
		(!asks.Has(sqltext.FoundRows) || t.found == t.tenure && t.asks == b.asks) &&
		(!asks.Has(sqltext.Warnings) || t.ownWarnings())
}

// sent notes what a statement that was sent has left of LAST_INSERT_ID(), and where weir's own statements stood then.
func (t *trail) sent(c *call, b *backend, err error) {
	if t.asks != b.asks { // by weir's own
		t.found = 0
	}
	t.runs, t.asks = b.runs, b.asks
	switch {
	case c.do == pinsOnly:
		t.number.unsaid()
	case c.do > queries || !c.st.Leaves.Has(stickyID):
	case err != nil:
		t.number.unsaid()
	default:
		switch id := c.insertID(b); {
		case id != 0:
			t.number.answered(uint64(id))
		case c.result == nil || !c.st.Says:
			t.number.unsaid()
		}
	}
}

// leave notes what a statement has left in the present tenure.
func (t *trail) leave(c *call) {
	selects := c.st.OwnFoundRows && c.rows != nil && len(c.rows.Columns()) > 0
	if selects || c.st.Pin == sqltext.CalcFoundRows {
		t.found = t.tenure
	}
	t.st, t.fail, t.mute = c.st, false, c.do == prepares
}

// insertID is the number that the call's answer gave, or 0.
func (c *call) insertID(b *backend) int64 {
	if c.result == nil {
		return insertIDOf(b.conn)
	}
	id, err := c.result.LastInsertId()
	if err != nil {
		return 0
	}
	return id
}

// ownWarnings reports whether the previous statement has certainly left its own warnings, and be it none.
func (t *trail) ownWarnings() bool { return t.fail || t.st != nil && t.st.OwnWarnings }

// ownValue reports whether the previous statement has taken a value from the very sequence that the text asks for. What a sequence gave
// to whom is kept for each sequence on its own.
func (t *trail) ownValue(st *sqltext.Statement) bool {
	return !t.fail && t.st != nil && st.Recalls(t.st)
}

// lend borrows a backend for a statement: that of the previous one if what it left matters, any otherwise.
func (s *session) lend(ctx context.Context, c *call) (weir.Lease[*backend], error) {
	asks, n := c.asks(), &s.trail.number
	if asks != 0 || n.here != strangers {
		lease, ok := s.trail.again()
		if ok && !s.trail.leads(asks, c.st, lease.Value()) {
			lease.Release()
			ok = false
		}
		if ok {
			return lease, nil
		}
	}
	if asks&^stickyID != 0 || asks != 0 && !(n.left && n.known()) {
		return weir.Lease[*backend]{}, s.con.lostTrail(asks)
	}
	lease, err := s.acquire(ctx, c)
	if err == nil {
		s.trail.tenure++
		s.trail.stuck = false
		n.handOver()
	}
	return lease, err
}

// asks is what the statement wants of earlier ones. The number that one of several in a text asks for is given to the backend before.
func (c *call) asks() sqltext.Sticky {
	if c.st.Pin == sqltext.MultiStatement {
		return c.st.Sticky &^ stickyID
	}
	return c.st.Sticky
}

func (c *Connector) lostTrail(asks sqltext.Sticky) error {
	c.counters.sticky.Add(1)
	return &StickyError{Asked: asked(asks)}
}

// ownNumber makes sure that LAST_INSERT_ID() on the backend is the session's, for a statement that asks for it or may do so unseen. It
// fails where no one knows the session's.
func (c *call) ownNumber(ctx context.Context, b *backend) error {
	if c.do > queries {
		return nil
	}
	met, err := c.meets(ctx, b)
	asks := c.asks()
	switch {
	case err != nil:
	case asks.Has(stickyID):
		err = c.askedNumber(ctx, b, asks&^stickyID == 0)
	case c.st.Opaque, c.st.Variables, met:
		err = c.givenNumber(ctx, b)
	}
	if err == nil && asks.Has(sqltext.RowCount|sqltext.Warnings) && b.runs != c.trail.runs {
		err = c.con.lostTrail(asks) // weir's own statements have overwritten it
	}
	return err
}

// meets reports whether the statement may meet something that asks for the number unseen.
func (c *call) meets(ctx context.Context, b *backend) (bool, error) {
	askers, by := c.con.askers, askedByReads
	switch {
	case c.st.Bare:
		return false, nil
	case c.st.Kind == sqltext.Share, c.st.Kind == sqltext.Pins:
		by |= askedByWrites
	case c.st.Kind != sqltext.Read:
		return false, nil
	}
	err := askers.searchFirst(ctx, b)
	if askers.note(c.st.Mentions) {
		c.con.pool.EvictAll() // what backends have given to sessions before is not to be found by others
	}
	if err == nil && askers.among(valueAsked) {
		c.dirties = true // what a sequence gave cannot be given to another backend, but a reset takes it away
	}
	unsaid := c.st.Leaves.Has(stickyID) && !c.st.Says && askers.among(numberAsked)
	return unsaid || askers.among(by), err
}

// keepNumber asks for the session's number before the backend goes to others, where something may ask for it unseen.
func (c *call) keepNumber(ctx context.Context, b *backend) {
	n := &c.trail.number
	if n.here == strangers || n.known() || !c.con.askers.among(numberAsked) || c.keeps(b) {
		return
	}
	if c.streams { // rows are still being sent
		c.trail.stuck = true
		return
	}
	if _, err := n.resolve(ctx, b); err != nil && !isServerError(err) {
		b.spoilt = true
	}
}

// keeps reports whether the session will hold its backend after the statement that was just sent.
func (c *call) keeps(b *backend) bool {
	return c.kept || c.dirties || c.con.blind() || c.con.inTransaction(b)
}

// askedNumber is for a statement that asks for the number. Where it asks for something else besides, weir must not run a statement of its own
// before it: a query is then run first and its answer held back until the number is known to be the session's.
func (c *call) askedNumber(ctx context.Context, b *backend, alone bool) error {
	n := &c.trail.number
	switch {
	case n.here == owns:
		return nil
	case n.here == strangers && alone && n.left && n.known():
		return n.give(ctx, b, n.value)
	case n.here != strangers && alone:
		if ok, err := n.resolve(ctx, b); ok || err != nil {
			return err
		}
	case n.here != strangers && c.do == queries && c.st.Kind == sqltext.Read:
		c.unproved = true
		return nil
	}
	return c.con.lostTrail(c.asks())
}

// givenNumber is for a statement that may ask for the number unseen: a procedure, one of several statements, what meets a view or trigger.
func (c *call) givenNumber(ctx context.Context, b *backend) error {
	n, asks := &c.trail.number, c.st.Sticky
	if n.here == owns || n.here == perhaps && asks != 0 && !asks.Has(stickyID) { // which weir's own statements would overwrite
		return nil
	}
	if n.here == perhaps {
		if ok, err := n.resolve(ctx, b); ok || err != nil {
			return err
		}
		n.lost = true
	}
	switch {
	case !n.lost:
		return n.give(ctx, b, n.value)
	case asks.Has(stickyID), c.st.Variables, c.st.Opaque && c.con.askers.among(askedByCalls):
		return c.con.lostTrail(asks | sqltext.LastInsertID)
	case n.here == zeroed:
		return nil
	}
	return n.clear(ctx, b)
}

// prove finds out, when a query has been read to its end, whether the number it has read was the session's.
func (c *call) prove(ctx context.Context, b *backend, read driver.Rows) error {
	if !c.unproved {
		return nil
	}
	if err := read.Close(); err != nil {
		return err
	}
	ok, err := c.trail.number.resolve(ctx, b)
	if err == nil && (!ok || b.runs != c.trail.runs+1) { // it had to be given, so it was another one
		err = c.con.lostTrail(c.asks())
	}
	return err
}

// asked names what a text asks for of statements before.
func asked(s sqltext.Sticky) string {
	var names []string
	for _, known := range []struct {
		bit  sqltext.Sticky
		name string
	}{
		{sqltext.LastInsertID, "LAST_INSERT_ID()"}, {sqltext.RowCount, "ROW_COUNT()"}, {sqltext.FoundRows, "FOUND_ROWS()"},
		{sqltext.Warnings, "the warnings"}, {sqltext.Identity, "@@identity"}, {sqltext.LastValue, "the last value"},
	} {
		if s.Has(known.bit) {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, ", ")
}
