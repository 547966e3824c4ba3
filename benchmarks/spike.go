package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// A Spike is the experiment HikariCP made famous: callers arrive all at once on a pool in which few resources are idle, and
// opening one takes long.
type Spike struct {
	Idle, Max, Callers int
	Open, Work         time.Duration
	// MaxOpening is that of Config.
	MaxOpening int
	// Failing makes every open after the idle ones fail, after the same time.
	Failing bool
}

// HikariSpike is the spike with the numbers of the original.
func HikariSpike() Spike {
	return Spike{Idle: 5, Max: 50, Callers: 50, Open: 150 * time.Millisecond, Work: 2 * time.Millisecond}
}

// LongSpike is the one in which the resources there are don't come back in time.
func LongSpike() Spike {
	s := HikariSpike()
	s.Work = 500 * time.Millisecond
	return s
}

// FailingSpike is the one in which nothing more can be opened. The uses are long enough that every pool wants to.
func FailingSpike() Spike {
	s := HikariSpike()
	s.Work = 20 * time.Millisecond
	s.Failing = true
	return s
}

// A SpikeResult is what came of a spike.
type SpikeResult struct {
	Took        time.Duration // until the last caller was served or refused
	Opens       int           // that were started for it
	OpensAtOnce int           // the most of them that ran at a time
	Served      int           // callers who got a resource
	Refused     int           // callers who got an error
	Series      []Sample      // how it went
}

// spikeLimit bounds a spike: some pools can forget a caller.
const spikeLimit = 10 * time.Second

var errRefused = errors.New("benchmarks: open refused")

// Run lets the spike loose on a pool. It sleeps, so it belongs into a bubble of fake time, except for pools that open under
// their lock. When callers are left unserved after 10 s that is an error, and they and their pool stay behind.
func (s Spike) Run(open func(Config) (Pool, error)) (SpikeResult, error) {
	var watch spikeWatch
	p, err := open(Config{Max: s.Max, Idle: s.Idle, MaxOpening: s.MaxOpening, Open: s.opener(&watch)})
	if err != nil {
		return SpikeResult{}, err
	}
	watch.begin()
	r, err := s.loose(p, &watch)
	if err != nil {
		return SpikeResult{}, err
	}
	p.Close()
	return r, nil
}

func (s Spike) opener(watch *spikeWatch) func(context.Context) (*Resource, error) {
	return func(ctx context.Context) (*Resource, error) {
		n := watch.openBegins()
		err := pause(ctx, s.Open)
		if err == nil && s.Failing && n > s.Idle {
			err = errRefused
		}
		watch.openEnds(err)
		if err != nil {
			return nil, err
		}
		return &Resource{ID: n}, nil
	}
}

func (s Spike) loose(p Pool, watch *spikeWatch) (SpikeResult, error) {
	start := time.Now()
	stop := watch.record()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var callers sync.WaitGroup
		for range s.Callers {
			callers.Go(func() { s.call(p, watch) })
		}
		callers.Wait()
	}()
	limit := time.NewTimer(spikeLimit)
	defer limit.Stop()
	select {
	case <-done:
	case <-limit.C:
		stop()
		return SpikeResult{}, fmt.Errorf("benchmarks: served %d of %d callers in %v", watch.result().Served, s.Callers, spikeLimit)
	}
	took := time.Since(start)
	series := stop()
	r := watch.result()
	r.Took, r.Series = took, series
	return r, nil
}

func (s Spike) call(p Pool, watch *spikeWatch) {
	watch.called()
	began := false
	err := p.Use(context.Background(), func() {
		began = true
		watch.workBegins()
		time.Sleep(s.Work)
	})
	watch.answered(began, err)
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

// spikeCases are W5, W5b and W5c. Beside the time until all have an answer they say:
//
//	opens          started for the spike
//	dials-at-once  the most of them that ran at a time; MaxOpening is what bounds them in weir
//	served         callers who got a resource
//	refused        callers who got an error
//
// In a pool that opens under its lock everybody waits for a mutex meanwhile, and that stops the clock of a bubble: it gets
// real time, and for want of that takes part in full runs only.
func spikeCases(full bool) []Case {
	var cases []Case
	for _, w := range []struct {
		name  string
		spike Spike
	}{
		{"W5Spike", HikariSpike()},
		{"W5bLongUses", LongSpike()},
		{"W5cFailingOpens", FailingSpike()},
	} {
		for _, peer := range Peers() {
			c := Case{Workload: w.name, Contender: "pool=" + peer.Name}
			switch {
			case peer.Unbounded || peer.OpensLocked && !full:
				continue
			case peer.OpensLocked:
				c.Rounds = 1
				c.Run = func(b *testing.B) { w.spike.runReal(b, peer) }
			default:
				c.Quick = true
				c.Fake = func() (Outcome, error) { return w.spike.outcome(peer) }
			}
			cases = append(cases, c)
		}
	}
	bounded := LongSpike()
	bounded.MaxOpening = 10 // fewer than it would open
	return append(cases, Case{
		Workload: "W5bLongUses", Variant: "opening=10", Contender: "pool=weir", Quick: true,
		Fake: func() (Outcome, error) { return bounded.outcome(Peers()[0]) },
	})
}

func (s Spike) outcome(peer Peer) (Outcome, error) {
	r, err := s.Run(peer.Open)
	if err != nil {
		return Outcome{}, err
	}
	metrics := map[string]float64{
		"opens":         float64(r.Opens),
		"dials-at-once": float64(r.OpensAtOnce),
		"served":        float64(r.Served),
		"refused":       float64(r.Refused),
	}
	if peer.Name == "weir" {
		most := s.MaxOpening
		if most == 0 {
			settings, err := weir.ReadSettings(weir.WithMaxOpen(s.Max), weir.WithMinIdle(s.Idle))
			if err != nil {
				return Outcome{}, err
			}
			most = settings.MaxOpening
		}
		metrics["MaxOpening"] = float64(most)
	}
	return Outcome{Nanoseconds: r.Took.Nanoseconds(), Metrics: metrics, Series: r.Series}, nil
}

func (s Spike) runReal(b *testing.B, peer Peer) {
	for range b.N {
		o, err := s.outcome(peer)
		if err != nil {
			b.Fatal(err)
		}
		for unit, v := range o.Metrics {
			b.ReportMetric(v, unit)
		}
	}
}
