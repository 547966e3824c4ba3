// Package report turns the raw output of the benchmarks into tables.
package report

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Series is all that was measured of one benchmark.
type Series struct {
	Group string // what is compared with each other, as "W3Contention/body=none"
	Name  string // the one of the group that this is, as "weir"
	Key   string // what Name is, as "pool"
	Units []string
	Runs  map[string][]float64 // by unit, in the order of the runs
}

// Raw is the content of a file of results.
type Raw struct {
	Facts  []string // the lines "key: value" about machine and versions, each once
	Failed []string // what the lines "failed: ..." name, each once
	Series []*Series
}

// Find returns what was measured of one of a group, or nil. A space in a name is an underscore in the raw output, and may be
// either here.
func (raw *Raw) Find(group, name string) *Series {
	group, name = underscored(group), underscored(name)
	for _, s := range raw.Series {
		if s.Group == group && s.Name == name {
			return s
		}
	}
	return nil
}

func underscored(name string) string { return strings.ReplaceAll(name, " ", "_") }

// Spread sums up the runs of one unit. Nothing may have been measured of it.
func (s *Series) Spread(unit string) (Spread, bool) {
	if s == nil || len(s.Runs[unit]) == 0 {
		return Spread{}, false
	}
	return SpreadOf(s.Runs[unit]), true
}

// failedPrefix begins the line of a benchmark that came to no result.
const failedPrefix = "failed: "

var (
	factLine   = regexp.MustCompile(`^[a-z][a-z0-9./@-]*: .+`)
	processors = regexp.MustCompile(`-\d+$`)
)

// Read reads the output of one or more runs of the benchmarks. Lines of a form it does not know belong to the tests around
// them and are passed over; a line that begins as a measurement and is none is an error.
func Read(r io.Reader) (*Raw, error) {
	raw := &Raw{}
	index := map[string]*Series{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if name, ok := strings.CutPrefix(line, failedPrefix); ok {
			raw.Failed = addNew(raw.Failed, name)
		} else if factLine.MatchString(line) {
			raw.Facts = addNew(raw.Facts, line)
		}
		fields := strings.Fields(line)
		if len(fields) < 4 || !strings.HasPrefix(fields[0], "Benchmark") {
			continue
		}
		s := index[fields[0]]
		if s == nil {
			s = newSeries(fields[0])
			index[fields[0]] = s
			raw.Series = append(raw.Series, s)
		}
		if err := s.add(fields[2:]); err != nil {
			return nil, fmt.Errorf("report: %q: %w", line, err)
		}
	}
	return raw, lines.Err()
}

func addNew(lines []string, line string) []string {
	if slices.Contains(lines, line) {
		return lines
	}
	return append(lines, line)
}

// newSeries splits a name: the last part of the form key=value says which of a group this is. The value itself may contain
// a slash.
func newSeries(full string) *Series {
	full = strings.TrimPrefix(strings.TrimPrefix(processors.ReplaceAllString(full, ""), "Benchmark"), "/")
	s := &Series{Name: full, Runs: map[string][]float64{}}
	eq := strings.LastIndex(full, "=")
	if eq < 0 {
		return s
	}
	cut := strings.LastIndex(full[:eq], "/")
	if cut < 0 {
		return s
	}
	s.Group, s.Key, s.Name = full[:cut], full[cut+1:eq], full[eq+1:]
	return s
}

// add takes the pairs of value and unit of one run.
func (s *Series) add(pairs []string) error {
	if len(pairs)%2 != 0 {
		return fmt.Errorf("a value has no unit")
	}
	for i := 0; i < len(pairs); i += 2 {
		v, err := strconv.ParseFloat(pairs[i], 64)
		if err != nil {
			return err
		}
		unit := pairs[i+1]
		if s.Runs[unit] == nil {
			s.Units = append(s.Units, unit)
		}
		s.Runs[unit] = append(s.Runs[unit], v)
	}
	return nil
}
