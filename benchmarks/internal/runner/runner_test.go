package runner_test

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/weirpool/weir/benchmarks/internal/report"
	"github.com/weirpool/weir/benchmarks/internal/runner"
	"github.com/weirpool/weir/benchmarks/internal/runner/runnertest"
)

func TestRunOfNoCaseIsAnErrorThatLeavesTheFacts(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for _, test := range []string{"TestRounds", "TestSessionRounds"} {
		t.Run(test, func(t *testing.T) {
			dir := t.TempDir()
			m := runner.Measurement{
				Job:     runner.Job{Rounds: 1, Cases: "NoSuchCase", Benchtime: "1x", Results: dir, Name: "none"},
				Test:    test,
				Timeout: time.Minute,
				Facts: func(ctx context.Context, w io.Writer) error {
					runner.WriteFacts(ctx, w, "colour: grey")
					return nil
				},
				Goals: func(*report.Raw) []report.Goal { return nil },
			}
			if err := m.Run(t.Context(), io.Discard); err == nil || !strings.Contains(err.Error(), "measuring: ") {
				t.Errorf("got %v, want an error of measuring", err)
			}
			runnertest.WantParts(t, filepath.Join(dir, "none.txt"), "date: ", "\nmachine: ", "\ncolour: grey\ngo: go1", "\nweir: ")
			runnertest.WantParts(t, filepath.Join(dir, "none.md"), "* colour: grey\n", "### Goals")
		})
	}
}

func TestRunWithoutFactsMeasuresNothing(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir, broken := t.TempDir(), errors.New("broken")
	m := runner.Measurement{
		Job:   runner.Job{Rounds: 1, Cases: ".", Benchtime: "1x", Results: dir, Name: "none"},
		Facts: func(context.Context, io.Writer) error { return broken },
	}
	if err := m.Run(t.Context(), io.Discard); !errors.Is(err, broken) {
		t.Errorf("got %v, want that of the facts", err)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 0 {
		t.Errorf("got %v, %v, want an empty folder", files, err)
	}
}

func TestAgainOfNothingIsAnError(t *testing.T) {
	m := runner.Measurement{Job: runner.Job{Again: true, Results: t.TempDir(), Name: "none"}}
	if err := m.Run(t.Context(), io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want that the raw lines do not exist", err)
	}
}
