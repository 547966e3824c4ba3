// Sessions measures the layer of sessions over few connections beside database/sql and the raw driver, in rounds, each round all
// cases once, in one process. It keeps the raw lines, and the tables and goals made of them.
//
//	go run ./cmd/sessions                  everything: results/sessions.*, about six minutes
//	go run ./cmd/sessions -quick           the main cases: results/quick-sessions.*, about a minute
//	go run ./cmd/sessions -cases S4        some of it: results/some-sessions.*
//	go run ./cmd/sessions -server mysql    on MySQL instead of MariaDB: results/sessions-mysql.*
//	go run ./cmd/sessions -again           measures nothing: tables and goals from the raw lines there are
//
// It is run in the folder of the benchmarks and needs the server's programs.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/weirpool/weir/benchmarks/internal/report"
	"github.com/weirpool/weir/benchmarks/internal/runner"
	"github.com/weirpool/weir/internal/lab"
)

func main() {
	var (
		j    runner.Job
		kind lab.Kind
	)
	j.Register()
	flag.TextVar(&kind, "server", lab.MariaDB, "the server, mariadb or mysql")
	flag.IntVar(&j.Rounds, "rounds", 0, "how many times all is measured (default 7, 2 with -quick)")
	flag.StringVar(&j.Benchtime, "benchtime", "", "how long each, as go test -benchtime (default 250ms, 100ms with -quick)")
	flag.StringVar(&j.Name, "name", "", "what their names begin with (default sessions, some-sessions with -cases, quick-sessions with -quick; -mysql follows with -server mysql)")
	flag.BoolVar(&j.Again, "again", false, "make the tables of an earlier run again")
	flag.Parse()
	runner.Main("sessions", func(ctx context.Context) error { return run(ctx, j, kind, os.Stdout) })
}

// settle fills in what follows from other flags.
func settle(j runner.Job, kind lab.Kind) (runner.Job, error) {
	if j.Rounds < 0 {
		return j, fmt.Errorf("-rounds: %d: limit is at least 1", j.Rounds)
	}
	rest := runner.Job{Rounds: 7, Benchtime: "250ms", Name: "sessions"}
	if j.Cases != "." {
		rest.Name = "some-sessions" // not in the place of what was measured of all
	}
	if j.Quick {
		rest = runner.Job{Rounds: 2, Benchtime: "100ms", Name: "quick-sessions"}
	}
	if kind == lab.MySQL {
		rest.Name += "-mysql"
	}
	return j.Or(rest), nil
}

func run(ctx context.Context, j runner.Job, kind lab.Kind, out io.Writer) error {
	j, err := settle(j, kind)
	if err != nil {
		return err
	}
	return runner.Measurement{
		Job:     j,
		Test:    "TestSessionRounds",
		Timeout: time.Hour,
		Args:    []string{"-server=" + kind.String()},
		Facts:   func(ctx context.Context, w io.Writer) error { return writeFacts(ctx, w, j) },
		Goals:   report.SessionGoals,
	}.Run(ctx, out)
}
