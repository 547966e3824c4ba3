package mysqlpool

import (
	"context"
	"database/sql/driver"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// A session is what database/sql takes for a connection: settings, and at times a backend. database/sql uses it from one goroutine at a
// time.
type session struct {
	con *Connector
	out *checkout // by its present user

	lease weir.Lease[*backend]
	b     *backend // nil: it holds none
	held  holding  // why it holds one after a statement, if it does

	mode     Mode
	inTx     bool            // BeginTx was called, and neither Commit nor Rollback since
	readOnly bool            // the transaction was begun as READ ONLY
	dirty    bool            // the backend must be reset before anybody else gets it
	txs      uint32          // how often BeginTx was called
	txCtx    context.Context // of the last of these

	state   *state // what it has set; nil: nothing
	pinned  *pin
	lost    *lostError // why statements are refused
	worst   error      // of those on this backend, the one that says most against it
	open    *rows      // which the held backend is still sending
	left    *leftover  // a command that its caller has left, while the session still holds its backend
	streams *rows      // which hold a backend of their own, one leading to the next
	trail   trail
}

// ExecContext implements [driver.ExecerContext].
func (s *session) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c := call{do: execs, text: text, args: args}
	err := s.perform(ctx, &c)
	return c.result, err
}

// QueryContext implements [driver.QueryerContext].
func (s *session) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c := call{do: queries, text: text, args: args}
	if err := s.perform(ctx, &c); err != nil {
		return nil, err
	}
	return c.rows, nil
}

// PrepareContext implements [driver.ConnPrepareContext]. The text is prepared on a backend at once, so that its errors show, and again
// on each backend where the statement is used and not in the cache.
func (s *session) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	c := call{do: prepares, st: &asPing, text: text, named: true, bind: s.state, bound: s.state.prepares()}
	if s.b != nil && s.b.strange != 0 {
		c.bound = s.b.strange
	}
	if err := s.perform(ctx, &c); err != nil {
		return nil, err
	}
	return &sessionStmt{s: s, text: text, inputs: c.inputs, bind: c.bind, bound: c.bound}, nil
}

// Ping implements [driver.Pinger]: it asks the server, on whatever backend is free.
func (s *session) Ping(ctx context.Context) error {
	return s.perform(ctx, &call{do: pings, st: &asPing})
}

// BeginTx implements [driver.ConnBeginTx]. A transaction whose context has ended may still be open: database/sql rolls it back in its own
// time. It must not be committed by the next one's START TRANSACTION.
func (s *session) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if s.inTx {
		if err := (&sessionTx{s, s.txs, ctx}).Rollback(); err != nil {
			return nil, err
		}
	}
	c := call{do: begins, st: &asBegin, text: "START TRANSACTION", opts: opts}
	if err := s.perform(ctx, &c); err != nil {
		return nil, err
	}
	s.txs++
	s.txCtx = ctx
	return &sessionTx{s, s.txs, ctx}, nil
}

// Pin ties the session to a backend until it is checked in, and returns the real connection, go-sql-driver's. It is for code below
// sql.Conn.Raw, which reaches it by asserting
//
//	interface{ Pin(context.Context) (driver.Conn, error) }
//
// The connection is good for as long as the sql.Conn is held. It must not be closed.
func (s *session) Pin(ctx context.Context) (driver.Conn, error) {
	if err := s.perform(ctx, &call{do: pinsOnly, st: &asPin}); err != nil {
		return nil, err
	}
	return s.b.conn, nil
}

// CheckNamedValue implements [driver.NamedValueChecker] as go-sql-driver does. Its checker has no state, so that none of a connection is
// needed.
func (s *session) CheckNamedValue(v *driver.NamedValue) error {
	return s.con.source.checkValue(v)
}

// ResetSession implements [driver.SessionResetter]: database/sql calls it when it checks a used connection out.
func (s *session) ResetSession(ctx context.Context) error {
	s.mode = modeOf(ctx, s.con.mode)
	return s.con.checkouts.again(s.out)
}

// IsValid implements [driver.Validator]: database/sql calls it when it checks a connection in, and nowhere else. What the session has
// set ends here.
func (s *session) IsValid() bool {
	s.checkIn()
	s.con.checkouts.remove(s.out)
	return true
}

// Close implements [driver.Conn].
func (s *session) Close() error {
	s.checkIn()
	s.con.checkouts.remove(s.out)
	s.con.counters.sessions.Add(-1)
	return nil
}

