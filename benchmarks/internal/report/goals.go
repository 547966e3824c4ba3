package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// A Verdict says whether a goal was reached.
type Verdict string

// The verdicts. What a run left out is NotMeasured, never met.
const (
	Met         Verdict = "met"
	Missed      Verdict = "missed"
	NotMeasured Verdict = "not measured"
)

// A Goal is one thing that weir sets out to do, and what came of it.
type Goal struct {
	Workload string
	Words    string
	Measured string // the value, and what it is made of
	Verdict  Verdict
}

// Goals judges weir by the medians of one run, in which all its features but leak naming are on. fifo names the pools that
// serve in order of arrival, exactly.
func Goals(raw *Raw, fifo []string) []Goal {
	var goals []Goal
	for _, p := range promises(raw, fifo) {
		goals = append(goals, p.judge(raw))
	}
	return goals
}

// WriteGoals writes them as a Markdown table.
func WriteGoals(w io.Writer, goals []Goal) error {
	count := map[Verdict]int{}
	var rows strings.Builder
	for _, g := range goals {
		count[g.Verdict]++
		verdict := string(g.Verdict)
		if g.Verdict == Missed {
			verdict = "**" + verdict + "**"
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", g.Workload, g.Words, g.Measured, verdict)
	}
	_, err := fmt.Fprintf(w, "### Goals\n\n%d met, %d missed, %d not measured.\n\n| workload | goal | measured | |\n|---|---|---|---|\n%s",
		count[Met], count[Missed], count[NotMeasured], rows.String())
	return err
}

// A reading is one number of the raw results: the median of a unit.
type reading struct {
	group, name, unit string
}

func (r reading) in(raw *Raw) (float64, bool) {
	s, ok := raw.Find(r.group, r.name).Spread(r.unit)
	return s.Median, ok
}

func (r reading) show(v float64) string { return format(r.unit, v) }

// A promise is a goal before it is judged: that a reading, or how many times another it is, keeps within a bound.
type promise struct {
	what    string // of which number it speaks, as "time per use"
	of      reading
	than    string    // what the number is compared with, as "the mutex pair"; empty: with nothing
	over    []reading // the same as readings, of which the least counts
	bound   float64
	atLeast bool      // the bound is a lower one
	beside  []reading // said beside the number
}

func (p promise) judge(raw *Raw) Goal {
	g := Goal{Workload: p.of.group, Words: p.words(), Measured: "–", Verdict: NotMeasured}
	v, ok := p.of.in(raw)
	if !ok {
		return g
	}
	said := p.of.show(v)
	if p.than != "" {
		base, least, ok := p.least(raw)
		if !ok {
			return g
		}
		said = fmt.Sprintf("%.3g × (%s against %s)", v/least, said, base.said(p.of, least))
		v /= least
	}
	g.Measured, g.Verdict = said+p.aside(raw), Met
	if p.atLeast && v < p.bound || !p.atLeast && v > p.bound {
		g.Verdict = Missed
	}
	return g
}

// words is the goal with its bound.
func (p promise) words() string {
	limit := "at most "
	if p.atLeast {
		limit = "at least "
	}
	if p.than == "" {
		return p.what + " " + limit + p.of.show(p.bound)
	}
	return fmt.Sprintf("%s %s%.3g × %s", p.what, limit, p.bound, p.than)
}

// least is the best of what the reading is compared with. Something that was measured as nothing can't be compared with.
func (p promise) least(raw *Raw) (reading, float64, bool) {
	type measured struct {
		by reading
		v  float64
	}
	var all []measured
	for _, r := range p.over {
		if v, ok := r.in(raw); ok && v > 0 {
			all = append(all, measured{r, v})
		}
	}
	if len(all) == 0 {
		return reading{}, 0, false
	}
	best := slices.MinFunc(all, func(a, b measured) int { return cmp.Compare(a.v, b.v) })
	return best.by, best.v, true
}

// said names the number by what tells it from the one it is compared with.
func (r reading) said(of reading, v float64) string {
	switch {
	case r.name != of.name:
		return r.show(v) + " of " + strings.ReplaceAll(r.name, "_", " ")
	case r.group != of.group:
		return r.show(v) + " in " + r.group
	}
	return r.show(v)
}

func (p promise) aside(raw *Raw) string {
	var all []string
	for _, r := range p.beside {
		if v, ok := r.in(raw); ok {
			all = append(all, strings.ReplaceAll(r.name, "_", " ")+" "+r.show(v))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; " + strings.Join(all, ", ")
}
