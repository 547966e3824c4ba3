package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Through makes a connector that goes through the pool. The external test package, which may import the pool, sets it.
var Through func(*Config) (driver.Connector, error)

func connectorThrough(cfg *Config) (driver.Connector, error) { return Through(cfg) }

// driverThrough opens single connections, as MySQLDriver does.
type driverThrough struct{}

func (driverThrough) Open(dsn string) (driver.Conn, error) {
	cfg, err := ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := Through(cfg)
	if err != nil {
		return nil, err
	}
	return connector.Connect(context.Background())
}

// pinned is the driver's connection below a session's.
func pinned(conn any) *mysqlConn {
	session := conn.(interface {
		Pin(context.Context) (driver.Conn, error)
	})
	inner, err := session.Pin(context.Background())
	if err != nil {
		panic(fmt.Sprintf("pin: %v", err))
	}
	return inner.(*mysqlConn)
}

// beginAgain begins a transaction, and rolls it back if that works.
func beginAgain(conn *sql.Conn) error {
	tx, err := conn.BeginTx(context.Background(), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err != nil {
		return err
	}
	return tx.Rollback()
}

func isCanceled(err error) bool { return errors.Is(err, context.Canceled) }
