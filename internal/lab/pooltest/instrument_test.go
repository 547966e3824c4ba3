package pooltest_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"sync/atomic"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// A counter counts what a driver is asked to do, as instrumentation of an application does.
type counter struct {
	opened, closed, resets, statements atomic.Int64
}

// instrumented opens a DB whose driver is wrapped by a counter.
func instrumented(t testing.TB, dsn string) (*sql.DB, *counter) {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	must(t, err)
	cfg.Logger = &mysql.NopLogger{}
	inner, err := mysql.NewConnector(cfg)
	must(t, err)
	c := &counter{}
	db := sql.OpenDB(&countingConnector{inner, c})
	t.Cleanup(func() { must(t, db.Close()) })
	return db, c
}

type countingConnector struct {
	driver.Connector
	counter *counter
}

func (c *countingConnector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	c.counter.opened.Add(1)
	return &countingConn{Conn: conn, counter: c.counter}, nil
}

// A countingConn forwards what the pool and database/sql need of the driver.
type countingConn struct {
	driver.Conn
	counter *counter
	gone    atomic.Bool
}

// Close counts connections, not calls: the pool closes a connection itself before database/sql does.
func (c *countingConn) Close() error {
	if c.gone.CompareAndSwap(false, true) {
		c.counter.closed.Add(1)
	}
	return c.Conn.Close()
}

func (c *countingConn) ResetSession(ctx context.Context) error {
	c.counter.resets.Add(1)
	return c.Conn.(driver.SessionResetter).ResetSession(ctx)
}

func (c *countingConn) IsValid() bool { return c.Conn.(driver.Validator).IsValid() }

func (c *countingConn) Ping(ctx context.Context) error { return c.Conn.(driver.Pinger).Ping(ctx) }

func (c *countingConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
}

func (c *countingConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	return c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, query)
}

func (c *countingConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.counter.statements.Add(1)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *countingConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.counter.statements.Add(1)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *countingConn) CheckNamedValue(v *driver.NamedValue) error {
	return c.Conn.(driver.NamedValueChecker).CheckNamedValue(v)
}
