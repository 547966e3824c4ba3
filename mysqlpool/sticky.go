package mysqlpool

import (
	"context"
	"fmt"
	"strings"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// A StickyError says that a statement asks for something that an earlier statement of its session has left on a backend, such as
// LAST_INSERT_ID(), and that this backend has been used by others since, or that no statement left such a thing. What the server would
// answer could be another session's. Run both in one transaction, or take the value from the result: Result.LastInsertId,
// Result.RowsAffected.
type StickyError struct {
	Asked string // what was asked for, such as "LAST_INSERT_ID()"
}

// Error tells what was asked for.
func (e *StickyError) Error() string {
	return fmt.Sprintf("mysqlpool: %s may be that of another session: its backend has been used by others since, or no statement of this session "+
		"left one; use one transaction for both statements, or the values of the Result", e.Asked)
}

// A trail is where what a session's statements have left on backends lies: with which lease. A lease that is no more, and not renewed by
// [weir.Lease.Again], leads nowhere.
type trail struct {
	last weir.Lease[*backend] // of the previous statement
	uses uint64               // of its backend, after it
	id   weir.Lease[*backend] // of the last statement that gave LAST_INSERT_ID() a value
	val  weir.Lease[*backend] // the same for LASTVAL() and the like
}

const (
	stickyID    = sqltext.LastInsertID | sqltext.Identity
	stickyValue = sqltext.LastValue
)

// again borrows the backend of the previous statement once more, if nothing has run on it since.
func (t *trail) again() (weir.Lease[*backend], bool) {
	lease, ok := t.last.Again()
	if !ok {
		return lease, false
	}
	if lease.Value().uses != t.uses {
		lease.Release()
		return weir.Lease[*backend]{}, false
	}
	if t.id == t.last {
		t.id = lease
	}
	if t.val == t.last {
		t.val = lease
	}
	t.last = lease
	return lease, true
}

// leads reports whether what the statement asks for lies where lease leads. What concerns the previous statement does: that of a lease
// that is held has run with it.
func (t *trail) leads(st *sqltext.Statement, lease weir.Lease[*backend]) bool {
	return (!st.Sticky.Has(stickyID) || t.id == lease) && (!st.Sticky.Has(stickyValue) || t.val == lease)
}

// leave notes what a statement has left. An INSERT that used no AUTO_INCREMENT leaves LAST_INSERT_ID() as it was.
func (t *trail) leave(c *call, b *backend, lease weir.Lease[*backend]) {
	if c.st.Leaves.Has(stickyValue) {
		t.val = lease
	}
	if c.st.Leaves.Has(stickyID) && c.insertID(b) != 0 {
		t.id = lease
	}
}

// insertID is the number that the call's answer gave for LAST_INSERT_ID(), or 0.
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

// lend borrows a backend for a statement: that of the previous one if what it left matters, any otherwise.
func (s *session) lend(ctx context.Context, c *call) (weir.Lease[*backend], error) {
	ownText := c.st.Pin == sqltext.MultiStatement // it may ask for what it leaves itself
	asks := c.st.Sticky != 0 && !ownText
	if asks || s.trail.id == s.trail.last && s.trail.id.ID() != 0 {
		lease, ok := s.trail.again()
		if ok && asks && !s.trail.leads(c.st, lease) {
			lease.Release()
			ok = false
		}
		if ok {
			return lease, nil
		}
	}
	if asks {
		return weir.Lease[*backend]{}, s.lostTrail(c)
	}
	return s.con.pool.AcquirePreferring(ctx, s.state.labels())
}

func (s *session) lostTrail(c *call) error {
	s.con.counters.sticky.Add(1)
	return &StickyError{Asked: asked(c.st.Sticky)}
}

// freshID makes sure that LAST_INSERT_ID() is this session's before a statement runs that may or may not set it, and does not tell: a
// procedure, or one of several statements.
func (s *session) freshID(ctx context.Context, c *call) error {
	if !c.st.Opaque || s.trail.id == s.lease || c.do == pinsOnly {
		return nil
	}
	if err := s.b.run(ctx, "SET @@session.last_insert_id = 0"); err != nil {
		return err
	}
	s.trail.id = s.lease
	return nil
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
