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
	"bytes"
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
)

// A job is what the flags ask for.
type job struct {
	rounds    int
	cases     string
	quick     bool
	benchtime string
	results   string
	name      string
	again     bool
}

func main() {
	var j job
	flag.IntVar(&j.rounds, "rounds", 6, "how many times all is measured")
	flag.StringVar(&j.cases, "cases", ".", "which cases, a regular expression")
	flag.BoolVar(&j.quick, "quick", false, "only the cases of the short run")
	flag.StringVar(&j.benchtime, "benchtime", "", "how long each, as go test -benchtime (default 100ms, 30ms with -quick)")
	flag.StringVar(&j.results, "results", "results", "the folder of the results")
	flag.StringVar(&j.name, "name", "", "what their names begin with (default bench, some with -cases, quick with -quick)")
	flag.BoolVar(&j.again, "again", false, "make the tables and pictures of an earlier run again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := j.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// settle fills in what follows from other flags.
func (j job) settle() (job, error) {
	if j.rounds < 1 {
		return j, fmt.Errorf("-rounds: %d: limit is at least 1", j.rounds)
	}
	benchtime, name := "100ms", "bench"
	if j.cases != "." {
		name = "some" // not in the place of what was measured of all
	}
	if j.quick {
		benchtime, name = "30ms", "quick"
	}
	j.benchtime = cmp.Or(j.benchtime, benchtime)
	j.name = cmp.Or(j.name, name)
	return j, nil
}

// base is what the names of all files of the results begin with.
func (j job) base() string { return filepath.Join(j.results, j.name) }

// run keeps what was measured even when some cases failed: the results name these.
func (j job) run(ctx context.Context, out io.Writer) error {
	j, err := j.settle()
	if err != nil {
		return err
	}
	if j.again {
		return j.keep(out)
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if err := stream(ctx, os.Stderr, "go", "test", "-c", "-o", binary, "."); err != nil {
		return fmt.Errorf("building: %w", err)
	}
	if err := j.begin(ctx); err != nil {
		return err
	}
	if err := j.measure(ctx, out, binary); err != nil {
		return errors.Join(fmt.Errorf("measuring: %w", err), j.keep(out))
	}
	return j.keep(out)
}

// begin makes the file of raw lines, with the facts: these first, for a new file is a change to what is checked out.
func (j job) begin(ctx context.Context) error {
	var facts bytes.Buffer
	if err := writeFacts(ctx, &facts); err != nil {
		return err
	}
	fmt.Fprintf(&facts, "rounds: %d of %s each\n", j.rounds, j.benchtime)
	if err := j.clear(); err != nil {
		return err
	}
	return os.WriteFile(j.base()+rawFile, facts.Bytes(), 0o644)
}

// measure runs the test that measures. It adds to the file of raw lines.
func (j job) measure(ctx context.Context, out io.Writer, binary string) error {
	return stream(ctx, out, binary, "-test.run=^TestRounds$", "-test.timeout=2h", "-test.benchtime="+j.benchtime,
		"-rounds="+strconv.Itoa(j.rounds), "-cases="+j.cases, "-quick="+strconv.FormatBool(j.quick), "-out="+j.base())
}

func stream(ctx context.Context, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}