// checkIn gives back what the session holds and forgets what it has set.
func (s *session) checkIn() {
	if r := s.open; r != nil {
		r.Close() // its error is that of a connection that is given up anyway
	}
	if s.b != nil {
		s.leave()
	}
	s.unpin()
	*s = session{con: s.con, out: s.out, mode: s.con.mode, txs: s.txs}
}

// leave gives the backend back, after it has been cleaned if there is something to clean.
func (s *session) leave() {
	con, lease, b, worst := s.con, s.lease, s.b, s.worst
	if s.left != nil {
		s.detach()
		return
	}
	s.lease, s.b = weir.Lease[*backend]{}, nil
	switch {
	case !b.alive():
		discard(lease)
	case b.tainted:
		discard(lease)
	case s.pinned != nil || s.dirty:
		place := s.unpinLater()
		con.background(func() {
			defer place()
			con.resetAndRelease(lease, b, worst)
		})
	case con.blind(), con.inTransaction(b):
		con.background(func() { con.rollBackAndRelease(lease, b, worst) })
	default:
		con.giveBack(lease, b, worst)
	}
}

// unpin ends the pin, if there is one, and lets the next session have its place.
func (s *session) unpin() {
	if s.pinned != nil {
		s.unpinLater()()
	}
}

// unpinLater ends the pin and returns what gives its place to the next session.
func (s *session) unpinLater() (free func()) {
	if s.pinned == nil {
		return func() {}
	}
	made, pins := s.pinned, s.con.pins
	pins.remove(s)
	s.pinned = nil
	return func() { pins.free(made) }
}

// admit refuses what must not run, and pins the session if the statement does.
func (s *session) admit(ctx context.Context, c *call) error {
	if err := ctx.Err(); err != nil && !c.rollsBackTx() {
		return err
	}
	if s.lost != nil && (c.ends != rollsBack || s.pinned != nil) {
		return s.lost
	}
	if s.open != nil && c.do == endsTx {
		s.open.Close() // its error is no reason against ending the transaction
	}
	if s.open != nil {
		return errRowsOpen
	}
	s.mode = modeOf(ctx, s.mode)
	reason := PinReason(c.st.Pin)
	if c.do == pinsOnly {
		reason = PinRaw
	}
	if reason == NotPinned || s.pinned != nil {
		return nil
	}
	if s.con.strict {
		return &PinError{Reason: reason, Text: shown(c.text, c.modes, s.con.fullTexts)}
	}
	placed, err := s.con.pins.take(ctx, reason, s.b != nil)
	if err != nil {
		return err
	}
	c.pins = true
	s.pinned = &pin{reason: reason, text: shown(c.text, c.modes, s.con.fullTexts), since: time.Now()}
	s.pinned.placed.Store(placed)
	s.pinned.site.Record(2)
	if s.b != nil {
		s.b.pin.Store(s.pinned)
	}
	s.con.pins.add(s, s.pinned)
	return nil
}

// holds reports whether the session must keep its backend after a statement, and says why.
func (s *session) holds() holding {
	switch {
	case s.pinned != nil:
		return holdsPins + holding(s.pinned.reason)
	case s.inTx:
		return holdsTransaction
	case s.mode == SessionMode:
		return holdsAlways
	case s.dirty || s.trail.stuck || s.con.blind():
		return holdsUntilCheckIn
	case s.con.inTransaction(s.b):
		return holdsTransaction
	}
	return holdsNot
}

// depends reports whether the held backend has something of the session that no other one could be given. What c, if there is one, is about
// to leave there does not count.
func (s *session) depends(c *call) bool {
	return s.b != nil && (s.pinned != nil && (c == nil || !c.pins) || s.inTx || s.dirty || s.con.inTransaction(s.b))
}

// A holding is why a backend is held.
type holding uint8

const (
	holdsNot holding = iota
	holdsTransaction
	holdsAlways // session mode
	holdsUntilCheckIn
	holdsRows
	holdsPins // and from here on one for each PinReason
)

// holdNotes are what holders are listed with.
var holdNotes = func() (notes [int(holdsPins) + PinReasons]string) {
	copy(notes[:], []string{"", "transaction", "session mode", "until check-in", "rows"})
	for r := range PinReasons {
		notes[int(holdsPins)+r] = "pinned: " + PinReason(r).String()
	}
	return notes
}()

// What is no text is classified by hand.
var (
	asPing  = sqltext.Statement{Kind: sqltext.Read, Reach: sqltext.ReachSession}
	asPin   = sqltext.Statement{Kind: sqltext.Pins, Opaque: true}
	asBegin = sqltext.Statement{Kind: sqltext.Begin}
)
