package labtest

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir/internal/lab"
)

// Start starts a server for one test, of the family that [Kind] says. A server that cannot be started is a failure: a fault that was
// not tried proves nothing.
func Start(t testing.TB, cfg lab.Config) *lab.Server {
	t.Helper()
	Begin(t)
	cfg.Kind = Kind()
	srv, err := lab.Start(t.Context(), cfg)
	Must(t, err)
	t.Cleanup(func() { Must(t, srv.Close()) })
	return srv
}

// Through starts a proxy in front of the server and returns it with the DSN that leads through it: dsn is one of the server's.
func Through(t testing.TB, srv *lab.Server, dsn string) (*lab.Proxy, string) {
	t.Helper()
	Begin(t)
	proxy, err := lab.NewProxy(t.Context(), srv.Addr())
	Must(t, err)
	t.Cleanup(func() { Must(t, proxy.Close()) })
	return proxy, Redirect(t, dsn, proxy.Addr())
}

// Redirect makes the DSN lead to another address, a host and a port.
func Redirect(t testing.TB, dsn, addr string) string {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	Must(t, err)
	cfg.Addr = addr
	return cfg.FormatDSN()
}

// Stock opens a DB of go-sql-driver itself, which says nothing on standard error about connections that the test breaks.
func Stock(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	cfg, err := mysql.ParseDSN(dsn)
	Must(t, err)
	return StockOf(t, cfg)
}

// StockOf is [Stock] with more than a DSN can say. It changes cfg's logger.
func StockOf(t testing.TB, cfg *mysql.Config) *sql.DB {
	t.Helper()
	Begin(t)
	cfg.Logger = &mysql.NopLogger{}
	connector, err := mysql.NewConnector(cfg)
	Must(t, err)
	db := sql.OpenDB(connector)
	t.Cleanup(func() { Must(t, db.Close()) })
	return db
}

// Hold checks a connection out of the DB until the test ends, or the test closes it.
func Hold(ctx context.Context, t testing.TB, db *sql.DB) *sql.Conn {
	t.Helper()
	Begin(t)
	conn, err := db.Conn(ctx)
	Must(t, err)
	t.Cleanup(func() { conn.Close() }) // a test may have closed or lost it
	return conn
}

// Number is the server's error number in err, or 0.
func Number(err error) uint16 {
	if said, ok := errors.AsType[*mysql.MySQLError](err); ok {
		return said.Number
	}
	return 0
}
