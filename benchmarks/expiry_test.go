package benchmarks

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkW6Expiry: 10,000 callers wait for 10 resources that stay out, with 5 ms each. The time is that of all of them;
// afterwards the pool must have lost nothing.
func BenchmarkW6Expiry(b *testing.B) {
	c := smallPool()
	c.MaxWait = 5 * time.Millisecond
	overPeers(b, c, func(b *testing.B, p Pool) {
		for range b.N {
			expireAll(b, p, c.Max)
		}
	})
}

func expireAll(b *testing.B, p Pool, n int) {
	const waiters = 10_000
	b.StopTimer()
	letGo := holdAll(b, p, n)
	var refused atomic.Int64
	var callers sync.WaitGroup
	b.StartTimer()
	for range waiters {
		callers.Go(func() {
			if p.Use(context.Background(), nothing) != nil {
				refused.Add(1)
			}
		})
	}
	callers.Wait()
	b.StopTimer()
	letGo()
	if got := refused.Load(); got != waiters {
		b.Fatalf("%d of %d callers were refused", got, waiters)
	}
	holdAll(b, p, n)() // all are there again, at once
	b.StartTimer()
}
