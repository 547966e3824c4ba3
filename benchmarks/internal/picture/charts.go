package picture

import (
	"cmp"
	"slices"
	"strings"

	"github.com/weirpool/weir/benchmarks/internal/report"
)

const (
	subject = "weir"
	perUse  = "ns/op"
	floors  = "Floor"
)

// A measurement is what a panel shows of every pool.
type measurement struct {
	title, group, unit string
	floor              string // of the group of floors
	axis               string // where the unit is no time
	more               bool   // is better
}

// comparison is a chart of all pools, the best by the first measurement on top.
func comparison(raw *report.Raw, title, reading string, of ...measurement) chart {
	of = slices.DeleteFunc(of, func(m measurement) bool { return len(m.pools(raw)) == 0 })
	c := chart{title: title, reading: reading}
	var names []string
	for _, m := range of {
		for _, name := range m.pools(raw) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	for _, name := range names {
		c.rows = append(c.rows, row{label: strings.ReplaceAll(name, "_", " "), subject: name == subject})
	}
	for _, m := range of {
		c.panels = append(c.panels, m.panel(raw, names))
	}
	return c
}

// pools are the names of all that have this measurement, the best first.
func (m measurement) pools(raw *report.Raw) []string {
	var names []string
	counts := map[string]float64{}
	for _, s := range raw.Series {
		if v, ok := s.Spread(m.unit); ok && s.Group == m.group {
			names = append(names, s.Name)
			counts[s.Name] = v.Counts(m.unit)
		}
	}
	slices.SortStableFunc(names, func(a, b string) int {
		if m.more {
			a, b = b, a
		}
		return cmp.Compare(counts[a], counts[b])
	})
	return names
}

func (m measurement) panel(raw *report.Raw, names []string) panel {
	p := panel{title: m.title, unit: m.axis}
	for _, name := range names {
		p.values = append(p.values, spreadOf(raw, m.group, name, m.unit))
	}
	if v, ok := raw.Find(floors, m.floor).Spread(perUse); ok {
		p.floor, p.named = v.Median, m.floor
	}
	return p
}

// spreadOf has in its middle what counts of all rounds.
func spreadOf(raw *report.Raw, group, name, unit string) *report.Spread {
	v, ok := raw.Find(group, name).Spread(unit)
	if !ok {
		return nil
	}
	v.Median = v.Counts(unit)
	return &v
}

func acquireChart(raw *report.Raw) chart {
	return comparison(raw, "Acquire and release when nobody waits",
		"Median of all rounds, with the least and the greatest. Less is better.",
		measurement{title: "one goroutine", group: "W1Alone", unit: perUse, floor: "mutex pair"},
		measurement{title: "a goroutine per processor", group: "W2Parallel", unit: perUse, floor: "mutex pair in parallel"},
		measurement{title: "wait limited to 1 s", group: "W4AloneLimited", unit: perUse, floor: "context.WithTimeout"},
	)
}

func contentionChart(raw *report.Raw) chart {
	const group = "W3Contention/goroutines=64/body=gosched"
	return comparison(raw, "64 goroutines share 10 resources",
		"Each yields once while it holds one. Median of all rounds, with the least and the greatest. Less is better.",
		measurement{title: "time per use", group: group, unit: perUse},
		measurement{title: "p99 wait", group: group, unit: "p99-ns"},
		measurement{title: "longest wait, worst round", group: group, unit: "max-ns"},
	)
}

func failingChart(raw *report.Raw) chart {
	return comparison(raw, "Every open fails: how many of 50 callers are served?",
		"Five connections are open and stay good; every further open fails after 150 ms. More is better.",
		measurement{title: "callers served, worst round", group: "W5cFailingOpens", unit: "served", axis: "callers", more: true},
	)
}

// mysqlChart has a panel for each number of goroutines.
func mysqlChart(raw *report.Raw) chart {
	c := chart{
		title:   "SELECT 1 on MariaDB over loopback, 16 connections",
		reading: "A whole call, waiting included: half of them and 99 of 100 take less. Median of the rounds, least, greatest. Less is better.",
	}
	pools := []string{subject, "database/sql", "database/sql QueryRow"}
	for _, n := range []string{"8", "64", "256"} {
		p := panel{title: n + " goroutines"}
		for _, name := range pools {
			for _, unit := range []string{"p50-ns", "p99-ns"} {
				p.values = append(p.values, spreadOf(raw, "W10MySQL/query=select1/goroutines="+n, name, unit))
			}
		}
		if slices.ContainsFunc(p.values, func(v *report.Spread) bool { return v != nil }) {
			c.panels = append(c.panels, p)
		}
	}
	for _, name := range pools {
		label := strings.TrimPrefix(name, "database/sql ") // the panels need the room
		c.rows = append(c.rows,
			row{label: label + " p50", subject: name == subject, pale: true},
			row{label: label + " p99", subject: name == subject})
	}
	return c
}
