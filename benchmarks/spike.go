package benchmarks

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Spike is the experiment HikariCP made famous: callers arrive all at once on a pool in which few resources are idle, and
// opening one takes long.
type Spike struct {
	Idle, Max, Callers int
	Open, Work         time.Duration
	// Failing makes every open after the idle ones fail, after the same time.
	Failing bool
}

// HikariSpike is the spike with the numbers of the original.
func HikariSpike() Spike {
	return Spike{Idle: 5, Max: 50, Callers: 50, Open: 150 * time.Millisecond, Work: 2 * time.Millisecond}
}

// A SpikeResult is what came of a spike.
type SpikeResult struct {
	Took   time.Duration // until the last caller was served or refused
	Opens  int           // that were started for it
	Served int           // callers who got a resource
}

var errRefused = errors.New("benchmarks: open refused")

// Run lets the spike loose on a pool. It sleeps, so it belongs into a bubble of fake time.
func (s Spike) Run(open func(Config) (Pool, error)) (SpikeResult, error) {
	var opens atomic.Int64
	c := Config{Max: s.Max, Idle: s.Idle, Open: func(ctx context.Context) (*Resource, error) {
		n := int(opens.Add(1))
		if err := pause(ctx, s.Open); err != nil {
			return nil, err
		}
		if s.Failing && n > s.Idle {
			return nil, errRefused
		}
		return &Resource{ID: n}, nil
	}}
	p, err := open(c)
	if err != nil {
		return SpikeResult{}, err
	}
	defer p.Close()
	return s.loose(p, &opens), nil
}

func (s Spike) loose(p Pool, opens *atomic.Int64) SpikeResult {
	before := opens.Load()
	start := time.Now()
	var served atomic.Int64
	var callers sync.WaitGroup
	for range s.Callers {
		callers.Go(func() {
			if p.Use(context.Background(), func() { time.Sleep(s.Work) }) == nil {
				served.Add(1)
			}
		})
	}
	callers.Wait()
	return SpikeResult{Took: time.Since(start), Opens: int(opens.Load() - before), Served: int(served.Load())}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
