// Package benchmarks drives weir, and what one would use instead, through the same workloads in the same process.
//
// The benchmarks are in the test files. README.md says how to run them so that their ratios mean something.
package benchmarks

import (
	"context"
	"errors"
	"sync"
	"time"
)

// A Pool is what every peer is driven through. One call is one use, so that each peer keeps its own kind of lease and all
// pay the same for the detour, about 2 ns.
type Pool interface {
	// Use acquires a resource, runs work while it is held, and gives it back.
	Use(ctx context.Context, work func()) error
	// Close ends the pool. Nothing is in use any more.
	Close()
}

// A Resource is what is pooled.
type Resource struct {
	ID int
}

// A Config says what pool a workload needs.
type Config struct {
	// Max is how many resources there may be.
	Max int
	// Idle is how many there are before the workload begins.
	Idle int
	// MaxWait bounds the wait for a resource: with the pool's own limit where it has one, else with a context for
	// each use. Zero: the workload needs no limit.
	MaxWait time.Duration
	// Open makes a resource.
	Open func(context.Context) (*Resource, error)
}

// A Peer is one kind of pool.
type Peer struct {
	// Name is how the results call it.
	Name string
	// Lacks is what it does not do that weir does, as far as the workloads show it.
	Lacks string
	// Unlimited says that a wait can't be bounded: workloads with a limit leave this peer out.
	Unlimited bool
	// Open makes a pool.
	Open func(Config) (Pool, error)
}

// Peers returns weir and all it is compared with.
func Peers() []Peer {
	return []Peer{
		{Name: "weir", Open: func(c Config) (Pool, error) { return OpenWeir(c, EveryFeature()) }},
		{
			Name:  "puddle",
			Lacks: "checks, a wait limit of its own; a caller waits on the open it started",
			Open:  openPuddle,
		},
		{
			Name:  "database/sql",
			Lacks: "order of service, a wait limit of its own; a caller waits on the open it started",
			Open:  openDatabaseSQL,
		},
		{
			Name:  "channel",
			Lacks: "checks, ages, statistics, a wait limit of its own; an empty place is taken before an idle resource",
			Open:  openChannel,
		},
		{
			Name:      "mutex+slice",
			Lacks:     "checks, ages, statistics, order of service, any limit on the wait",
			Unlimited: true,
			Open:      openMutexSlice,
		},
	}
}

// Instant opens resources without delay or failure.
func Instant(context.Context) (*Resource, error) { return new(Resource), nil }

// fill makes a pool have n resources, by holding that many at once.
func fill(p Pool, n int) error {
	var callers, holding sync.WaitGroup
	errs := make([]error, n)
	holding.Add(n)
	for i := range n {
		callers.Go(func() {
			held := false
			errs[i] = p.Use(context.Background(), func() {
				held = true
				holding.Done()
				holding.Wait()
			})
			if !held {
				holding.Done()
			}
		})
	}
	callers.Wait()
	return errors.Join(errs...)
}

// Notes says what each peer lacks, by name.
func Notes() map[string]string {
	notes := map[string]string{}
	for _, p := range Peers() {
		notes[p.Name] = p.Lacks
	}
	return notes
}
