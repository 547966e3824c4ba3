package runner

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

// A Job is what the flags of a command ask for.
type Job struct {
	Rounds    int    // how many times all is measured
	Cases     string // which cases, a regular expression
	Quick     bool   // only the cases of the short run
	Benchtime string // how long each, as go test -benchtime
	Results   string // the folder of the results
	Name      string // what their names begin with
	Again     bool   // measure nothing, and read the raw lines there are
	Short     bool   // the cases' small form, which says nothing of speed; no flag asks for it
}

// Register declares the flags that are the same for all commands: -cases, -quick and -results. The others have defaults that
// each command explains by itself.
func (j *Job) Register() {
	flag.StringVar(&j.Cases, "cases", ".", "which cases, a regular expression")
	flag.BoolVar(&j.Quick, "quick", false, "only the cases of the short run")
	flag.StringVar(&j.Results, "results", "results", "the folder of the results")
}

// Or returns the job with the rounds, the benchtime and the name of rest where it has none of its own.
func (j Job) Or(rest Job) Job {
	j.Rounds = cmp.Or(j.Rounds, rest.Rounds)
	j.Benchtime = cmp.Or(j.Benchtime, rest.Benchtime)
	j.Name = cmp.Or(j.Name, rest.Name)
	return j
}

// File is the file of the results with that ending. Without one it is what the names of all of them begin with.
func (j Job) File(ending string) string { return filepath.Join(j.Results, j.Name) + ending }

// Main runs a command, until it is interrupted. An error ends the program, with the command's name before it.
func Main(name string, run func(context.Context) error) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		os.Exit(1)
	}
}
