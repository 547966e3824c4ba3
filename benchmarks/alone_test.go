package benchmarks

import (
	"context"
	"testing"
	"time"
)

// smallPool is the pool of the workloads with one goroutine and of those in which many wait.
func smallPool() Config { return Config{Max: 10, Idle: 10, Open: Instant} }

// overPeers runs one workload on every peer that can do it. The name is the last part, so that what is compared stays
// together in the results.
func overPeers(b *testing.B, c Config, run func(*testing.B, Pool)) {
	for _, peer := range Peers() {
		if peer.Unlimited && c.MaxWait > 0 {
			continue // the results say so
		}
		b.Run("pool="+peer.Name, func(b *testing.B) { onPool(b, func() (Pool, error) { return peer.Open(c) }, run) })
	}
}

// onPool runs one workload on one pool.
func onPool(b *testing.B, open func() (Pool, error), run func(*testing.B, Pool)) {
	p, err := open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	b.ReportAllocs()
	b.ResetTimer()
	run(b, p)
}

func nothing() {}

// alone is one goroutine that acquires and releases.
func alone(b *testing.B, p Pool) {
	ctx := context.Background()
	for b.Loop() {
		if err := p.Use(ctx, nothing); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkW1Alone: one goroutine, nothing waits.
func BenchmarkW1Alone(b *testing.B) { overPeers(b, smallPool(), alone) }

// BenchmarkW2Parallel: a goroutine a processor, nothing waits.
func BenchmarkW2Parallel(b *testing.B) {
	overPeers(b, Config{Max: 64, Idle: 64, Open: Instant}, func(b *testing.B, p Pool) {
		b.RunParallel(func(pb *testing.PB) {
			ctx := context.Background()
			for pb.Next() {
				if err := p.Use(ctx, nothing); err != nil {
					b.Error(err)
					return
				}
			}
		})
	})
}

// BenchmarkW4AloneLimited is W1 with a limit on the wait.
func BenchmarkW4AloneLimited(b *testing.B) {
	c := smallPool()
	c.MaxWait = time.Second
	overPeers(b, c, alone)
}
