package report

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// subject is what the others are compared with.
const subject = "weir"

// A Spread is the middle and the ends of the runs of one series.
type Spread struct {
	Median, Min, Max float64
	runs             int
}

// SpreadOf sums up runs, of which there must be at least one.
func SpreadOf(runs []float64) Spread {
	s := slices.Sorted(slices.Values(runs))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Spread{Median: median, Min: s[0], Max: s[len(s)-1], runs: len(s)}
}

// Write writes the tables, one for each group, as Markdown. notes are said beside the name they belong to.
func Write(w io.Writer, raw *Raw, notes map[string]string) error {
	out := bufio.NewWriter(w)
	for _, f := range raw.Facts {
		fmt.Fprintf(out, "* %s\n", f)
	}
	for _, group := range groups(raw) {
		writeGroup(out, group)
	}
	writeFailed(out, raw)
	writeNotes(out, raw, notes)
	return out.Flush()
}

// groups puts together what is compared with each other, and the groups of one workload, in the order of first appearance.
func groups(raw *Raw) [][]*Series {
	var all [][]*Series
	at, first := map[string]int{}, map[string]int{}
	for i, s := range raw.Series {
		w := workload(s.Group)
		if _, ok := first[w]; !ok {
			first[w] = i
		}
		i, ok := at[s.Group]
		if !ok {
			i = len(all)
			at[s.Group] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	slices.SortStableFunc(all, func(a, b []*Series) int {
		return cmp.Compare(first[workload(a[0].Group)], first[workload(b[0].Group)])
	})
	return all
}

func workload(group string) string {
	name, _, _ := strings.Cut(group, "/")
	return name
}

func writeGroup(out io.Writer, group []*Series) {
	l := layoutOf(group)
	if group[0].Key == "pool" && l.timed {
		group = slices.Clone(group) // the order of the run means nothing
		slices.SortStableFunc(group, func(a, b *Series) int { return cmp.Compare(a.median(), b.median()) })
	}
	columns := l.columns(group[0].Key)
	fmt.Fprintf(out, "\n### %s\n\n| %s |\n|%s\n", group[0].Group, strings.Join(columns, " | "), strings.Repeat("---|", len(columns)))
	for _, s := range group {
		if !l.timed || len(s.Runs[timeUnit]) > 0 {
			fmt.Fprintf(out, "| %s |\n", strings.Join(l.row(s), " | "))
		}
	}
}

// A layout is which columns the table of a group has.
type layout struct {
	timed bool      // its time says something: where memory is measured it is 0
	base  []float64 // the subject's times, where the others are compared with them
	units []string  // of the metrics
}

func layoutOf(group []*Series) layout {
	l := layout{units: otherUnits(group)}
	for _, s := range group {
		l.timed = l.timed || slices.ContainsFunc(s.Runs[timeUnit], func(v float64) bool { return v > 0 })
		if s.Key == "pool" && s.Name == subject {
			l.base = s.Runs[timeUnit]
		}
	}
	if !l.timed {
		l.base = nil
	}
	return l
}

func (l layout) columns(key string) []string {
	all := []string{key}
	if l.timed {
		all = append(all, "median", "least..most")
	}
	all = append(all, "runs")
	if l.base != nil {
		all = append(all, subject+" / it", "run by run")
	}
	for _, u := range l.units {
		all = append(all, head(u, l.units))
	}
	return all
}

func (l layout) row(s *Series) []string {
	runs := s.Runs[timeUnit]
	all := []string{s.Name}
	if l.timed {
		t := SpreadOf(runs)
		all = append(all, Duration(t.Median), Duration(t.Min)+".."+Duration(t.Max))
	}
	all = append(all, fmt.Sprint(s.count()))
	if l.base != nil {
		all = append(all, ratios(l.base, runs)...)
	}
	for _, u := range l.units {
		all = append(all, value(s, u))
	}
	return all
}

// median is that of its time, or 0.
func (s *Series) median() float64 {
	if len(s.Runs[timeUnit]) == 0 {
		return 0
	}
	return SpreadOf(s.Runs[timeUnit]).Median
}

// count is how many runs there were.
func (s *Series) count() int {
	n := 0
	for _, runs := range s.Runs {
		n = max(n, len(runs))
	}
	return n
}

func otherUnits(group []*Series) []string {
	var units []string
	for _, s := range group {
		for _, u := range s.Units {
			if u != timeUnit && !slices.Contains(units, u) {
				units = append(units, u)
			}
		}
	}
	slices.SortStableFunc(units, func(a, b string) int { return cmp.Compare(place(a), place(b)) })
	return units
}

// ratios compares the medians, and beside that run with run: what ran in the same round met the same machine.
func ratios(subject, other []float64) []string {
	medians := fmt.Sprintf("%.2f", SpreadOf(subject).Median/SpreadOf(other).Median)
	each, ok := ratioOf(subject, other)
	if !ok {
		return []string{medians, "–"}
	}
	return []string{medians, fmt.Sprintf("%.2f..%.2f", each.Min, each.Max)}
}

// ratioOf compares run with run. Where one has more of them it is not known which belong together.
func ratioOf(subject, other []float64) (each Spread, ok bool) {
	if len(subject) != len(other) || len(other) == 0 {
		return Spread{}, false
	}
	all := make([]float64, len(other))
	for i := range other {
		all[i] = subject[i] / other[i]
	}
	return SpreadOf(all), true
}

func value(s *Series, unit string) string {
	spread, ok := s.Spread(unit)
	if !ok {
		return "–"
	}
	return format(unit, spread.Counts(unit))
}

func writeFailed(out io.Writer, raw *Raw) {
	if len(raw.Failed) == 0 {
		return
	}
	fmt.Fprint(out, "\n### What failed\n\n")
	for _, name := range raw.Failed {
		fmt.Fprintf(out, "* %s\n", name)
	}
}

func writeNotes(out io.Writer, raw *Raw, notes map[string]string) {
	said := map[string]bool{}
	for _, s := range raw.Series {
		if note := notes[s.Name]; note != "" && !said[s.Name] {
			if len(said) == 0 {
				fmt.Fprint(out, "\n### What is missing\n\n")
			}
			said[s.Name] = true
			fmt.Fprintf(out, "* %s: %s\n", s.Name, note)
		}
	}
}
