package report

import (
	"slices"
	"strings"
)

const (
	kept   = 64 << 10 // bytes that count as none: the runtime's own caches
	growth = 1.2      // what stays within 20 % does not grow
)

// promises are all the goals, in the order of the workloads.
func promises(raw *Raw, fifo []string) []promise {
	return slices.Concat(
		aloneGoals(raw),
		crowdGoals("W3Contention/goroutines=64/body=gosched", fifo),
		limitGoals(raw),
		spikeGoals(raw),
		memoryGoals(),
		orderGoals("W8Procs/procs=1/load=gosched", fifo),
		orderGoals("W8Procs/procs=2/load=gosched", fifo),
		crowdGoals("W8Procs/procs=4/load=gosched", fifo),
		crowdGoals("W8Procs/procs=8/load=gosched", fifo),
		growthGoals(),
		mysqlGoals(),
	)
}

// own is what was measured of weir.
func own(group, unit string) reading { return reading{group, subject, unit} }

// others are the same readings of other pools of the group.
func others(of reading, names ...string) []reading {
	var all []reading
	for _, name := range names {
		if name != subject {
			all = append(all, reading{of.group, name, of.unit})
		}
	}
	return all
}

// peers are all other pools of a group, but for weir driven in another way.
func peers(raw *Raw, group string) []string {
	var names []string
	for _, s := range raw.Series {
		if s.Group == group && s.Name != subject && !strings.HasPrefix(s.Name, subject+"_") {
			names = append(names, s.Name)
		}
	}
	return names
}

func noAllocations(group string) promise {
	return promise{what: "allocations", of: own(group, allocsUnit)}
}

// fasterThan is a goal for each of names.
func fasterThan(group string, bound float64, names ...string) []promise {
	of := own(group, timeUnit)
	var all []promise
	for _, name := range names {
		all = append(all, promise{what: "time", of: of, than: name, over: others(of, name), bound: bound})
	}
	return all
}

func aloneGoals(raw *Raw) []promise {
	const w1, w2 = "W1Alone", "W2Parallel"
	single := reading{"Floor", "mutex_pair", timeUnit}
	parallel := reading{"Floor", "mutex_pair_in_parallel", timeUnit}
	rivals := []string{"puddle", "smartconnpool", "database/sql"}
	return slices.Concat(
		[]promise{{what: "time", of: own(w1, timeUnit), than: "the mutex pair", over: []reading{single}, bound: 2}},
		fasterThan(w1, 0.4, rivals...),
		[]promise{noAllocations(w1), {
			what: "time", of: own(w2, timeUnit), than: "the mutex pair in parallel", over: []reading{parallel}, bound: 2,
			beside: beside(single),
		}},
		fasterThan(w2, 0.4, rivals...),
		[]promise{noAllocations(w2)},
	)
}

// crowdGoals are those of a workload in which many wait.
func crowdGoals(group string, fifo []string) []promise {
	return slices.Concat(
		orderGoals(group, fifo),
		fasterThan(group, 0.6, "puddle", "database/sql"),
		[]promise{noAllocations(group)},
	)
}

// orderGoals are what serving in order is worth, and costs. What a turn is late for without any pool, no order can make up.
func orderGoals(group string, fifo []string) []promise {
	of := own(group, timeUnit)
	const late = "max/median"
	turns := aside{label: "64 that yield without a pool, on all processors", of: []reading{{"Floor", "turn_of_64_that_yield", late}}}
	return []promise{
		{what: "time", of: of, than: "the best pool that serves in order", over: others(of, fifo...), bound: 1},
		{what: "most uses of a goroutine / fewest", of: own(group, "max/min"), bound: 1.2},
		{what: "longest wait / median wait", of: own(group, late), bound: 5, beside: []aside{turns}},
	}
}

func limitGoals(raw *Raw) []promise {
	of := own("W4AloneLimited", timeUnit)
	return []promise{{what: "time", of: of, than: "the best peer with its context", over: others(of, peers(raw, of.group)...), bound: 0.1}}
}

