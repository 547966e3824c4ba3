package benchmarks

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

type sqlPool struct {
	db      *sql.DB
	maxWait time.Duration
}

func openDatabaseSQL(c Config) (Pool, error) {
	db := sql.OpenDB(connector{c.Open})
	db.SetMaxOpenConns(c.Max)
	db.SetMaxIdleConns(c.Max) // the default, 2, would measure opening
	p := &sqlPool{db: db}
	if err := fill(p, c.Idle); err != nil {
		p.Close()
		return nil, err
	}
	p.maxWait = c.MaxWait
	return p, nil
}

func (p *sqlPool) Use(ctx context.Context, work func()) error {
	conn, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	work()
	return conn.Close()
}

func (p *sqlPool) acquire(ctx context.Context) (*sql.Conn, error) {
	if p.maxWait == 0 {
		return p.db.Conn(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	return p.db.Conn(ctx)
}

func (p *sqlPool) Close() { p.db.Close() }

// A connector opens connections that do nothing. They have none of the driver's optional methods, so that the pool's part
// is all that is measured.
type connector struct {
	open func(context.Context) (*Resource, error)
}

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	r, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	return idleConn{r}, nil
}

func (c connector) Driver() driver.Driver { return noDriver{} }

type noDriver struct{}

func (noDriver) Open(string) (driver.Conn, error) { return nil, errNoStatements }

var errNoStatements = errors.New("benchmarks: this connection runs no statements")

type idleConn struct{ *Resource }

func (idleConn) Prepare(string) (driver.Stmt, error) { return nil, errNoStatements }
func (idleConn) Begin() (driver.Tx, error)           { return nil, errNoStatements }
func (idleConn) Close() error                        { return nil }
