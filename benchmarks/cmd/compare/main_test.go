package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompareKeepsRawOutputAndTables(t *testing.T) {
	t.Chdir(filepath.Join("..", ".."))
	dir := t.TempDir()
	j := job{rounds: 2, pattern: "Floor/of=CAS", benchtime: "1x", results: dir, name: "try"}
	if err := j.run(t.Context(), new(strings.Builder)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]string{
		"try.txt": {"machine: ", "go: go1", "github.com/jackc/puddle/v2: v2", "BenchmarkFloor/of=CAS_pair", "BenchmarkW5Spike/pool=weir"},
		"try.md":  {"* machine: ", "### Floor", "| CAS_pair | ", "### W5Spike", "* puddle: "},
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

func TestCompareRefusesNoRounds(t *testing.T) {
	if err := (job{rounds: 0}).run(t.Context(), new(strings.Builder)); err == nil {
		t.Error("succeeded, want an error")
	}
}
