package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/weirpool/weir"
	"github.com/weirpool/weir/mysqlpool"
)

// pools are all pools of the story, each with its events, its log and its metrics.
type pools struct {
	ground  ground
	metrics *metrics
	journal journal
	logs    logbook
	opened  []opened
}

// An opened pool is one of connections or one below sessions.
type opened struct {
	stats func() weir.Stats
	close func(context.Context) error
}

// open makes a pool of that name. Every pool keeps a connection or more, so that its figures count all of them.
func (p *pools) open(ctx context.Context, name string, opts ...weir.Option) (*mysqlpool.Pool, error) {
	pool, err := p.ground.open(ctx, p.options(name, opts)...)
	if err != nil {
		return nil, err
	}
	p.opened = append(p.opened, opened{pool.Stats, pool.Close})
	return pool, p.metrics.add(pool)
}

// openSessions makes a pool of that name with sessions over it.
func (p *pools) openSessions(ctx context.Context, name string, opts ...weir.Option) (*mysqlpool.Connector, error) {
	connector, err := p.ground.openSessions(ctx, p.options(name, opts)...)
	if err != nil {
		return nil, err
	}
	p.opened = append(p.opened, opened{connector.Stats, connector.Shutdown})
	return connector, p.metrics.addSessions(connector)
}

func (p *pools) options(name string, more []weir.Option) []weir.Option {
	return append([]weir.Option{
		weir.WithName(name), weir.WithLogger(p.logs.logger()), weir.WithObserver(&p.journal),
		mysqlpool.WithServiceName("weir-demo"),
	}, more...)
}

// closeAll is for a story that was broken off: it leaves nothing behind.
func (p *pools) closeAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	for _, pool := range p.opened {
		pool.close(ctx) // closed twice is closed; what is closed by force was reported in the story
	}
}

// table is what became of each pool.
func (p *pools) table() []string {
	const form = "%-8s %6v %6v %6v %6v %8v %5v %7s %7s  %s"
	out := []string{fmt.Sprintf(form,
		"pool", "opened", "closed", "lent", "waited", "timeouts", "leaks", "wait", "use", "closed because")}
	for _, pool := range p.opened {
		st := pool.stats()
		out = append(out, fmt.Sprintf(form, st.Name, st.Opened, retired(st), st.Acquired, st.Waited, st.Timeouts, st.Leaks,
			short(st.Wait.Mean()), short(st.Use.Mean()), reasons(st)))
	}
	return out
}

func retired(st weir.Stats) uint64 {
	var n uint64
	for _, r := range st.Retired {
		n += r
	}
	return n
}

// reasons lists the two commonest reasons of retirement.
func reasons(st weir.Stats) string {
	var all []weir.Reason
	for r, n := range st.Retired {
		if n > 0 {
			all = append(all, weir.Reason(r))
		}
	}
	slices.SortStableFunc(all, func(a, b weir.Reason) int { return int(st.Retired[b]) - int(st.Retired[a]) })
	var out []string
	for i, r := range all {
		if i == 2 {
			out = append(out, "...")
			break
		}
		out = append(out, fmt.Sprintf("%v %d", r, st.Retired[r]))
	}
	return strings.Join(out, ", ")
}

// short is a duration in at most three digits and a bit.
func short(d time.Duration) string {
	switch {
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	}
	return d.Round(time.Microsecond).String()
}
