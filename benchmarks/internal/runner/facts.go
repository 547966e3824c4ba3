package runner

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

// WriteFacts says when weir was measured, on what machine, and which weir, with which Go. The lines of ofMachine come after the
// machine's own.
func WriteFacts(ctx context.Context, w io.Writer, ofMachine ...string) {
	fmt.Fprintf(w, "date: %s\n", time.Now().UTC().Format(time.DateOnly))
	fmt.Fprintf(w, "machine: %d processors, GOMAXPROCS %d, load before the first round %s\n",
		runtime.NumCPU(), runtime.GOMAXPROCS(0), load())
	for _, line := range ofMachine {
		fmt.Fprintln(w, line)
	}
	fmt.Fprintf(w, "go: %s, %s/%s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH)
	fmt.Fprintf(w, "weir: %s\n", revision(ctx))
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
