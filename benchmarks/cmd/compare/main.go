// Compare measures all pools in rounds, each round all cases once, in one process, so that the pools meet the same machine.
// It keeps the raw lines, and the tables and pictures made of them.
//
//	go run ./cmd/compare                          everything: results/bench.*
//	go run ./cmd/compare -quick                   the short run: results/quick.*
//	go run ./cmd/compare -cases W3 -name crowds   some of it
//	go run ./cmd/compare -again                   measures nothing: tables and pictures from the raw lines there are
//
// It is run in the folder of the benchmarks.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/weirpool/weir/benchmarks"
	"github.com/weirpool/weir/benchmarks/internal/report"
	"github.com/weirpool/weir/benchmarks/internal/runner"
)

func main() {
	var j runner.Job
	j.Register()
	flag.IntVar(&j.Rounds, "rounds", 6, "how many times all is measured")
	flag.StringVar(&j.Benchtime, "benchtime", "", "how long each, as go test -benchtime (default 100ms, 30ms with -quick)")
	flag.StringVar(&j.Name, "name", "", "what their names begin with (default bench, some with -cases, quick with -quick)")
	flag.BoolVar(&j.Again, "again", false, "make the tables and pictures of an earlier run again")
	flag.Parse()
	runner.Main("compare", func(ctx context.Context) error { return run(ctx, j, os.Stdout) })
}

// settle fills in what follows from other flags.
func settle(j runner.Job) (runner.Job, error) {
	if j.Rounds < 1 {
		return j, fmt.Errorf("-rounds: %d: limit is at least 1", j.Rounds)
	}
	rest := runner.Job{Benchtime: "100ms", Name: "bench"}
	if j.Cases != "." {
		rest.Name = "some" // not in the place of what was measured of all
	}
	if j.Quick {
		rest = runner.Job{Benchtime: "30ms", Name: "quick"}
	}
	return j.Or(rest), nil
}

func run(ctx context.Context, j runner.Job, out io.Writer) error {
	j, err := settle(j)
	if err != nil {
		return err
	}
	return runner.Measurement{
		Job:     j,
		Test:    "TestRounds",
		Timeout: 2 * time.Hour,
		Facts:   func(ctx context.Context, w io.Writer) error { return writeFacts(ctx, w, j) },
		Clear:   func() error { return clearPictures(j) },
		Notes:   benchmarks.Notes(),
		Goals:   func(raw *report.Raw) []report.Goal { return report.Goals(raw, benchmarks.InOrder()) },
		Draw:    func(out io.Writer, raw *report.Raw) error { return draw(out, j, raw) },
	}.Run(ctx, out)
}
