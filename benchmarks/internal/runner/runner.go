// Package runner is what the commands that measure in rounds have in common: they build the benchmarks' tests, run one that
// measures, and keep its raw lines, with the tables and goals made of them. It is used in the folder of the benchmarks.
package runner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

// What follows a run's name in the names of its files.
const (
	RawFile    = ".txt"
	TablesFile = ".md"
)

// A Measurement is a job and what a command makes of it. Test, Timeout, Facts and Goals are set.
type Measurement struct {
	Job     Job
	Test    string        // the test that measures, and adds to the file of raw lines
	Timeout time.Duration // of that test
	Args    []string      // further flags of it

	// Facts writes what the raw lines begin with: lines of the form "key: value".
	Facts func(ctx context.Context, w io.Writer) error
	// Clear takes what an earlier run of this name left out of the folder, which is there. Nil: nothing.
	Clear func() error
	// Notes are the remarks below the tables, by contender.
	Notes map[string]string
	// Goals judges what was measured.
	Goals func(*report.Raw) []report.Goal
	// Draw makes more of the raw lines than tables. Nil: nothing.
	Draw func(out io.Writer, raw *report.Raw) error
}

// Run measures, unless the job is to be done with the lines of an earlier run, and writes the lines and the tables to out too.
// It keeps what was measured even when some cases failed: the results name these.
func (m Measurement) Run(ctx context.Context, out io.Writer) error {
	if m.Job.Again {
		return m.keep(out)
	}
	dir, err := os.MkdirTemp("", "weir-rounds-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	binary := filepath.Join(dir, "rounds.test")
	if err := stream(ctx, os.Stderr, "go", "test", "-c", "-o", binary, "."); err != nil {
		return fmt.Errorf("building: %w", err)
	}
	if err := m.begin(ctx); err != nil {
		return err
	}
	if err := m.measure(ctx, out, binary); err != nil {
		return errors.Join(fmt.Errorf("measuring: %w", err), m.keep(out))
	}
	return m.keep(out)
}

// begin makes the file of raw lines, with the facts: these first, for a new file is a change to what is checked out.
func (m Measurement) begin(ctx context.Context) error {
	var facts bytes.Buffer
	if err := m.Facts(ctx, &facts); err != nil {
		return err
	}
	if err := os.MkdirAll(m.Job.Results, 0o755); err != nil {
		return err
	}
	if m.Clear != nil {
		if err := m.Clear(); err != nil {
			return err
		}
	}
	return os.WriteFile(m.Job.File(RawFile), facts.Bytes(), 0o644)
}

// measure runs the test that measures.
func (m Measurement) measure(ctx context.Context, out io.Writer, binary string) error {
	j := m.Job
	return stream(ctx, out, binary, append([]string{"-test.run=^" + m.Test + "$", "-test.timeout=" + m.Timeout.String(), "-test.benchtime=" + j.Benchtime,
		"-test.short=" + strconv.FormatBool(j.Short), "-rounds=" + strconv.Itoa(j.Rounds), "-cases=" + j.Cases,
		"-quick=" + strconv.FormatBool(j.Quick), "-out=" + j.File("")}, m.Args...)...)
}

func stream(ctx context.Context, out io.Writer, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	return cmd.Run()
}

// keep makes the tables, the goals, and what else is made of the raw lines.
func (m Measurement) keep(out io.Writer) error {
	text, err := os.ReadFile(m.Job.File(RawFile))
	if err != nil {
		return err
	}
	raw, err := report.Read(bytes.NewReader(text))
	if err != nil {
		return err
	}
	var tables bytes.Buffer
	if err := report.Write(&tables, raw, m.Notes); err != nil {
		return err
	}
	tables.WriteByte('\n')
	if err := report.WriteGoals(&tables, m.Goals(raw)); err != nil {
		return err
	}
	fmt.Fprintf(out, "\n%s\n", tables.Bytes())
	if err := os.WriteFile(m.Job.File(TablesFile), tables.Bytes(), 0o644); err != nil {
		return err
	}
	if m.Draw == nil {
		return nil
	}
	return m.Draw(out, raw)
}
