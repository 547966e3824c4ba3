package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A reading is one number of the raw results: what counts of all rounds of a unit.
type reading struct {
	group, name, unit string
}

func (r reading) in(raw *Raw) (float64, bool) {
	s, ok := raw.Find(r.group, r.name).Spread(r.unit)
	return s.Counts(r.unit), ok
}

// failed says whether there was a round without this reading.
func (r reading) failed(raw *Raw) bool {
	return slices.ContainsFunc(raw.Failed, func(line string) bool {
		s := newSeries(line)
		return s.Group == underscored(r.group) && s.Name == underscored(r.name)
	})
}

func (r reading) show(v float64) string { return format(r.unit, v) }

func (r reading) label() string { return strings.ReplaceAll(r.name, "_", " ") }

// said names the number by what tells it from the one it is compared with.
func (r reading) said(of reading, v float64) string {
	switch {
	case r.name != of.name:
		return r.show(v) + " of " + r.label()
	case r.group != of.group:
		return r.show(v) + " with " + path.Base(r.group)
	}
	return r.show(v)
}

// A measured is a reading and what it says.
type measured struct {
	reading
	v float64
}

// measure leaves out what was not measured.
func measure(raw *Raw, all []reading) []measured {
	var there []measured
	for _, r := range all {
		if v, ok := r.in(raw); ok {
			there = append(there, measured{r, v})
		}
	}
	return there
}

func byValue(a, b measured) int { return cmp.Compare(a.v, b.v) }

// worst is the greatest of readings, all of which must have been measured.
func worst(raw *Raw, all []reading) (measured, bool) {
	there := measure(raw, all)
	if len(there) < len(all) || len(all) == 0 {
		return measured{}, false
	}
	return slices.MaxFunc(there, byValue), true
}

// best is the least of the readings that were measured. Something that was measured as nothing can't be compared with.
func best(raw *Raw, all []reading) (measured, bool) {
	there := slices.DeleteFunc(measure(raw, all), func(m measured) bool { return m.v <= 0 })
	if len(there) == 0 {
		return measured{}, false
	}
	return slices.MinFunc(there, byValue), true
}

// byRound is how far the ratio of two times goes in single rounds, or empty where that can't be said.
func byRound(raw *Raw, of, over reading) string {
	if _, rounds := worstEnd[of.unit]; rounds || !isTime(of.unit) {
		return ""
	}
	each, ok := ratioOf(raw.Find(of.group, of.name).Runs[of.unit], raw.Find(over.group, over.name).Runs[over.unit])
	if !ok || each.runs < 2 {
		return ""
	}
	return fmt.Sprintf("%.2f..%.2f; ", each.Min, each.Max)
}

// An aside is said beside what a goal is judged by.
type aside struct {
	label string // empty: the name
	of    []reading
	over  []reading // what it is compared with, if anything
}

// beside are readings under their own names.
func beside(all ...reading) []aside {
	var asides []aside
	for _, r := range all {
		asides = append(asides, aside{of: []reading{r}})
	}
	return asides
}

// said is empty for what was not measured.
func (a aside) said(raw *Raw) string {
	m, ok := worst(raw, a.of)
	if !ok {
		return ""
	}
	label := cmp.Or(a.label, m.label())
	if len(a.over) == 0 {
		return label + " " + m.show(m.v)
	}
	least, ok := best(raw, a.over)
	if !ok {
		return ""
	}
	return fmt.Sprintf("%s %.3g ×", label, m.v/least.v)
}
