package benchmarks

import (
	"slices"
	"testing"
	"time"

	"github.com/weirpool/weir/internal/lab"
)

// A Case is one line of the results: one contender in one variant of one workload.
type Case struct {
	// Workload is its name in the results, as "W3Contention".
	Workload string
	// Variant says which of several forms of the workload this is, as "goroutines=64/body=none". It may be empty.
	Variant string
	// Contender says whose line this is, as "pool=weir": what has the same workload and variant is compared.
	Contender string
	// Run measures. It runs in real time unless Fake is set.
	Run func(b *testing.B)
	// Fake measures in a bubble of fake time, where the outcome is exact and the same on any machine. It takes Run's place.
	Fake func() (Outcome, error)
	// Quick says that this belongs to the short run, too.
	Quick bool
	// Rounds bounds how many rounds this takes part in: what lasts long is measured less often. 0: all.
	Rounds int
	// Least is how long it is measured, where -benchtime says less: some things happen only now and then.
	Least time.Duration
}

// An Outcome is what a case in fake time came to.
type Outcome struct {
	Nanoseconds int64              // the result proper
	Metrics     map[string]float64 // what is said beside it, by unit
	Series      []Sample           // how it went, where there is a picture of it
}

// Name is the whole name, as the results have it.
func (c Case) Name() string { return c.Group() + "/" + c.Contender }

// Group is the part of the name that is the same for all that is compared.
func (c Case) Group() string {
	if c.Variant == "" {
		return c.Workload
	}
	return c.Workload + "/" + c.Variant
}

// Cases returns all that is measured, what is compared with each other side by side. Unless full is set, what takes long is
// left out or made small: enough to see that it works. What the cases share, a server, begins with the first that asks for it
// and ends with done.
func Cases(full bool) (cases []Case, done func() error) {
	server := newMySQLServer(lab.MariaDB)
	return slices.Concat(
		aloneCases(),
		parallelCases(),
		contentionCases(),
		spikeCases(full),
		expiryCases(),
		memoryCases(full),
		procsCases(),
		growthCases(full),
		mysqlCases(server),
		featureCases(),
		floorCases(),
	), server.close
}

// overPeers makes a case of one workload for each peer that can do it: one that has no limit for its resources can't do
// any workload in which somebody waits, and one that has none for the wait can't keep c.MaxWait.
func overPeers(workload, variant string, c Config, run func(b *testing.B, p Pool)) []Case {
	return casesOf(slices.DeleteFunc(Peers(), func(p Peer) bool { return !p.can(c) }), workload, variant, c, run)
}

// overAllPeers is overPeers for workloads in which nobody ever waits: all can do these.
func overAllPeers(workload, variant string, c Config, run func(b *testing.B, p Pool)) []Case {
	return casesOf(Peers(), workload, variant, c, run)
}

// can says whether p can do a workload in which callers wait.
func (p Peer) can(c Config) bool { return !p.Unbounded && !(p.Unlimited && c.MaxWait > 0) }

func casesOf(peers []Peer, workload, variant string, c Config, run func(b *testing.B, p Pool)) []Case {
	var cases []Case
	for _, peer := range peers {
		cases = append(cases, Case{
			Workload: workload, Variant: variant, Contender: "pool=" + peer.Name,
			Run: func(b *testing.B) { onPool(b, func() (Pool, error) { return peer.Open(c) }, run) },
		})
	}
	return cases
}

// quick marks cases as part of the short run.
func quick(cases []Case) []Case {
	for i := range cases {
		cases[i].Quick = true
	}
	return cases
}

// onPool runs one workload on one pool.
func onPool(b *testing.B, open func() (Pool, error), run func(b *testing.B, p Pool)) {
	p, err := open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	b.ReportAllocs()
	b.ResetTimer()
	run(b, p)
}
