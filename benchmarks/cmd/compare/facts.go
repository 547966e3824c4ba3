package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"
)

// writeFacts says what was measured, with what, and on what: lines of the form "key: value".
func writeFacts(ctx context.Context, w io.Writer) error {
	fmt.Fprintf(w, "date: %s\n", time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(w, "machine: %d processors, GOMAXPROCS %d, load before the first round %s\n",
		runtime.NumCPU(), runtime.GOMAXPROCS(0), load())
	fmt.Fprintf(w, "go: %s\n", runtime.Version())
	fmt.Fprintf(w, "weir: %s\n", revision(ctx))
	versions, err := modules(ctx)
	if err != nil {
		return err
	}
	for _, v := range versions {
		fmt.Fprintln(w, v)
	}
	return nil
}

// modules returns the versions of what the pools are made of, as they are built here. A module without one is part of this
// repository.
func modules(ctx context.Context) ([]string, error) {
	const format = `{{with .Module}}{{if .Version}}{{if not .Replace}}{{.Path}}: {{.Version}}{{end}}{{end}}{{end}}`
	text, err := exec.CommandContext(ctx, "go", "list", "-deps", "-f", format, ".").Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	slices.Sort(lines)
	return slices.Compact(lines), nil
}

// load is how busy the machine was over the last minute, where the system tells.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

func revision(ctx context.Context) string {
	text, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "revision unknown"
	}
	return strings.TrimSpace(string(text))
}
