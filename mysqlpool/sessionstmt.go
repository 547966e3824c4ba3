package mysqlpool

import (
	"context"
	"database/sql/driver"
	"errors"
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
	number uint32 // of those of its session
}

var errTxOver = errors.New("mysqlpool: the transaction was rolled back before")

// Commit implements [driver.Tx]. Where the answer is lost the error matches [ErrOutcomeUnknown].
func (t *sessionTx) Commit() error { return t.end(commits, "COMMIT") }

// Rollback implements [driver.Tx]. A transaction whose connection has died is rolled back by the server.
func (t *sessionTx) Rollback() error { return t.end(rollsBack, "ROLLBACK") }

func (t *sessionTx) end(how ending, text string) error {
	s := t.s
	if t.number != s.txs || !s.inTx {
		if how == rollsBack {
			return nil
		}
		return errTxOver
	}
	var err error
	if s.lost != nil {
		err = s.lost
	} else {
		err = s.perform(context.Background(), &call{do: endsTx, text: text, ends: how})
	}
	s.inTx, s.readOnly = false, false
	if s.pinned == nil {
		s.lost = nil
	}
	if how == rollsBack && errors.Is(err, ErrSessionLost) {
		return nil
	}
	return err
}
