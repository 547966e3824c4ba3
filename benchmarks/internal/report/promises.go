package report

import "slices"

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

// peers are all other pools of a group.
func peers(raw *Raw, group string) []string {
	var names []string
	for _, s := range raw.Series {
		if s.Group == group && s.Name != subject {
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
			beside: []reading{single},
		}},
		fasterThan(w2, 0.4, rivals...),
		[]promise{noAllocations(w2)},
	)
}

// crowdGoals are those of a workload in which many wait.
func crowdGoals(group string, fifo []string) []promise {
	of := own(group, timeUnit)
	return slices.Concat(
		[]promise{{what: "time", of: of, than: "the best pool that serves in order", over: others(of, fifo...), bound: 1}},
		fasterThan(group, 0.6, "puddle", "database/sql"),
		[]promise{
			noAllocations(group),
			{what: "most uses of a goroutine / fewest", of: own(group, "max/min"), bound: 1.2},
			{what: "longest wait", of: own(group, "max-ns"), than: "the median wait", over: []reading{own(group, "p50-ns")}, bound: 5},
		},
	)
}

func limitGoals(raw *Raw) []promise {
	of := own("W4AloneLimited", timeUnit)
	return []promise{{what: "time", of: of, than: "the best peer with its context", over: others(of, peers(raw, of.group)...), bound: 0.1}}
}

func spikeGoals(raw *Raw) []promise {
	const w5, w5b, w5c, w6 = "W5Spike", "W5bLongUses", "W5cFailingOpens", "W6Expiry"
	expiry := own(w6, timeUnit)
	return []promise{
		{what: "all served after", of: own(w5, timeUnit), bound: 22.4e6},
		{what: "opens", of: own(w5, "opens"), bound: 2},
		{what: "all served after", of: own(w5b, timeUnit), bound: 652e6 * 1.05},
		{
			what: "most opens at once", of: own(w5b, "dials-at-once"), than: "MaxOpening",
			over: []reading{own(w5b, "MaxOpening")}, bound: 1,
		},
		{
			what: "served of 50", of: own(w5c, "served"), bound: 50, atLeast: true,
			beside: others(own(w5c, "served"), peers(raw, w5c)...),
		},
		{what: "time", of: expiry, than: "the best peer", over: others(expiry, peers(raw, w6)...), bound: 1},
		{what: "goroutines kept", of: own(w6, "goroutines-kept")},
		{what: "bytes kept", of: own(w6, "kept-B"), bound: kept},
	}
}

func memoryGoals() []promise {
	return []promise{
		{what: "bytes per idle resource", of: own("W7Memory/of=idle_resource", "B/idle"), bound: 200},
		{what: "bytes per waiter", of: own("W7Memory/of=waiter", "B/waiter"), bound: 200},
	}
}

func growthGoals() []promise {
	var all []promise
	for _, g := range []struct{ of, few, many string }{
		{"waiters", "10", "10000"},
		{"idle", "10", "100000"},
	} {
		few, many := own("W9Growth/"+g.of+"="+g.few, timeUnit), own("W9Growth/"+g.of+"="+g.many, timeUnit)
		all = append(all, promise{
			what: "time with " + g.many + " " + g.of, of: many, than: "with " + g.few, over: []reading{few}, bound: growth,
		})
	}
	return all
}

func mysqlGoals() []promise {
	const workload = "W10MySQL/query=select1/goroutines="
	var all []promise
	for _, n := range []string{"8", "64", "256"} {
		group := workload + n
		of := own(group, timeUnit)
		all = append(all, fasterThan(group, 1, "database/sql")...)
		all = append(all, promise{
			what: "time with checks", of: of, than: "without", over: others(of, "weir_without_checks"), bound: 1.02,
		})
	}
	last := own(workload+"256", "p99-ns")
	return append(all, promise{
		what: "p99 of a call", of: last, than: "database/sql", over: others(last, "database/sql"), bound: 0.5,
	})
}
