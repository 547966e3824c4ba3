// Command webapp is a small web service over a weir pool: accounts, and transfers between them, with GORM on mysqlpool.Open.
// It shows what a service needs around that: metrics, a health check, logs, and an orderly end.
//
// Without -dsn it starts a MySQL server inside itself, whose data ends with it.
package main

import (
	"context"
	"flag"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	dsn := flag.String("dsn", "", "the database: user:password@tcp(host:port)/database; default one inside this process")
	addr := flag.String("addr", "127.0.0.1:8080", "where to listen")
	flag.Parse()
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	listener, err := net.Listen("tcp", *addr)
	if err == nil {
		err = run(ctx, log, *dsn, listener)
	}
	if err != nil {
		log.Error("webapp failed", "err", err)
		os.Exit(1)
	}
}

// run serves until ctx ends. Everything ends in the reverse order of its beginning: first no more requests, then no more
// statements, then no more server.
func run(ctx context.Context, log *slog.Logger, dsn string, listener net.Listener) error {
	if dsn == "" {
		server, err := startEmbedded(ctx)
		if err != nil {
			return err
		}
		defer server.Stop()
		dsn = server.DSN()
	}
	db, err := openDatabase(ctx, log, dsn)
	if err != nil {
		return err
	}
	defer db.close(log)
	return serve(ctx, log, listener, newHandler(log, db))
}
