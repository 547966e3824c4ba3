// Package benchmarks drives weir, and what one would use instead, through the same workloads in the same process.
//
// The benchmarks are in the test files. README.md says how to run them so that their ratios mean something.
package benchmarks

import (
	"context"
	"errors"
	"slices"
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
	// MaxOpening bounds how many opens run at a time, in the pool that has such a bound. Zero: its default.
	MaxOpening int
	// Open makes a resource.
	Open func(context.Context) (*Resource, error)
}

// A Peer is one kind of pool.
type Peer struct {
	// Name is how the results call it.
	Name string
	// Lacks is what it does not do that weir does, as far as the workloads show it.
	Lacks string
	// FIFO says that callers are served in order of arrival, exactly.
	FIFO bool
	// Unlimited says that a wait can't be bounded: workloads with a limit leave this peer out.
	Unlimited bool
	// Unbounded says that it has no upper limit: it is only for workloads in which nothing waits.
	Unbounded bool
	// OpensLocked says that it opens under its lock. In a bubble of fake time the clock stands still while a goroutine
	// waits for a mutex, so workloads with opens that take time leave this peer out of fake time.
	OpensLocked bool
	// Open makes a pool.
	Open func(Config) (Pool, error)
}

// Peers returns weir and all it is compared with.
func Peers() []Peer {
	weir := Peer{Name: "weir", FIFO: true, Open: func(c Config) (Pool, error) { return OpenWeir(c, EveryFeature()) }}
	return slices.Concat([]Peer{weir}, libraries(), handmade())
}

// libraries are the pools one may import.
func libraries() []Peer {
	return []Peer{
		{
			Name:  "puddle",
			Lacks: "checks, a wait limit of its own; a caller waits on the open it started",
			FIFO:  true,
			Open:  openPuddle,
		},
		{
			Name:  "database/sql",
			Lacks: "order of service, a wait limit of its own; a caller waits on the open it started",
			Open:  openDatabaseSQL,
		},
		{
			Name: "smartconnpool",
			Lacks: "checks, a wait limit of its own, exact order of service: who queues while a connection comes back may " +
				"be passed, or sleep 100 ms beside it; a caller waits on the open it started",
			Open: openSmartconnpool,
		},
		{
			Name: "go-commons-pool",
			Lacks: "order of service: who comes takes before those who wait; a wait limit of its own; a caller waits on the " +
				"open it started",
			Open: openCommons,
		},
		{
			Name:  "redigo",
			Lacks: "checks while idle, a wait limit of its own; a caller waits on the open it started",
			FIFO:  true,
			Open:  openRedigo,
		},
		{
			Name: "silenceper/pool",
			Lacks: "any limit on the wait, exact order of service; opens one at a time, under its lock; who queues while a " +
				"connection comes back may never hear of it",
			Unlimited:   true,
			OpensLocked: true,
			Open:        openSilenceper,
		},
		{
			Name:      "fatih/pool",
			Lacks:     "an upper limit, and so all waiting; checks, ages, statistics",
			Unlimited: true,
			Unbounded: true,
			Open:      openFatih,
		},
	}
}

// handmade are the pools one writes in a few lines, and the floor.
func handmade() []Peer {
	return []Peer{
		{
			Name:  "channel",
			Lacks: "checks, ages, statistics, a wait limit of its own; an empty place is taken before an idle resource",
			FIFO:  true,
			Open:  openChannel,
		},
		{
			Name:      "mutex+slice",
			Lacks:     "checks, ages, statistics, order of service, any limit on the wait",
			Unlimited: true,
			Open:      openMutexSlice,
		},
		{
			Name:      "sync.Pool",
			Lacks:     "everything a connection needs: what is idle may vanish at any time, unclosed; a floor",
			Unlimited: true,
			Unbounded: true,
			Open:      openSyncPool,
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

// ended is the error of a failed acquire: the context's, where the pool's own hides that the context ended.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// Notes says what each peer lacks, by name.
func Notes() map[string]string {
	notes := map[string]string{}
	for _, p := range Peers() {
		notes[p.Name] = p.Lacks
	}
	return notes
}

// InOrder names the peers that serve callers in order of arrival, exactly.
func InOrder() []string {
	var names []string
	for _, p := range Peers() {
		if p.FIFO {
			names = append(names, p.Name)
		}
	}
	return names
}
