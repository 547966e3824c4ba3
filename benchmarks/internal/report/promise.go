package report

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A promise is a goal before it is judged: that a reading, or how many times another it is, keeps within a bound.
type promise struct {
	what    string // of which number it speaks, as "time per use"
	of      reading
	also    []reading // the same of other sizes: the greatest counts
	than    string    // what the number is compared with, as "the mutex pair"; empty: with nothing
	over    []reading // the same as readings, of which the least counts
	bound   float64
	limit   string // the bound in words; empty: as the unit writes it
	atLeast bool   // the bound is a lower one
	needs   string // a unit of which there must be some, else the number says nothing
	beside  []aside
}

func (p promise) judge(raw *Raw) Goal {
	g := Goal{Workload: p.of.group, Words: p.words(), Measured: "–", Verdict: NotMeasured}
	if slices.ContainsFunc(p.also, func(r reading) bool { return r.group != p.of.group }) {
		g.Workload = workload(p.of.group)
	}
	if v, said, ok := p.measure(raw); ok {
		g.Measured, g.Verdict = said, Met
		if p.atLeast && v < p.bound || !p.atLeast && v > p.bound {
			g.Verdict = Missed
		}
	}
	spoilt, remarks := p.remarks(raw)
	if len(spoilt) > 0 {
		g.Verdict = Missed
	}
	g.Measured = strings.Join(slices.Concat([]string{g.Measured}, spoilt, remarks), "; ")
	return g
}

// measure returns the number that is judged, and what it is made of.
func (p promise) measure(raw *Raw) (v float64, said string, ok bool) {
	if n, _ := own(p.of.group, p.needs).in(raw); p.needs != "" && n <= 0 {
		return 0, "", false
	}
	of, ok := worst(raw, p.own())
	if !ok {
		return 0, "", false
	}
	v, said = of.v, of.show(of.v)
	if p.than == "" {
		return v, said + p.asides(raw), true
	}
	least, ok := best(raw, p.over)
	if !ok {
		return 0, "", false
	}
	if len(p.also) > 0 {
		said += " with " + path.Base(of.group)
	}
	v /= least.v
	said = fmt.Sprintf("%.3g × (%s%s against %s)", v, byRound(raw, of.reading, least.reading), said, least.said(of.reading, least.v))
	return v, said + p.asides(raw), true
}

// own are the readings that the goal is about.
func (p promise) own() []reading { return slices.Concat([]reading{p.of}, p.also) }

// words is the goal with its bound.
func (p promise) words() string {
	what, limit := p.what, " at most "
	if _, ok := worstEnd[p.of.unit]; ok {
		what += ", worst round,"
	}
	if p.atLeast {
		limit = " at least "
	}
	if p.than == "" {
		return what + limit + cmp.Or(p.limit, p.of.show(p.bound))
	}
	return fmt.Sprintf("%s%s%.3g × %s", what, limit, p.bound, p.than)
}

func (p promise) asides(raw *Raw) string {
	var all []string
	for _, a := range p.beside {
		if said := a.said(raw); said != "" {
			all = append(all, said)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "; " + strings.Join(all, ", ")
}

// remarks are what numbers don't say: what spoils the goal, and where a pool that weir is compared with failed.
func (p promise) remarks(raw *Raw) (spoilt, remarks []string) {
	for _, r := range slices.Concat(p.own(), p.over) {
		if r.name != subject {
			continue
		}
		if r.failed(raw) {
			spoilt = addNew(spoilt, "failed in some round")
		}
		if n, ok := own(r.group, refusedUnit).in(raw); ok && n > 0 {
			spoilt = addNew(spoilt, "refused "+format(refusedUnit, n)+" in the worst round")
		}
	}
	compared := slices.Clone(p.over)
	for _, a := range p.beside {
		compared = slices.Concat(compared, a.of, a.over)
	}
	for _, r := range compared {
		if r.name != subject && r.failed(raw) {
			remarks = addNew(remarks, r.label()+" failed in some round")
		}
	}
	return spoilt, remarks
}
