// Table reads the output of the benchmarks, from files or standard input, and prints it as Markdown tables: the goals, as far as
// they were measured, below what they are judged by.
//
//	go test -bench . | go run ./cmd/table
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/weirpool/weir/benchmarks"
	"github.com/weirpool/weir/benchmarks/internal/report"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "table:", err)
		os.Exit(1)
	}
}

func run(files []string, in io.Reader, out io.Writer) error {
	if len(files) > 0 {
		var readers []io.Reader
		for _, name := range files {
			f, err := os.Open(name)
			if err != nil {
				return err
			}
			defer f.Close()
			readers = append(readers, f)
		}
		in = io.MultiReader(readers...)
	}
	raw, err := report.Read(in)
	if err != nil {
		return err
	}
	if err := report.Write(out, raw, benchmarks.Notes()); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out); err != nil {
		return err
	}
	return report.WriteGoals(out, report.Goals(raw, benchmarks.InOrder()))
}
