package benchmarks

import (
	"context"
	"database/sql"
	"log/slog"

	"github.com/go-sql-driver/mysql"
	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// openWeirDB is weir's *sql.DB with so many backends, open, and all else as users get it who set nothing.
func openWeirDB(cfg *mysql.Config, backends int, opts ...mysqlpool.Option) (*sql.DB, func() error, error) {
	all := append([]mysqlpool.Option{
		weir.WithMaxOpen(backends), weir.WithMinIdle(backends), weir.WithLogger(slog.New(slog.DiscardHandler)),
	}, opts...)
	connector, err := mysqlpool.NewConnector(context.Background(), cfg, all...)
	if err != nil {
		return nil, nil, err
	}
	db := connector.OpenDB()
	return db, db.Close, nil
}

// openWeirLookups opens weir's *sql.DB for goroutines that share it.
func openWeirLookups(opts ...mysqlpool.Option) func(cfg *mysql.Config, connections int) (lookupPool, error) {
	return func(cfg *mysql.Config, connections int) (lookupPool, error) {
		db, end, err := openWeirDB(cfg, connections, opts...)
		if err != nil {
			return lookupPool{}, err
		}
		return dbLookups(db, end), nil
	}
}

// openWeirSessions holds sessions of weir's *sql.DB.
func openWeirSessions(cfg *mysql.Config, size heldSize, state string) (lookupPool, error) {
	db, end, err := openWeirDB(cfg, size.backends)
	if err != nil {
		return lookupPool{}, err
	}
	return holdSessions(db, end, size.sessions, state)
}
