package mysqlpool

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
)

// A noop is a driver whose statements cost nothing, so that what sessions cost can be seen. It looks like go-sql-driver's connection as
// far as sessions look. It proves nothing about MySQL.
type noop struct {
	status uint16
	result mysql.Result
}

func (n *noop) Connect(context.Context) (driver.Conn, error) {
	return &noop{status: flagAutocommit}, nil
}
func (n *noop) Driver() driver.Driver { return nil }

func (n *noop) Ping(context.Context) error                                  { return nil }
func (n *noop) Close() error                                                { return nil }
func (n *noop) Begin() (driver.Tx, error)                                   { return n.BeginTx(context.Background(), driver.TxOptions{}) }
func (n *noop) Prepare(string) (driver.Stmt, error)                         { return &noopStmt{n}, nil }
func (n *noop) PrepareContext(context.Context, string) (driver.Stmt, error) { return &noopStmt{n}, nil }
func (n *noop) ResetSession(context.Context) error                          { return nil }
func (n *noop) IsValid() bool                                               { return true }
func (n *noop) CheckNamedValue(*driver.NamedValue) error                    { return nil }

func (n *noop) BeginTx(context.Context, driver.TxOptions) (driver.Tx, error) {
	n.status |= flagInTransaction
	return n, nil
}
func (n *noop) Commit() error   { n.status &^= flagInTransaction; return nil }
func (n *noop) Rollback() error { return n.Commit() }

func (n *noop) ExecContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Result, error) {
	switch text {
	case "START TRANSACTION":
		n.status |= flagInTransaction
	case "ROLLBACK":
		n.status &^= flagInTransaction
	}
	return noopResult{}, nil
}

func (n *noop) QueryContext(_ context.Context, text string, _ []driver.NamedValue) (driver.Rows, error) {
	value := func(s string) driver.Value { return []byte(s) }
	if strings.Contains(text, "@@version") {
		return &noopRows{row: []driver.Value{value("8.0.0"), value("1"), value("1000"), value("28800"),
			value("1"), value("db"), value(""), value("utf8mb4"), value("utf8mb4"), value("utf8mb4_bin"), value("host"), value("3306"), value("1"), nil}}, nil
	}
	if strings.Contains(text, "information_schema.VIEWS") {
		return &noopRows{row: []driver.Value{value("0"), value("0"), value("0"), value("0"), value("0")}}, nil
	}
	return &noopRows{row: []driver.Value{int64(1)}}, nil
}

type noopResult struct{}

func (noopResult) LastInsertId() (int64, error) { return 0, nil }
func (noopResult) RowsAffected() (int64, error) { return 1, nil }

type noopStmt struct{ n *noop }

func (s *noopStmt) Close() error                               { return nil }
func (s *noopStmt) NumInput() int                              { return 1 }
func (s *noopStmt) Exec([]driver.Value) (driver.Result, error) { return noopResult{}, nil }
func (s *noopStmt) Query([]driver.Value) (driver.Rows, error) {
	return &noopRows{row: []driver.Value{int64(1)}}, nil
}
func (s *noopStmt) ExecContext(context.Context, []driver.NamedValue) (driver.Result, error) {
	return s.Exec(nil)
}
func (s *noopStmt) QueryContext(context.Context, []driver.NamedValue) (driver.Rows, error) {
	return s.Query(nil)
}

type noopRows struct {
	row  []driver.Value
	done bool
}

func (r *noopRows) Columns() []string { return make([]string, len(r.row)) }
func (r *noopRows) Close() error      { return nil }
func (r *noopRows) Next(dest []driver.Value) error {
	if r.done {
		return io.EOF
	}
	r.done = true
	copy(dest, r.row)
	return nil
}
func (r *noopRows) HasNextResultSet() bool                            { return false }
func (r *noopRows) NextResultSet() error                              { return io.EOF }
func (r *noopRows) ColumnTypeScanType(int) reflect.Type               { return reflect.TypeFor[int64]() }
func (r *noopRows) ColumnTypeDatabaseTypeName(int) string             { return "BIGINT" }
func (r *noopRows) ColumnTypeNullable(int) (bool, bool)               { return false, true }
func (r *noopRows) ColumnTypePrecisionScale(int) (int64, int64, bool) { return 0, 0, false }

// overNoop opens a DB of sessions over backends that cost nothing.
func overNoop(tb testing.TB, opts ...Option) *sql.DB {
	tb.Helper()
	opts = append([]Option{weir.WithMaxOpen(16), weir.WithLogger(slog.New(slog.DiscardHandler))}, opts...)
	s, rest, err := readSettings("noop", opts)
	if err != nil {
		tb.Fatal(err)
	}
	w, err := weir.ReadSettings(rest...)
	if err != nil {
		tb.Fatal(err)
	}
	if err := s.settleSessions(w); err != nil {
		tb.Fatal(err)
	}
	src := sourceOver(&noop{}, s, w)
	c, err := startConnector(context.Background(), src, s, w, rest, mysql.NewConfig())
	if err != nil {
		tb.Fatal(err)
	}
	db := c.OpenDB()
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}

// stockNoop is the same driver below database/sql alone.
func stockNoop(tb testing.TB) *sql.DB {
	tb.Helper()
	db := sql.OpenDB(&noop{})
	db.SetMaxOpenConns(16)
	db.SetMaxIdleConns(16)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Error(err)
		}
	})
	return db
}
