// Compare runs the benchmarks in rounds, each round all of them once, so that the pools meet the same machine. It keeps the
// raw output and the tables made of it.
//
//	go run ./cmd/compare -rounds 6 -benchtime 200ms -name full
//
// It is run in the folder of the benchmarks.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"

	"github.com/weirpool/weir/benchmarks"
	"github.com/weirpool/weir/benchmarks/internal/report"
)

type job struct {
	rounds    int
	pattern   string
	benchtime string
	results   string
	name      string
}

func main() {
	var j job
	flag.IntVar(&j.rounds, "rounds", 6, "how many times all is run")
	flag.StringVar(&j.pattern, "bench", ".", "which benchmarks, as go test -bench")
	flag.StringVar(&j.benchtime, "benchtime", "200ms", "how long each, as go test -benchtime")
	flag.StringVar(&j.results, "results", "results", "the folder for name.txt and name.md")
	flag.StringVar(&j.name, "name", "bench", "the name of the results")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := j.run(ctx, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

func (j job) run(ctx context.Context, out io.Writer) error {
	if j.rounds < 1 {
		return fmt.Errorf("-rounds: %d: limit is at least 1", j.rounds)
	}
	dir, err := os.MkdirTemp("", "weir-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "bench.test")
	if err := stream(ctx, os.Stderr, "go", "test", "-c", "-o", binary, "."); err != nil {
		return err
	}
	var raw bytes.Buffer
	if err := writeFacts(ctx, &raw); err != nil {
		return err
	}
	fmt.Fprintf(&raw, "rounds: %d of %s each\n", j.rounds, j.benchtime)
	for n := range j.rounds {
		fmt.Fprintf(out, "round %d of %d\n", n+1, j.rounds)
		if err := j.round(ctx, &raw, out, binary); err != nil {
			return fmt.Errorf("round %d: %w", n+1, err)
		}
	}
	return j.keep(raw.Bytes(), out)
}

// round runs every benchmark once, and the spikes, which are tests because they live in fake time.
func (j job) round(ctx context.Context, raw, out io.Writer, binary string) error {
	return stream(ctx, io.MultiWriter(raw, out), binary,
		"-test.run=^TestW5", "-test.v", "-test.bench="+j.pattern, "-test.benchtime="+j.benchtime, "-test.timeout=1h")
}

// keep writes the results.
func (j job) keep(raw []byte, out io.Writer) error {
	if err := os.MkdirAll(j.results, 0o755); err != nil {
		return err
	}
	base := filepath.Join(j.results, j.name)
	if err := os.WriteFile(base+".txt", raw, 0o644); err != nil {
		return err
	}
	read, err := report.Read(bytes.NewReader(raw))
	if err != nil {
		return err
	}
	var table bytes.Buffer
	if err := report.Write(&table, read, benchmarks.Notes()); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s", table.Bytes())
	return os.WriteFile(base+".md", table.Bytes(), 0o644)
}

func stream(ctx context.Context, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}
