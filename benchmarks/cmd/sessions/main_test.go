package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSessionsKeepsRawLinesAndTablesWithGoals(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := job{rounds: 2, cases: "^S4Cancel/of=sleep/|^S3Overhead/call=exec/goroutines=1/", benchtime: "1x", results: dir, name: "try", small: true}
	if err := j.run(t.Context(), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"try.txt": {
			"machine: ", "\nmariadb: ", "\nrounds: 2 of 1x each", "\nBenchmarkS4Cancel/of=sleep/pool=weir\t",
			"\nBenchmarkS3Overhead/call=exec/goroutines=1/pool=raw_driver\t",
		},
		"try.md": {"* machine: ", "* mariadb: ", "### S4Cancel/of=sleep", "| weir_without_kill | ", "### Goals", "| S2Held | "},
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
	}
}

func TestSessionsOfNoCaseIsAnErrorThatLeavesTheFacts(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := job{cases: "NoSuchCase", benchtime: "1x", results: dir, name: "none"}
	if err := j.run(t.Context(), new(strings.Builder)); err == nil || !strings.Contains(err.Error(), "measuring: ") {
		t.Errorf("got %v, want an error of measuring", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "none.txt"))
	if err != nil || !strings.Contains(string(text), "machine: ") {
		t.Errorf("got %q, %v, want the facts", text, err)
	}
}

func TestRunsHaveTheirOwnNamesAndTimes(t *testing.T) {
	for _, c := range []struct {
		given, want job
	}{
		{job{cases: "."}, job{rounds: 7, cases: ".", benchtime: "250ms", name: "sessions"}},
		{job{cases: "S4"}, job{rounds: 7, cases: "S4", benchtime: "250ms", name: "some-sessions"}},
		{job{cases: ".", quick: true}, job{rounds: 2, cases: ".", quick: true, benchtime: "100ms", name: "quick-sessions"}},
		{job{rounds: 1, benchtime: "5x", name: "a"}, job{rounds: 1, benchtime: "5x", name: "a"}},
	} {
		if got, err := c.given.settle(); err != nil || got != c.want {
			t.Errorf("%+v: got %+v, %v, want %+v", c.given, got, err, c.want)
		}
	}
}

func TestSessionsRefusesLessThanNoRounds(t *testing.T) {
	if err := (job{rounds: -1}).run(t.Context(), new(strings.Builder)); err == nil {
		t.Error("succeeded, want an error")
	}
}
