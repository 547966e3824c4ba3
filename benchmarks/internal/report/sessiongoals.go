package report

import (
	"fmt"
	"slices"
	"strings"
)

// A sessionGoal is one of the goals of the sessions before it is judged.
type sessionGoal struct {
	words   string
	of      reading // weir's
	than    reading // what it is compared with; empty: with nothing
	way     comparison
	bound   float64
	atLeast bool // the bound is a lower one
	beside  []reading
}

// A comparison says how a number comes of what was measured.
type comparison int

const (
	quotient   comparison = iota // of the medians
	difference                   // of the medians
	median                       // as it is
	worstRound                   // the greatest there was
)

// SessionGoals judges weir's sessions by one run. A goal is one of medians, or of the worst round where it is a bound that no round
// may pass; one of which weir failed a round is missed.
func SessionGoals(raw *Raw) []Goal {
	var goals []Goal
	for _, g := range slices.Concat(lookupGoals(), heldGoals(), overheadGoals(), cancelGoals()) {
		goals = append(goals, g.judge(raw))
	}
	return goals
}

const (
	rateUnit = "ops/s"
	stock    = "database/sql"
)

func lookupGoals() []sessionGoal {
	faster := func(group, than string, bound float64) sessionGoal {
		return sessionGoal{
			words: fmt.Sprintf("lookups per second at least %.3g × %s", bound, reading{name: than}.label()),
			of:    own(group, rateUnit), than: reading{group, than, rateUnit}, bound: bound, atLeast: true,
		}
	}
	var all []sessionGoal
	for _, goroutines := range []string{"8", "64"} {
		near, far := "S1Lookup/way=loopback/goroutines="+goroutines, "S1Lookup/way=+1ms/goroutines="+goroutines
		all = append(all, faster(near, stock, 2), faster(near, "raw_driver", 0.75), faster(far, "raw_driver", 0.95))
	}
	return all
}

func heldGoals() []sessionGoal {
	const held, p99, memory, each = "S2Held", "call-p99-ns", "server-MB", "B/session"
	perSession := func(form string, bound float64) sessionGoal {
		group := "S2Memory/of=" + form
		return sessionGoal{
			words: "heap bytes per idle session, worst round, at most " + format(each, bound),
			of:    own(group, each), way: worstRound, bound: bound, beside: []reading{{group, stock, each}},
		}
	}
	return []sessionGoal{
		{
			words: "p99 of a call at most 0.25 × that of " + stock + " on as many connections",
			of:    own(held, p99), than: reading{held, stock, p99}, bound: 0.25,
			beside: []reading{{held, "weir_with_ten_states", p99}, {held, "database/sql_held_connections", p99}},
		},
		{
			words: "server memory over idle, worst round, at most 3 MB",
			of:    own(held, memory), way: worstRound, bound: 3,
			beside: []reading{{held, "weir_with_ten_states", memory}, {held, stock, memory}, {held, "database/sql_held_connections", memory}},
		},
		{
			words: "of the 10,000 calls per second that 10,000 sessions offer, served at least 9,000",
			of:    own("S2Think", rateUnit), way: median, bound: 9_000, atLeast: true,
			beside: []reading{own("S2Think", p99), own("S2Think", "client-MB"), own("S2Think", memory)},
		},
		perSession("bare", 700),
		perSession("used", 700),
		perSession("with_a_state", 700),
	}
}

func overheadGoals() []sessionGoal {
	var all []sessionGoal
	for _, call := range []string{"exec", "query"} {
		group := "S3Overhead/call=" + call + "/goroutines=1"
		all = append(all, sessionGoal{
			words: "time beyond that of " + stock + " on the same driver at most 400 ns",
			of:    own(group, timeUnit), than: reading{group, stock, timeUnit}, way: difference, bound: 400,
			beside: []reading{
				own(group, memoryUnit), {group, stock, memoryUnit}, own(group, allocsUnit), {group, stock, allocsUnit},
			},
		})
	}
	return all
}

func cancelGoals() []sessionGoal {
	const running, answered = "still-running", "answered"
	var all []sessionGoal
	for _, group := range []string{"S4Cancel/of=sleep", "S4Cancel/of=row_lock"} {
		all = append(all, sessionGoal{
			words: "of 50 cancelled statements still running 100 ms later, worst round, 0",
			of:    own(group, running), way: worstRound,
			beside: []reading{{group, "weir_without_kill", running}, {group, stock, running}},
		}, sessionGoal{
			words: "of 50 cancelled calls answered with a result, worst round, 0",
			of:    own(group, answered), way: worstRound, beside: []reading{{group, stock, answered}},
		})
	}
	return all
}

func (g sessionGoal) judge(raw *Raw) Goal {
	goal := Goal{Workload: g.of.group, Words: g.words, Measured: "–", Verdict: NotMeasured}
	if v, said, ok := g.measure(raw); ok {
		goal.Measured, goal.Verdict = said, Met
		if g.atLeast && v < g.bound || !g.atLeast && v > g.bound {
			goal.Verdict = Missed
		}
	}
	for _, r := range g.beside {
		if spread, ok := raw.Find(r.group, r.name).Spread(r.unit); ok {
			goal.Measured += "; " + r.label() + " " + withUnit(r.unit, spread.Median)
		}
	}
	if g.of.failed(raw) {
		goal.Verdict = Missed
		goal.Measured += "; failed in some round"
	}
	if g.than.failed(raw) {
		goal.Measured += "; " + g.than.label() + " failed in some round"
	}
	return goal
}

// measure returns the number that is judged, and what it is made of.
func (g sessionGoal) measure(raw *Raw) (v float64, said string, ok bool) {
	of := raw.Find(g.of.group, g.of.name)
	mine, ok := of.Spread(g.of.unit)
	if !ok {
		return 0, "", false
	}
	switch g.way {
	case median:
		return mine.Median, withUnit(g.of.unit, mine.Median), true
	case worstRound:
		return mine.Max, withUnit(g.of.unit, mine.Max), true
	}
	than := raw.Find(g.than.group, g.than.name)
	theirs, ok := than.Spread(g.than.unit)
	if !ok || g.way == quotient && theirs.Median <= 0 {
		return 0, "", false
	}
	against := fmt.Sprintf("%s against %s of %s",
		withUnit(g.of.unit, mine.Median), withUnit(g.of.unit, theirs.Median), g.than.label())
	if g.way == difference {
		v = mine.Median - theirs.Median
		return v, fmt.Sprintf("%s (%s)", format(g.of.unit, v), against), true
	}
	v = mine.Median / theirs.Median
	each, paired := ratioOf(of.Runs[g.of.unit], than.Runs[g.than.unit])
	if !paired {
		return v, fmt.Sprintf("%.3g × (%s)", v, against), true
	}
	return v, fmt.Sprintf("%.3g × (%.2f..%.2f; %s)", v, each.Min, each.Max, against), true
}

// withUnit writes a number so that it can stand by itself. Times say what they are already.
func withUnit(unit string, v float64) string {
	if unit == timeUnit {
		return format(unit, v)
	}
	if name, ok := strings.CutSuffix(unit, nsSuffix); ok {
		return format(unit, v) + " " + strings.ReplaceAll(name, "-", " ")
	}
	return format(unit, v) + " " + strings.ReplaceAll(unit, "-", " ")
}
