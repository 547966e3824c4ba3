package benchmarks

import (
	"context"
	"slices"
	"testing"
	"time"
)

// smallPool is the pool of the workloads with one goroutine and of those in which many wait.
func smallPool() Config { return Config{Max: 10, Idle: 10, Open: Instant} }

func nothing() {}

// aloneCases are W1 and W4: one goroutine that acquires and releases, without a limit on the wait and with one.
func aloneCases() []Case {
	limited := smallPool()
	limited.MaxWait = time.Second
	return quick(slices.Concat(
		overAllPeers("W1Alone", "", smallPool(), alone),
		overPeers("W4AloneLimited", "", limited, alone),
		[]Case{inContext("W4AloneLimited", "", limited, alone)},
	))
}

// alone is one goroutine that acquires and releases.
func alone(b *testing.B, p Pool) {
	ctx := context.Background()
	for b.Loop() {
		if err := p.Use(ctx, nothing); err != nil {
			b.Fatal(err)
		}
	}
}
