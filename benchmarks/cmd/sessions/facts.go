package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	_ "github.com/go-sql-driver/mysql" // its version is a fact
)

// writeFacts says what was measured, with what, and on what: lines of the form "key: value". The run adds its server's version.
func writeFacts(ctx context.Context, w io.Writer) {
	fmt.Fprintf(w, "date: %s\n", time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(w, "machine: %d processors, GOMAXPROCS %d, load before the first round %s\n",
		runtime.NumCPU(), runtime.GOMAXPROCS(0), firstWord("/proc/loadavg"))
	fmt.Fprintf(w, "go: %s, %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "weir: %s\n", revision(ctx))
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range info.Deps {
			if m.Path == "github.com/go-sql-driver/mysql" {
				fmt.Fprintf(w, "%s: %s\n", m.Path, m.Version)
			}
		}
	}
}

// firstWord is that of a file of the system's, where there is such a file.
func firstWord(file string) string {
	text, err := os.ReadFile(file)
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
