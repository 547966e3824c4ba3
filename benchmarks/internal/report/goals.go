package report

import (
	"fmt"
	"io"
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

// Goals judges weir by one run, in which all its features but leak naming are on: by the medians of its rounds, and by the worst
// round where the median would hide what is promised for each. A goal of which weir failed a round, or refused a caller, is
// missed. fifo names the pools that serve in order of arrival, exactly.
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
