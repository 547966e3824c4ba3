package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestCompareKeepsRawLinesTablesAndPictures(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := job{rounds: 2, cases: "^Floor/of=CAS|^W5Spike/", quick: true, benchtime: "1x", results: dir, name: "try"}
	var out strings.Builder
	if err := j.run(t.Context(), &out); err != nil {
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
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range want {
			if !strings.Contains(string(text), part) {
				t.Errorf("%s lacks %q:\n%s", name, part, text)
			}
		}
		if strings.Contains(string(text), "golang.org/x/sync") {
			t.Errorf("%s has the version of a module that nobody asked for", name)
		}
	}
	if !strings.Contains(out.String(), "BenchmarkW5Spike/pool=weir\t") {
		t.Errorf("the lines are not printed:\n%s", out.String())
	}
}

func TestCompareRefusesNoRounds(t *testing.T) {
	if err := (job{rounds: 0}).run(t.Context(), new(strings.Builder)); err == nil {
		t.Error("succeeded, want an error")
	}
}

func TestCompareOfNoCaseIsAnErrorThatLeavesTheFacts(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := job{rounds: 1, cases: "NoSuchCase", benchtime: "1x", results: dir, name: "none"}
	if err := j.run(t.Context(), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "measuring: ") {
		t.Errorf("got %v, want an error of measuring", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "none.txt"))
	if err != nil || !strings.Contains(string(text), "machine: ") {
		t.Errorf("got %q, %v, want the facts", text, err)
	}
}

func TestQuickRunHasItsOwnNameAndTime(t *testing.T) {
	for _, c := range []struct {
		given, want job
	}{
		{job{rounds: 6, cases: "."}, job{rounds: 6, cases: ".", benchtime: "100ms", name: "bench"}},
		{job{rounds: 6, cases: "W3"}, job{rounds: 6, cases: "W3", benchtime: "100ms", name: "some"}},
		{job{rounds: 6, cases: ".", quick: true}, job{rounds: 6, cases: ".", quick: true, benchtime: "30ms", name: "quick"}},
		{job{rounds: 1, quick: true, benchtime: "5x", name: "a"}, job{rounds: 1, quick: true, benchtime: "5x", name: "a"}},
	} {
		if got, err := c.given.settle(); err != nil || got != c.want {
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
	if err := (job{results: dir, name: "bench"}).clear(); err != nil {
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
