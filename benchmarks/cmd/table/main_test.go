package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTableReadsSeveralFilesAsOne(t *testing.T) {
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "first"), filepath.Join(dir, "second")}
	for i, line := range []string{
		"BenchmarkW1Alone/pool=weir-2 10 40 ns/op\n",
		"BenchmarkW1Alone/pool=puddle-2 10 100 ns/op\n",
	} {
		if err := os.WriteFile(files[i], []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got strings.Builder
	if err := run(files, nil, &got); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| puddle | 100 ns | 100 ns..100 ns | 1 | 0.40 | 0.40..0.40 |\n",
		"| W1Alone | time at most 0.4 × puddle | 0.4 × (40.0 ns against 100 ns of puddle) | met |\n",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("got:\n%s\nwant a line %q", got.String(), want)
		}
	}
}

func TestTableOfAMissingFileIsAnError(t *testing.T) {
	err := run([]string{filepath.Join(t.TempDir(), "absent")}, nil, new(strings.Builder))
	if !os.IsNotExist(err) {
		t.Errorf("got %v, want that the file does not exist", err)
	}
}
