package main

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/runner"
	"github.com/weirpool/weir/benchmarks/internal/runner/runnertest"
	"github.com/weirpool/weir/internal/lab"
)

func TestSessionsKeepsRawLinesAndTablesWithGoals(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	for kind, key := range map[lab.Kind]string{lab.MariaDB: "mariadb", lab.MySQL: "mysql"} {
		t.Run(key, func(t *testing.T) {
			if err := lab.Available(kind); errors.Is(err, lab.ErrNoMySQL) {
				t.Skip(err)
			}
			t.Parallel()
			keepsLinesAndTables(t, kind, key)
		})
	}
}

func keepsLinesAndTables(t *testing.T, kind lab.Kind, key string) {
	dir := t.TempDir()
	j := runner.Job{Rounds: 2, Cases: "^S4Cancel/of=sleep/|^S3Overhead/call=exec/goroutines=1/", Benchtime: "1x", Results: dir, Name: "try", Short: true}
	if err := run(t.Context(), j, kind, new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"try.txt": {
			"machine: ", "\n" + key + ": ", "\nrounds: 2 of 1x each", "\nBenchmarkS4Cancel/of=sleep/pool=weir\t",
			"\nBenchmarkS3Overhead/call=exec/goroutines=1/pool=raw_driver\t",
		},
		"try.md": {"* machine: ", "* " + key + ": ", "### S4Cancel/of=sleep", "| weir_without_kill | ", "### Goals", "| S2Held | "},
	} {
		runnertest.WantParts(t, filepath.Join(dir, name), want...)
	}
}

func TestRunsHaveTheirOwnNamesAndTimes(t *testing.T) {
	for _, c := range []struct {
		given runner.Job
		kind  lab.Kind
		want  runner.Job
	}{
		{runner.Job{Cases: "."}, lab.MariaDB, runner.Job{Rounds: 7, Cases: ".", Benchtime: "250ms", Name: "sessions"}},
		{runner.Job{Cases: "S4"}, lab.MariaDB, runner.Job{Rounds: 7, Cases: "S4", Benchtime: "250ms", Name: "some-sessions"}},
		{runner.Job{Cases: "S4"}, lab.MySQL, runner.Job{Rounds: 7, Cases: "S4", Benchtime: "250ms", Name: "some-sessions-mysql"}},
		{runner.Job{Cases: ".", Quick: true}, lab.MySQL, runner.Job{Rounds: 2, Cases: ".", Quick: true, Benchtime: "100ms", Name: "quick-sessions-mysql"}},
		{runner.Job{Cases: ".", Quick: true}, lab.MariaDB, runner.Job{Rounds: 2, Cases: ".", Quick: true, Benchtime: "100ms", Name: "quick-sessions"}},
		{runner.Job{Rounds: 1, Benchtime: "5x", Name: "a"}, lab.MySQL, runner.Job{Rounds: 1, Benchtime: "5x", Name: "a"}},
	} {
		if got, err := settle(c.given, c.kind); err != nil || got != c.want {
			t.Errorf("%+v: got %+v, %v, want %+v", c.given, got, err, c.want)
		}
	}
}

func TestSessionsRefusesLessThanNoRounds(t *testing.T) {
	if err := run(t.Context(), runner.Job{Rounds: -1}, lab.MariaDB, new(strings.Builder)); err == nil {
		t.Error("succeeded, want an error")
	}
}
