package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// subject is what the others are compared with.
const subject = "weir"

const timeUnit = "ns/op"

// A Spread is the middle and the ends of the runs of one series.
type Spread struct {
	Median, Min, Max float64
}

// SpreadOf sums up runs, of which there must be at least one.
func SpreadOf(runs []float64) Spread {
	s := slices.Sorted(slices.Values(runs))
	mid := len(s) / 2
	median := s[mid]
	if len(s)%2 == 0 {
		median = (s[mid-1] + s[mid]) / 2
	}
	return Spread{Median: median, Min: s[0], Max: s[len(s)-1]}
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
	writeNotes(out, raw, notes)
	return out.Flush()
}

// groups puts together what is compared with each other, in the order of first appearance.
func groups(raw *Raw) [][]*Series {
	var all [][]*Series
	at := map[string]int{}
	for _, s := range raw.Series {
		i, ok := at[s.Group]
		if !ok {
			i = len(all)
			at[s.Group] = i
			all = append(all, nil)
		}
		all[i] = append(all[i], s)
	}
	return all
}

func writeGroup(out io.Writer, group []*Series) {
	units := otherUnits(group)
	base := slices.IndexFunc(group, func(s *Series) bool { return s.Key == "pool" && s.Name == subject })
	head := []string{group[0].Key, "median", "least..most", "runs"}
	if base >= 0 {
		head = append(head, subject+" / it", "run by run")
	}
	head = append(head, units...)
	fmt.Fprintf(out, "\n### %s\n\n| %s |\n|%s\n", group[0].Group, strings.Join(head, " | "), strings.Repeat("---|", len(head)))
	for _, s := range group {
		runs := s.Runs[timeUnit]
		if len(runs) == 0 {
			continue
		}
		t := SpreadOf(runs)
		row := []string{s.Name, duration(t.Median), duration(t.Min) + ".." + duration(t.Max), fmt.Sprint(len(runs))}
		if base >= 0 {
			row = append(row, ratios(group[base].Runs[timeUnit], runs)...)
		}
		for _, u := range units {
			row = append(row, value(s.Runs[u]))
		}
		fmt.Fprintf(out, "| %s |\n", strings.Join(row, " | "))
	}
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
	return units
}

// ratios compares the medians, and beside that run with run: what ran in the same round met the same machine.
func ratios(subject, other []float64) []string {
	medians := fmt.Sprintf("%.2f", SpreadOf(subject).Median/SpreadOf(other).Median)
	if len(subject) != len(other) {
		return []string{medians, "–"}
	}
	each := make([]float64, len(other))
	for i := range other {
		each[i] = subject[i] / other[i]
	}
	r := SpreadOf(each)
	return []string{medians, fmt.Sprintf("%.2f..%.2f", r.Min, r.Max)}
}

func value(runs []float64) string {
	if len(runs) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.4g", SpreadOf(runs).Median)
}

func duration(ns float64) string {
	switch {
	case ns < 100:
		return fmt.Sprintf("%.1f ns", ns)
	case ns < 10_000:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e6:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	}
	return time.Duration(ns).Round(10 * time.Microsecond).String()
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
