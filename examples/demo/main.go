// Command demo shows what a weir pool does, on real connections and in under a minute: on two MySQL servers that it embeds,
// on a server of the user's (-dsn), or on a replicating pair of real servers (-mariadb, -mysql).
//
// It checks what it says: when a promise did not hold the exit code is 1.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 128 + int(syscall.SIGINT)
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process at once
	os.Exit(run(ctx, os.Args[1:], newScreen(os.Stdout), os.Stderr))
}

func run(ctx context.Context, args []string, out *screen, complaints io.Writer) int {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(complaints)
	dsn := flags.String("dsn", "", "show what does no harm on this server: user:password@tcp(host:port)/database")
	mariadb := flags.Bool("mariadb", false, "show everything on a replicating pair of MariaDB servers")
	mysql := flags.Bool("mysql", false, "show everything on a replicating pair of MySQL servers")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0 || *mariadb && *mysql || *dsn != "" && (*mariadb || *mysql):
		fmt.Fprintln(complaints, "demo: give -dsn or -mariadb or -mysql or nothing")
		return exitUsage
	}
	err := demonstrate(ctx, out, normalPace, func(ctx context.Context) (ground, error) {
		switch {
		case *mariadb:
			return startMariaDB(ctx)
		case *mysql:
			return startMySQL(ctx)
		case *dsn != "":
			return useServer(*dsn)
		}
		return startEmbedded(ctx)
	})
	switch {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(complaints, "demo: interrupted")
		return exitInterrupted
	case err != nil:
		fmt.Fprintf(complaints, "demo: %v\n", err)
		return exitFailed
	}
	return 0
}

// demonstrate tells the whole story on a ground of its own.
func demonstrate(ctx context.Context, out *screen, p pace, start func(context.Context) (ground, error)) (err error) {
	g, err := start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	m, err := serveMetrics()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	s := newStory(out, p, g, m)
	defer s.pools.closeAll(context.WithoutCancel(ctx))
	return s.tell(ctx)
}