func spikeGoals(raw *Raw) []promise {
	const w5, w5b, w5c, w6 = "W5Spike", "W5bLongUses", "W5cFailingOpens", "W6Expiry"
	const limited = w5b + "/opening=10"
	expiry := own(w6, timeUnit)
	return []promise{
		{what: "all served after", of: own(w5, timeUnit), bound: 22.4e6},
		{what: "opens", of: own(w5, "opens"), bound: 2},
		{what: "all served after", of: own(w5b, timeUnit), bound: 652e6 * 1.05},
		{
			what: "most opens at once", of: own(limited, "dials-at-once"), than: "MaxOpening",
			over: []reading{own(limited, "MaxOpening")}, bound: 1,
		},
		{
			what: "served of 50", of: own(w5c, "served"), bound: 50, atLeast: true,
			beside: beside(others(own(w5c, "served"), peers(raw, w5c)...)...),
		},
		{what: "time", of: expiry, than: "the best peer", over: others(expiry, peers(raw, w6)...), bound: 1},
		{what: "goroutines kept", of: own(w6, "goroutines-kept")},
		{what: "heap kept", of: own(w6, "kept-B"), bound: kept, limit: "65,536 bytes, the runtime's own caches"},
	}
}

func memoryGoals() []promise {
	const idle, waiter, cancellable = "W7Memory/of=idle_resource", "W7Memory/of=waiter", "W7Memory/of=cancellable_waiter"
	said := func(label string, r reading) aside { return aside{label: label, of: []reading{r}} }
	idles := [2]reading{own(idle, "B/idle"), own(idle, "B/idle-of-1000")}
	waiters := [2]reading{own(waiter, "B/waiter"), own(waiter, "B/waiter-of-1000")}
	return []promise{
		{
			what: "heap bytes per idle resource", of: idles[0], also: idles[1:], bound: 200,
			beside: []aside{said("of 10,000", idles[0]), said("of 1,000", idles[1])},
		},
		{
			what: "heap bytes per waiter whose context cannot end", of: waiters[0], also: waiters[1:], bound: 200,
			beside: []aside{
				said("of 10,000", waiters[0]), said("of 1,000", waiters[1]),
				said("and of stack", own(waiter, "stack-B/waiter")),
				said("heap of one whose context can end", own(cancellable, "B/waiter")),
			},
		},
	}
}

// growthGoals compare the worst of all sizes with the smallest.
func growthGoals() []promise {
	var all []promise
	for _, g := range []struct {
		of   string
		many []string
	}{
		{"waiters", []string{"100", "1000", "10000"}},
		{"idle", []string{"1000", "100000"}},
	} {
		few, many := "W9Growth/"+g.of+"=10", []reading{}
		channel := aside{label: "the channel", over: []reading{{few, "channel", timeUnit}}}
		for _, n := range g.many {
			group := "W9Growth/" + g.of + "=" + n
			many = append(many, own(group, timeUnit))
			channel.of = append(channel.of, reading{group, "channel", timeUnit})
		}
		all = append(all, promise{
			what: "time with " + strings.Join(g.many, ", ") + " " + g.of + ", the worst,", of: many[0], also: many[1:],
			than: "with 10", over: []reading{own(few, timeUnit)}, bound: growth, beside: []aside{channel},
		})
	}
	return all
}

func mysqlGoals() []promise {
	rivals := []string{"database/sql", "database/sql_QueryRow"}
	var all []promise
	for _, query := range []string{"select1", "indexed"} {
		for _, n := range []string{"8", "64", "256"} {
			group := "W10MySQL/query=" + query + "/goroutines=" + n
			of, p99 := own(group, timeUnit), own(group, "p99-ns")
			all = append(all, promise{
				what: "time", of: of, than: "the faster of database/sql and its QueryRow", over: others(of, rivals...), bound: 1,
			})
			if query == "select1" {
				all = append(all, checksGoal(of))
			}
			if n == "256" {
				all = append(all, promise{
					what: "p99 of a call", of: p99, than: "the better of database/sql and its QueryRow", over: others(p99, rivals...), bound: 0.5,
				})
			}
		}
	}
	return all
}

// checksGoal says something only where checks ran.
func checksGoal(of reading) promise {
	const count = "checks"
	return promise{
		what: "time with checks", of: of, than: "without", over: others(of, "weir_without_checks"), bound: 1.02, needs: count,
		beside: []aside{{label: count, of: []reading{own(of.group, count)}}},
	}
}
