package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"

	"github.com/weirpool/weir/benchmarks/internal/runner"
)

// writeFacts says what was measured, with what, and on what: lines of the form "key: value".
func writeFacts(ctx context.Context, w io.Writer, j runner.Job) error {
	runner.WriteFacts(ctx, w, "cpu: "+processor())
	modules, err := versions(ctx)
	if err != nil {
		return err
	}
	for _, m := range modules {
		fmt.Fprintln(w, m)
	}
	_, err = fmt.Fprintf(w, "rounds: %d of %s each\n", j.Rounds, j.Benchtime)
	return err
}

// versions are those of what go.mod asks for itself, as they are built here: the peers, and not the hundred modules that
// come with them. A module without a version of its own is part of this repository.
func versions(ctx context.Context) ([]string, error) {
	direct, err := required(ctx)
	if err != nil || len(direct) == 0 {
		return nil, err
	}
	const format = `{{if .Version}}{{if not .Replace}}{{.Path}}: {{.Version}}{{end}}{{end}}`
	text, err := exec.CommandContext(ctx, "go", append([]string{"list", "-m", "-f", format}, direct...)...).Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// required are the modules that go.mod asks for itself.
func required(ctx context.Context) ([]string, error) {
	text, err := exec.CommandContext(ctx, "go", "mod", "edit", "-json").Output()
	if err != nil {
		return nil, fmt.Errorf("go mod edit: %w", err)
	}
	var file struct {
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("go mod edit: %w", err)
	}
	var direct []string
	for _, r := range file.Require {
		if !r.Indirect {
			direct = append(direct, r.Path)
		}
	}
	return direct, nil
}

// processor is what the machine calculates with, where the system tells.
func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
