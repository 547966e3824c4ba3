package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/weirpool/weir/benchmarks/internal/runner"
	"github.com/weirpool/weir/benchmarks/internal/runner/runnertest"
)

func TestCompareKeepsRawLinesTablesAndPictures(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := runner.Job{Rounds: 2, Cases: "^Floor/of=CAS|^W5Spike/", Quick: true, Benchtime: "1x", Results: dir, Name: "try"}
	var out strings.Builder
	if err := run(t.Context(), j, &out); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"try.txt": {
			"machine: ", "go: go1", "\ngithub.com/jackc/puddle/v2: v2", "\nrounds: 2 of 1x each",
			"\nBenchmarkFloor/of=CAS_pair\t", "\nBenchmarkW5Spike/pool=weir\t",
		},
		"try.md":        {"* machine: ", "### Floor", "| CAS_pair | ", "### W5Spike", "* puddle: ", "### Goals"},
		"try.spike.csv": {"pool,ms,open,waiting,served\n", "\nweir,0,5,45,0\n", "\npuddle,152,50,0,50\n"},
		"try-spike.svg": {"<svg", "puddle"},
	} {
		text := runnertest.WantParts(t, filepath.Join(dir, name), want...)
		if strings.Contains(text, "golang.org/x/sync") {
			t.Errorf("%s has the version of a module that nobody asked for", name)
		}
	}
	if !strings.Contains(out.String(), "BenchmarkW5Spike/pool=weir\t") {
		t.Errorf("the lines are not printed:\n%s", out.String())
	}
}

func TestCompareRefusesNoRounds(t *testing.T) {
	if err := run(t.Context(), runner.Job{Rounds: 0}, new(strings.Builder)); err == nil {
		t.Error("succeeded, want an error")
	}
}

func TestQuickRunHasItsOwnNameAndTime(t *testing.T) {
	for _, c := range []struct {
		given, want runner.Job
	}{
		{runner.Job{Rounds: 6, Cases: "."}, runner.Job{Rounds: 6, Cases: ".", Benchtime: "100ms", Name: "bench"}},
		{runner.Job{Rounds: 6, Cases: "W3"}, runner.Job{Rounds: 6, Cases: "W3", Benchtime: "100ms", Name: "some"}},
		{runner.Job{Rounds: 6, Cases: ".", Quick: true}, runner.Job{Rounds: 6, Cases: ".", Quick: true, Benchtime: "30ms", Name: "quick"}},
		{runner.Job{Rounds: 1, Quick: true, Benchtime: "5x", Name: "a"}, runner.Job{Rounds: 1, Quick: true, Benchtime: "5x", Name: "a"}},
	} {
		if got, err := settle(c.given); err != nil || got != c.want {
			t.Errorf("%+v: got %+v, %v, want %+v", c.given, got, err, c.want)
		}
	}
}

func TestANewRunTakesAwayThePicturesOfItsNameOnly(t *testing.T) {
	dir := t.TempDir()
	others := []string{"bench-old-spike.svg", "benchmark.svg", "notes.txt", "quick-spike.svg"}
	for _, name := range append([]string{"bench-spike.svg", "bench.spike.csv"}, others...) {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := clearPictures(runner.Job{Results: dir, Name: "bench"}); err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var left []string
	for _, f := range files {
		left = append(left, f.Name())
	}
	if !slices.Equal(left, others) {
		t.Errorf("left: %q, want %q", left, others)
	}
}
