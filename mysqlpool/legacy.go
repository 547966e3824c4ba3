package mysqlpool

import (
	"context"
	"database/sql/driver"
)

// What follows is for code below sql.Conn.Raw, which asserts the older interfaces of package driver; database/sql itself prefers those
// with a context.

var (
	_ physical       = (*session)(nil)
	_ driver.Execer  = (*session)(nil)
	_ driver.Queryer = (*session)(nil)
)

// Exec implements [driver.Execer].
func (s *session) Exec(text string, args []driver.Value) (driver.Result, error) {
	return s.ExecContext(context.Background(), text, named(args))
}

// Query implements [driver.Queryer].
func (s *session) Query(text string, args []driver.Value) (driver.Rows, error) {
	return s.QueryContext(context.Background(), text, named(args))
}

// Prepare implements [driver.Conn].
func (s *session) Prepare(text string) (driver.Stmt, error) {
	return s.PrepareContext(context.Background(), text)
}

// Begin implements [driver.Conn].
func (s *session) Begin() (driver.Tx, error) {
	return s.BeginTx(context.Background(), driver.TxOptions{})
}

// named numbers arguments.
func named(args []driver.Value) []driver.NamedValue {
	if len(args) == 0 {
		return nil
	}
	out := make([]driver.NamedValue, len(args))
	for i, v := range args {
		out[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
	}
	return out
}
