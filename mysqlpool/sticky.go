package mysqlpool

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
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

// A trail tells where what a session's statements have left on backends lies. A tenure is a time during which nobody else used the
// session's backend: it goes on when the very same one is borrowed again, see [weir.Lease.Again].
type trail struct {
	last   weir.Lease[*backend] // of the previous statement
	uses   uint64               // of its backend, after it
	tenure uint32               // the present one, counted from 1

	// The tenures in which something was left that is still to be found, 0 if none:
	id    uint32 // LAST_INSERT_ID(), perhaps: see ids
	found uint32 // FOUND_ROWS()

	text string // of the previous statement, to be looked at when somebody asks for its warnings or its sequence's value
	kind sqltext.Kind
	fail bool // it was refused
	mute bool // it may not have been sent at all

	ids *lastIDs // what answers in tenure id said that LAST_INSERT_ID() is
}

// lastIDs are the latest four.
type lastIDs struct {
	ids [4]int64
	at  uint8
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

// leads reports whether what the statement asks for may lie where the present tenure is. ROW_COUNT() does: each statement that is sent sets it.
func (t *trail) leads(asks sqltext.Sticky, text string) bool {
	return asks == 0 || (!asks.Has(stickyID) || t.id == t.tenure && asks&^stickyID == 0) &&
		(!asks.Has(sqltext.RowCount) || !t.mute) &&
		(!asks.Has(stickyValue) || t.ownValue(text)) &&
		(!asks.Has(sqltext.FoundRows) || t.found == t.tenure) &&
		(!asks.Has(sqltext.Warnings) || t.ownWarnings())
}

// leave notes what a statement has left in the present tenure.
func (t *trail) leave(c *call, b *backend) {
	leaves := c.st.Leaves
	selects := c.st.Kind == sqltext.Read && c.rows != nil && len(c.rows.Columns()) > 0
	if leaves.Has(sqltext.FoundRows) && (selects || c.st.Pin == sqltext.CalcFoundRows) {
		t.found = t.tenure
	}
	t.text, t.kind, t.fail, t.mute = c.text, c.st.Kind, false, c.do == prepares
	if id := c.insertID(b); leaves.Has(stickyID) && id != 0 {
		t.noteID(id)
	}
}

func (t *trail) noteID(id int64) {
	if t.ids == nil {
		t.ids = new(lastIDs)
	}
	if t.id != t.tenure {
		t.id, t.ids.ids = t.tenure, [4]int64{id, id, id, id}
	}
	t.ids.ids[t.ids.at%4] = id
	t.ids.at++
}

// insertID is the number that the call's answer gave, or 0: what LAST_INSERT_ID() has become, or what the statement itself put into an
// AUTO_INCREMENT column, which leaves LAST_INSERT_ID() as it was.
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

// ownWarnings reports whether the previous statement has certainly left its own warnings, and be it none. One that uses no table and has
// none leaves those of before; and whether it uses one is told only where that is plain.
func (t *trail) ownWarnings() bool {
	if t.fail || t.kind == sqltext.Share && changesTable.MatchString(t.text) {
		return true
	}
	text := plainString.ReplaceAllString(t.text, "0")
	return readsTable.MatchString(text) && !strings.ContainsAny(text, `'"#`) && !strings.Contains(text, "--") && !strings.Contains(text, "/*")
}

var (
	changesTable = regexp.MustCompile(`(?i)^\s*(INSERT|REPLACE|UPDATE|DELETE|ALTER TABLE|CREATE TABLE|DROP TABLE)\s`)
	plainString  = regexp.MustCompile(`'[^'\\]*'`)
	readsTable   = regexp.MustCompile("(?i)\\sFROM\\s+(`|[a-ce-z_]|d[a-tv-z_0-9])")
)

// ownValue reports whether the previous statement has taken a value from the very sequence that the text asks for. What a sequence gave
// to whom is kept for each sequence on its own.
func (t *trail) ownValue(text string) bool {
	took, asked := nextValue.FindAllStringSubmatch(t.text, -1), lastValue.FindAllStringSubmatch(text, -1)
	return !t.fail && len(took) == 1 && len(asked) == 1 && strings.EqualFold(took[0][1], asked[0][1])
}

var (
	nextValue = regexp.MustCompile("(?i)\\b(?:NEXTVAL\\s*\\(|NEXT\\s+VALUE\\s+FOR\\s)\\s*([\\w.`]+)")
	lastValue = regexp.MustCompile("(?i)\\b(?:LASTVAL\\s*\\(|PREVIOUS\\s+VALUE\\s+FOR\\s)\\s*([\\w.`]+)")
)

// lend borrows a backend for a statement: that of the previous one if what it left matters, any otherwise.
func (s *session) lend(ctx context.Context, c *call) (weir.Lease[*backend], error) {
	asks := c.asks()
	if asks != 0 || s.trail.id == s.trail.tenure && s.trail.tenure != 0 {
		lease, ok := s.trail.again()
		if ok && !s.trail.leads(asks, c.text) {
			lease.Release()
			ok = false
		}
		if ok {
			return lease, nil
		}
	}
	if asks != 0 {
		return weir.Lease[*backend]{}, s.lostTrail(asks)
	}
	lease, err := s.con.pool.AcquirePreferring(ctx, s.state.labels())
	if err == nil {
		s.trail.tenure++
	}
	return lease, err
}

// asks is what the statement wants of earlier ones. One of several in a text may want what those before it leave.
func (c *call) asks() sqltext.Sticky {
	if c.st.Pin == sqltext.MultiStatement {
		return 0
	}
	return c.st.Sticky
}

func (s *session) lostTrail(asks sqltext.Sticky) error {
	s.con.counters.sticky.Add(1)
	return &StickyError{Asked: asked(asks)}
}

// checkID finds out whether LAST_INSERT_ID() is one of those that answers to this session said.
func (s *session) checkID(ctx context.Context, c *call) error {
	if !c.asks().Has(stickyID) {
		return nil
	}
	row, err := s.b.ask(ctx, "SELECT LAST_INSERT_ID()")
	if err != nil {
		return err
	}
	id, err := strconv.ParseUint(row[0].String, 10, 64)
	if err != nil || !slices.Contains(s.trail.ids.ids[:], int64(id)) {
		return s.lostTrail(c.asks())
	}
	return nil
}

// freshID makes sure that LAST_INSERT_ID() is this session's before a statement runs that may or may not set it, and does not tell: a
// procedure, or one of several statements.
func (s *session) freshID(ctx context.Context, c *call) error {
	if !c.st.Opaque || s.trail.id == s.trail.tenure || c.do == pinsOnly {
		return nil
	}
	if err := s.b.run(ctx, "SET @@session.last_insert_id = 0"); err != nil {
		return err
	}
	s.trail.noteID(0)
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
