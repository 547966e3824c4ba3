package mysql_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"log/slog"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

func init() {
	mysql.Through = through
	sql.Register("mysql", throughDriver{})
}

// through opens nothing before it is asked to, as the driver's own connector, and fails as fast.
func through(cfg *mysql.Config) (driver.Connector, error) {
	return mysqlpool.NewConnector(context.Background(), cfg,
		weir.WithMinIdle(0), weir.WithStartBackground(), weir.WithFailFast(), weir.WithMaxOpen(12), weir.WithMaxWait(10*time.Second), mysqlpool.WithDrainTimeout(100*time.Millisecond),
		weir.WithLogger(slog.New(slog.DiscardHandler)))
}

// throughDriver stands in the driver's place.
type throughDriver struct{}

func (throughDriver) Open(string) (driver.Conn, error) { panic("database/sql asks for a connector") }

func (throughDriver) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return through(cfg)
}
