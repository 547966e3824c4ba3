package mysqlpool

import (
	"context"
	"database/sql/driver"

	"github.com/weirpool/weir/internal/sqltext"
)

// An action is what is to be done with a backend.
type action uint8

const (
	execs action = iota
	queries
	prepares
	pings
	begins
	endsTx   // COMMIT or ROLLBACK of a transaction of BeginTx
	pinsOnly // gets hold of the real connection
)

// A finish is how a statement ends a transaction.
type finish uint8

const (
	endsNothing finish = iota
	commits
	rollsBack
)

// A call is one command on its way to a backend, and what came of it.
type call struct {
	con   *Connector
	ctx   context.Context // its caller's
	do    action
	text  string
	args  []driver.NamedValue
	named bool   // it was prepared by name: its statement is kept from the first use on
	bind  *state // what the session had set when it was prepared by name
	bound uint64 // names that
	opts  driver.TxOptions

	st   *sqltext.Statement
	ends finish
	pins bool // it has pinned the session

	// What the session was when the attempt began:
	want    *state // what it had set
	trail   trail
	depends bool // the backend has something of it that no other one could be given
	inTx    bool // a transaction had begun before
	kept    bool // the session holds the backend afterwards, whatever comes of it

	modes    sqltext.Modes // its text was read so
	repeated bool          // a read whose answer was lost is run once more
	crowded  int           // how often the server had too many prepared statements

	// What came of the attempt:
	panicked any
	err      error
	sent     bool             // the server may have it
	timedOut bool             // the driver has waited for readTimeout
	dirties  bool             // the backend must be reset before anybody else gets it
	unsure   bool             // it was refused, and may have been executed nevertheless
	unproved bool             // its rows hold a LAST_INSERT_ID() that may be another session's
	changes  []sqltext.Change // of a SET, as they can be repeated anywhere
	result   driver.Result
	inner    driver.Rows // the driver's
	rows     *rows
	streams  bool       // the rows need the backend further on
	once     *statement // closed with the rows
	inputs   int

	late bool // the context ended while it ran
}

// A lateError ends a command that its context has outrun, with nothing more to be done about it: it was not sent, or it was killed and
// answered as if it had worked.
type lateError struct{ error }

// effective reports whether a statement that was killed has certainly done something before, as its answer says. Of several statements
// in one text the answer to a later one may be what the kill has made of it.
func (c *call) effective() bool {
	if !c.st.Several && c.changesSession() {
		return true
	}
	if c.result == nil {
		return c.do != execs && c.do != queries
	}
	n, err := c.result.RowsAffected()
	return err != nil || n > 0 && c.st.Reach != sqltext.ReachSession // SELECT ... INTO counts what it has read
}

// changesSession reports whether the statement is one that succeeds by what it does to its session, or to the locks that this has.
func (c *call) changesSession() bool {
	switch c.st.Kind {
	case sqltext.Begin, sqltext.Commit, sqltext.Rollback, sqltext.Savepoint, sqltext.Set, sqltext.Use:
		return true
	}
	switch c.st.Pin {
	case sqltext.AutocommitOff, sqltext.NextTransaction, sqltext.UnlistedSet, sqltext.UnsafeCharset, sqltext.LockTables,
		sqltext.FlushTables, sqltext.TemporaryTable, sqltext.Handler, sqltext.XA:
		return true
	}
	return false
}

// rollsBackTx reports whether the call is the Rollback of a Tx, which is sent although its context has ended.
func (c *call) rollsBackTx() bool { return c.do == endsTx && c.ends == rollsBack }

// noResult is that of a statement that changes nothing.
type noResult struct{}

func (noResult) LastInsertId() (int64, error) { return 0, nil }
func (noResult) RowsAffected() (int64, error) { return 0, nil }
