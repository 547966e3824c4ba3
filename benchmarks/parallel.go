package benchmarks

import (
	"context"
	"testing"
)

// parallelCases are W2: a goroutine a processor, and so many resources that nobody waits.
func parallelCases() []Case {
	return quick(overAllPeers("W2Parallel", "", Config{Max: 64, Idle: 64, Open: Instant}, inParallel))
}

func inParallel(b *testing.B, p Pool) {
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for pb.Next() {
			if err := p.Use(ctx, nothing); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
