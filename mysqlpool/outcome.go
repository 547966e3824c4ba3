package mysqlpool

import (
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/internal/sqltext"
)

// ErrOutcomeUnknown matches the error of a statement that changes something, a COMMIT above all, which may have been executed or not: its
// answer was lost, or had not come when the context ended. In the second case the error matches the context's, too. The statement was
// not repeated.
var ErrOutcomeUnknown = errors.New("mysqlpool: outcome unknown")

// ErrSessionLost matches the error of a session whose connection died together with what only that connection had: an open transaction,
// which the server rolls back, or what pinned the session. Statements are refused, so that none of them runs where what came before
// it is missing: after a transaction until ROLLBACK, COMMIT (which fails) or BEGIN, after a pin until the session is checked in.
var ErrSessionLost = errors.New("mysqlpool: session lost")

// errTransactionLost is ErrSessionLost where a transaction was open: all of it is rolled back.
var errTransactionLost = fmt.Errorf("%w", ErrSessionLost)

// A lostError tells what was lost. It reads like what it says and matches its sentinel and its cause.
type lostError struct {
	sentinel error
	what     string
	cause    error
}

func (e *lostError) Error() string   { return fmt.Sprintf("%v: %s: %v", e.sentinel, e.what, e.cause) }
func (e *lostError) Unwrap() []error { return []error{e.sentinel, e.cause} }

// plainCause strips the one error that database/sql would answer by running the statement up to three times more.
func plainCause(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return mysql.ErrInvalidConn
	}
	return err
}

// maxTries bounds on how many backends one statement is tried. Each acquire looks at the socket first, so that more than one failure in
// a row means that the server is going away.
const maxTries = 4

// maxSchemaTries is the same for backends that only have a default database where the session has none: new ones have none.
const maxSchemaTries = 32

// afterDeath says what becomes of a statement whose backend died: whether it is run once more, or with which error it ends.
func (s *session) afterDeath(c *call, err error) (again bool, out error) {
	cause := plainCause(err)
	switch {
	case c.late:
		cause = c.ctx.Err()
	case s.con.closing.Load():
		cause = weir.ErrClosed
	}
	class := Classify(err)
	unsent := !c.sent || class == NotSent
	refused := isServerError(err) && class != Unknown && !c.unsure
	if c.depends {
		lost := s.lose(c, cause)
		switch {
		case unsent || refused && class != GoingAway:
			return false, lost
		case c.ends == commits:
			return false, s.outcomeUnknown("the connection died under COMMIT", cause)
		case c.st.Kind != sqltext.Read && !(c.inTx && c.st.Reach != sqltext.ReachAny):
			return false, s.outcomeUnknown("the connection died before the answer came", lost)
		}
		return false, lost
	}
	var replay *replayError
	switch {
	case errors.As(err, &replay) && isServerError(replay.error):
		return false, err
	case !unsent && c.outlasts() && refused:
		return false, err
	case !unsent && c.outlasts():
		return false, s.outcomeUnknown("the connection died before the answer came", cause)
	case c.ctx.Err() != nil:
		return false, c.ctx.Err()
	case unsent && isServerError(err): // the others may lead to the same server
		again, c.repeated = !c.repeated, true
		return again, cause
	case unsent:
		return true, &lostError{errNoBackend, "connections died one after the other", cause}
	case !c.repeated && !c.timedOut && !hasNumber(err, globalMemory, connectionMemory):
		c.repeated = true // once: where the server is slow each copy makes it slower
		return true, cause
	}
	return false, cause
}

// outlasts reports whether what a statement does outside of a transaction may outlast its connection.
func (c *call) outlasts() bool {
	switch c.st.Kind {
	case sqltext.Read, sqltext.Begin, sqltext.Savepoint, sqltext.Set, sqltext.Use, sqltext.Rollback:
		return false
	}
	return c.st.Reach != sqltext.ReachSession
}

// inParts reports whether a statement that fails may have done something for good before.
func (c *call) inParts() bool { return c.st.Opaque && c.outlasts() }

func (s *session) outcomeUnknown(what string, cause error) error {
	s.con.counters.unknown.Add(1)
	if isServerError(cause) {
		what = "the server cannot tell"
	}
	return &lostError{ErrOutcomeUnknown, what, cause}
}

var errNoBackend = errors.New("mysqlpool: statement was not run")

// lose makes the error of a session whose backend died. The statements that follow are refused with it, unless the one that was running
// ended all there was to lose.
func (s *session) lose(c *call, cause error) error {
	what := "the connection died with an open transaction, which is rolled back"
	if s.pinned != nil {
		what = fmt.Sprintf("the connection died with what pinned the session (%v)", s.pinned.reason)
	}
	s.con.counters.lost.Add(1)
	sentinel := ErrSessionLost
	if s.inTx || c != nil && c.inTx || c == nil && s.pinned == nil {
		sentinel = errTransactionLost
	}
	lost := &lostError{sentinel, what, cause}
	over := c != nil && (c.do == endsTx || c.ends != endsNothing && !s.inTx && !c.st.Chains)
	if !over || s.pinned != nil {
		s.lost = lost
	}
	return lost
}

// veiled hides that an error is caused by the one that database/sql answers by running the statement up to three times more.
func veiled(err error) error {
	if errors.Is(err, driver.ErrBadConn) {
		return &veil{err}
	}
	return err
}

type veil struct{ err error }

func (v *veil) Error() string        { return v.err.Error() }
func (v *veil) Is(target error) bool { return target != driver.ErrBadConn && errors.Is(v.err, target) }
func (v *veil) As(target any) bool   { return errors.As(v.err, target) }

// errRowsOpen stands for the driver's busy buffer, which would cost the connection.
var errRowsOpen = errors.New("mysqlpool: rows are still open on this transaction's or pinned session's connection: close them before the next " +
	"statement, or let WithRowBuffer hold all of them")
