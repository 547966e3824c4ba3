package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// An outcome is how a test ended.
type outcome string

const (
	passed  outcome = "pass"
	failed  outcome = "fail"
	skipped outcome = "skip"
	absent  outcome = "" // it did not run, or did not end
)

func (o outcome) String() string {
	if o == absent {
		return "nothing"
	}
	return string(o)
}

// results tell of one run. A test's key is its name; a subtest's has a slash.
type results struct {
	ends map[string]outcome
	said map[string]string // what each test printed; the compiler is the test without a name
}

// parse reads what go test -json prints. A test that has begun and not ended is absent.
func parse(from io.Reader) (results, error) {
	r := results{ends: map[string]outcome{}, said: map[string]string{}}
	d := json.NewDecoder(from)
	for {
		var event struct{ Action, Test, Output string }
		switch err := d.Decode(&event); {
		case errors.Is(err, io.EOF):
			return r, nil
		case err != nil:
			return results{}, fmt.Errorf("output of go test: %w", err)
		}
		if event.Action == "build-output" {
			r.said[""] += event.Output
		}
		if event.Test == "" {
			continue
		}
		switch o := outcome(event.Action); o {
		case passed, failed, skipped:
			r.ends[event.Test] = o
		case "run":
			r.ends[event.Test] = absent
		case "output":
			r.said[event.Test] += event.Output
		}
	}
}

// String counts the tests, and the subtests apart.
func (r results) String() string {
	return fmt.Sprintf("%s; subtests: %s", r.count(false), r.count(true))
}

func (r results) count(sub bool) string {
	n := map[outcome]int{}
	for name, o := range r.ends {
		if strings.Contains(name, "/") == sub {
			n[o]++
		}
	}
	return fmt.Sprintf("%d passed, %d failed, %d skipped", n[passed], n[failed], n[skipped])
}

// those are the names of the tests that ended so, sorted.
func (r results) those(o outcome) []string {
	var names []string
	for name, end := range r.ends {
		if end == o {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// complete returns an error unless tests ran and each of them ended: a test that failed is a result, but a panic leaves tests
// without an end.
func (r results) complete() error {
	lost := r.those(absent)
	if len(r.ends) > 0 && len(lost) == 0 {
		return nil
	}
	said := []string{r.said[""]}
	for _, name := range slices.Sorted(maps.Keys(r.said)) {
		if name != "" && (r.ends[name] == failed || strings.Contains(r.said[name], "\npanic: ")) {
			said = append(said, r.said[name])
		}
	}
	return fmt.Errorf("%d tests ran, %d did not end\n%s", len(r.ends), len(lost), strings.Join(said, ""))
}
