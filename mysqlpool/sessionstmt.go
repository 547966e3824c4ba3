package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"
)

// A sessionStmt is a statement that was prepared by name: a text, which the session's backend of the moment finds in its cache or
// prepares.
type sessionStmt struct {
	s      *session
	text   string
	inputs int
	bind   *state // what the session had set when it was prepared
	bound  uint64 // names that
}

var (
	_ driver.StmtExecContext   = (*sessionStmt)(nil)
	_ driver.StmtQueryContext  = (*sessionStmt)(nil)
	_ driver.NamedValueChecker = (*sessionStmt)(nil)
	_ driver.ColumnConverter   = (*sessionStmt)(nil)
)

// NumInput implements [driver.Stmt].
func (t *sessionStmt) NumInput() int { return t.inputs }

// Close implements [driver.Stmt]. What backends have prepared stays in their caches.
func (t *sessionStmt) Close() error { return nil }

// CheckNamedValue implements [driver.NamedValueChecker].
func (t *sessionStmt) CheckNamedValue(v *driver.NamedValue) error {
	return t.s.CheckNamedValue(v)
}

// ColumnConverter implements [driver.ColumnConverter].
func (t *sessionStmt) ColumnConverter(int) driver.ValueConverter { return valueConverter{t.s} }

// A valueConverter converts one argument, for code that asks for [driver.ColumnConverter].
type valueConverter struct{ s *session }

// ConvertValue implements [driver.ValueConverter].
func (c valueConverter) ConvertValue(v any) (driver.Value, error) {
	nv := driver.NamedValue{Ordinal: 1, Value: v}
	err := c.s.CheckNamedValue(&nv)
	return nv.Value, err
}

// ExecContext implements [driver.StmtExecContext].
func (t *sessionStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	c := call{do: execs, text: t.text, args: args, named: true, bind: t.bind, bound: t.bound}
	err := t.s.perform(ctx, &c)
	return c.result, err
}

// QueryContext implements [driver.StmtQueryContext].
func (t *sessionStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	c := call{do: queries, text: t.text, args: args, named: true, bind: t.bind, bound: t.bound}
	if err := t.s.perform(ctx, &c); err != nil {
		return nil, err
	}
	return c.rows, nil
}

// Exec implements [driver.Stmt].
func (t *sessionStmt) Exec(args []driver.Value) (driver.Result, error) {
	return t.ExecContext(context.Background(), named(args))
}

// Query implements [driver.Stmt].
func (t *sessionStmt) Query(args []driver.Value) (driver.Rows, error) {
	return t.QueryContext(context.Background(), named(args))
}

// A sessionTx is a transaction of BeginTx.
type sessionTx struct {
	s      *session
	number uint32          // of those of its session
	ctx    context.Context // that of BeginTx: it bounds how long Commit and Rollback take
}

var errTxOver = errors.New("mysqlpool: the transaction was rolled back before")

// rollbackLimit bounds a Rollback whose context never ends: when it is over the rollback goes on behind its caller.
const rollbackLimit = 5 * time.Second

// Commit implements [driver.Tx]. Where the answer is lost, or had not come when the context of BeginTx ended, the error matches
// [ErrOutcomeUnknown].
func (t *sessionTx) Commit() error { return t.end(t.ctx, commits, "COMMIT") }

// Rollback implements [driver.Tx]. It fails only where a session is pinned: a transaction that cannot be rolled back in time is rolled back
// behind its caller, and one whose connection has died by the server.
func (t *sessionTx) Rollback() error {
	ctx, cancel := context.WithTimeout(t.ctx, rollbackLimit)
	defer cancel()
	return t.end(ctx, rollsBack, "ROLLBACK")
}

func (t *sessionTx) end(ctx context.Context, how finish, text string) error {
	s := t.s
	if t.number != s.txs || !s.inTx {
		if how == rollsBack {
			return nil
		}
		return errTxOver
	}
	var err error
	switch {
	case s.lost != nil:
		err = s.lost
	case s.left != nil && how == rollsBack && s.pinned == nil:
		s.detach() // it is rolled back when what was left has returned
	default:
		err = s.perform(ctx, &call{do: endsTx, text: text, ends: how})
	}
	if how == commits && err != nil && s.inTx && s.lost == nil { // the context had ended before the COMMIT was sent
		s.perform(ctx, &call{do: endsTx, text: "ROLLBACK", ends: rollsBack}) // in time or behind
	}
	switch { // nothing can be sent
	case !s.inTx || s.left == nil:
	case s.pinned == nil:
		s.detach() // it is rolled back when what was left has returned
	default:
		s.lose(nil, ctx.Err())
	}
	s.inTx, s.readOnly = false, false
	if s.pinned == nil {
		s.lost = nil
	}
	if how == rollsBack && (errors.Is(err, ErrSessionLost) || ctx.Err() != nil && s.pinned == nil) {
		return nil
	}
	return err
}
