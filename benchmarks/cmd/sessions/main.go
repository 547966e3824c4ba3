// Sessions measures the layer of sessions over few connections beside database/sql and the raw driver, in rounds, each round all
// cases once, in one process. It keeps the raw lines, and the tables and goals made of them.
//
//	go run ./cmd/sessions                  everything: results/sessions.*, about six minutes
//	go run ./cmd/sessions -quick           the main cases: results/quick-sessions.*, about a minute
//	go run ./cmd/sessions -cases S4        some of it: results/some-sessions.*
//	go run ./cmd/sessions -again           measures nothing: tables and goals from the raw lines there are
//
// It is run in the folder of the benchmarks and needs MariaDB's programs.
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

	"github.com/weirpool/weir/benchmarks/internal/report"
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
	small     bool // the cases' small form, which says nothing of speed
}

func main() {
	var j job
	flag.IntVar(&j.rounds, "rounds", 0, "how many times all is measured (default 7, 2 with -quick)")
	flag.StringVar(&j.cases, "cases", ".", "which cases, a regular expression")
	flag.BoolVar(&j.quick, "quick", false, "only the cases of the short run")
	flag.StringVar(&j.benchtime, "benchtime", "", "how long each, as go test -benchtime (default 250ms, 100ms with -quick)")
	flag.StringVar(&j.results, "results", "results", "the folder of the results")
	flag.StringVar(&j.name, "name", "", "what their names begin with (default sessions, some-sessions with -cases, quick-sessions with -quick)")
	flag.BoolVar(&j.again, "again", false, "make the tables of an earlier run again")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := j.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "sessions:", err)
		os.Exit(1)
	}
}

// settle fills in what follows from other flags.
func (j job) settle() (job, error) {
	if j.rounds < 0 {
		return j, fmt.Errorf("-rounds: %d: limit is at least 1", j.rounds)
	}
	rounds, benchtime, name := 7, "250ms", "sessions"
	if j.cases != "." {
		name = "some-sessions" // not in the place of what was measured of all
	}
	if j.quick {
		rounds, benchtime, name = 2, "100ms", "quick-sessions"
	}
	j.rounds = cmp.Or(j.rounds, rounds)
	j.benchtime = cmp.Or(j.benchtime, benchtime)
	j.name = cmp.Or(j.name, name)
	return j, nil
}

// file is the run's file with that ending.
func (j job) file(ending string) string { return filepath.Join(j.results, j.name) + ending }

// run keeps what was measured even when some cases failed: the results name these.
func (j job) run(ctx context.Context, out io.Writer) error {
	j, err := j.settle()
	if err != nil {
		return err
	}
	if j.again {
		return j.keep(out)
	}
	dir, err := os.MkdirTemp("", "weir-sessions-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "sessions.test")
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
	var text bytes.Buffer
	writeFacts(ctx, &text)
	fmt.Fprintf(&text, "rounds: %d of %s each, at most; less of what takes seconds\n", j.rounds, j.benchtime)
	if err := os.MkdirAll(j.results, 0o755); err != nil {
		return err
	}
	return os.WriteFile(j.file(".txt"), text.Bytes(), 0o644)
}

// measure runs the test that measures. It adds to the file of raw lines.
func (j job) measure(ctx context.Context, out io.Writer, binary string) error {
	return stream(ctx, out, binary, "-test.run=^TestSessionRounds$", "-test.timeout=1h", "-test.benchtime="+j.benchtime,
		"-test.short="+strconv.FormatBool(j.small), "-rounds="+strconv.Itoa(j.rounds), "-cases="+j.cases,
		"-quick="+strconv.FormatBool(j.quick), "-out="+j.file(""))
}

func stream(ctx context.Context, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// keep makes the tables and the goals.
func (j job) keep(out io.Writer) error {
	text, err := os.ReadFile(j.file(".txt"))
	if err != nil {
		return err
	}
	raw, err := report.Read(bytes.NewReader(text))
	if err != nil {
		return err
	}
	var tables bytes.Buffer
	if err := report.Write(&tables, raw, nil); err != nil {
		return err
	}
	tables.WriteByte('\n')
	if err := report.WriteGoals(&tables, report.SessionGoals(raw)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", tables.Bytes())
	return os.WriteFile(j.file(".md"), tables.Bytes(), 0o644)
}
