package main

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	_ "github.com/go-sql-driver/mysql" // its version is a fact

	"github.com/weirpool/weir/benchmarks/internal/runner"
)

// writeFacts says what was measured, with what, and on what: lines of the form "key: value". The run adds its server's version.
func writeFacts(ctx context.Context, w io.Writer, j runner.Job) error {
	runner.WriteFacts(ctx, w)
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/go-sql-driver/mysql" {
				fmt.Fprintf(w, "%s: %s\n", m.Path, m.Version)
			}
		}
	}
	_, err := fmt.Fprintf(w, "rounds: %d of %s each, at most; less of what takes seconds\n", j.Rounds, j.Benchtime)
	return err
}
