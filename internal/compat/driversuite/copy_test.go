package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestCopyOfTheDriverIsChangedAndBuilds(t *testing.T) {
	tree, err := newTree(t.Context(), rewrites)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tree.remove(); err != nil {
			t.Error(err)
		}
	})
	for _, c := range rewrites {
		data, err := os.ReadFile(filepath.Join(tree.source(), c.file))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(data), c.to); got != c.times {
			t.Errorf("%s has %q %d times, want %d", c.file, c.to, got, c.times)
		}
	}
	vet := exec.CommandContext(t.Context(), "go", "vet", "-printf", ".")
	vet.Dir = tree.source()
	vet.Env = append(os.Environ(), "GOWORK="+tree.work(), "GOFLAGS=")
	if out, err := vet.CombinedOutput(); err != nil {
		t.Errorf("the changed copy does not build: %v\n%s", err, out)
	}
}

func TestRewriteThatDoesNotFitIsAnError(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a_test.go"), []byte("one one"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := apply(dir, []rewrite{{"a_test.go", "one", "two", 1}})
	if err == nil || !strings.Contains(err.Error(), "2 times, want 1") {
		t.Errorf("got %v, want an error with both counts", err)
	}
}

func TestCopyThatCannotBeMadeLeavesNothing(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newTree(ctx, nil); err == nil {
		t.Fatal("no error")
	}
	left, err := os.ReadDir(temp)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
}
