package main

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"gorm.io/driver/mysql"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/examples/internal/embedded"
	"github.com/weirpool/weir/mysqlpool"
	"github.com/weirpool/weir/weirprom/sessionprom"
)

// A database is the pool, and the views of it that the service needs.
type database struct {
	pool    *sql.DB
	orm     *gorm.DB
	metrics prometheus.Collector
}

// openDatabase returns when the database is there, two connections to it are open, and its tables are made. The service writes, so it
// wants the primary: where a name leads to a replica, after a failover for example, it waits for the primary.
func openDatabase(ctx context.Context, log *slog.Logger, dsn string) (*database, error) {
	pool, err := mysqlpool.Open(ctx, dsn,
		weir.WithName("webapp"), weir.WithMaxOpen(16), weir.WithMinIdle(2), weir.WithMaxWait(time.Second),
		weir.WithLogger(log), mysqlpool.WithServiceName("webapp"), mysqlpool.WithRole(mysqlpool.Primary),
		mysqlpool.WithDrainTimeout(closeTime), mysqlpool.WithKillTimeout(time.Second), weir.WithCloseTimeout(time.Second))
	if err != nil {
		return nil, err
	}
	db := &database{pool: pool}
	if err := db.prepare(ctx, log); err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	return db, nil
}

func (db *database) prepare(ctx context.Context, log *slog.Logger) (err error) {
	connector, _ := mysqlpool.ConnectorOf(db.pool)
	if db.metrics, err = sessionprom.NewCollector(connector); err != nil {
		return err
	}
	db.orm, err = gorm.Open(mysql.New(mysql.Config{Conn: db.pool}), &gorm.Config{
		TranslateError: true,
		Logger:         logger.NewSlogLogger(log, logger.Config{LogLevel: logger.Warn, SlowThreshold: time.Second, ParameterizedQueries: true}),
		// PrepareStmt stays off: the pool prepares each text once for each connection, and GORM would keep them all.
	})
	if err != nil {
		return err
	}
	return db.orm.WithContext(ctx).AutoMigrate(&account{})
}

// close waits for the statements that still run.
func (db *database) close(log *slog.Logger) {
	if err := db.pool.Close(); err != nil {
		log.Error("closing the database", "err", err)
	}
}

func startEmbedded(ctx context.Context) (*embedded.Server, error) {
	return embedded.Start(ctx, embedded.Config{Name: "webapp-db"})
}
