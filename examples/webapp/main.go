// Command webapp is a small web service over a weir pool: accounts, and transfers between them, with GORM on mysqlpool.Open.
// It shows what a service needs around that: a deadline for each request, a status for each kind of error, metrics, a health check,
// logs, and an orderly end.
//
// Without -dsn it starts a MySQL server inside itself, whose data ends with it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	o, err := readOptions(os.Args[1:], os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return
	case err != nil:
		os.Exit(2)
	}
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	listener, err := net.Listen("tcp", o.addr)
	if err == nil {
		err = run(ctx, log, o.dsn, listener)
	}
	if err != nil {
		log.Error("webapp failed", "err", err)
		os.Exit(1)
	}
}

// The options of the command line.
type options struct{ dsn, addr string }

// readOptions has a set of flags of its own: libraries add theirs to the common one.
func readOptions(args []string, out io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("webapp", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.dsn, "dsn", "", "the database: user:password@tcp(host:port)/database; default one inside this process")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:8080", "where to listen")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q: options begin with a dash", flags.Arg(0))
		fmt.Fprintln(out, err)
	}
	return o, err
}

// run serves until ctx ends. Everything ends in the reverse order of its beginning: first no more requests, then no more
// statements, then no more server.
func run(ctx context.Context, log *slog.Logger, dsn string, listener net.Listener) error {
	defer listener.Close() // for those who came before it failed; serve closes it otherwise
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
