package benchmarks

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// expiring is how many callers' limits run out at about the same time.
const expiring = 10_000

// expiryCases is W6: 10,000 callers wait for 10 resources that stay out, with 5 ms each. The time is that of all of them;
// afterwards the pool must have lost nothing. Beside it stands what the pool, at rest again, holds that it did not before:
//
//	goroutines-kept  goroutines
//	kept-B           bytes of heap, after collections of garbage
//
// A peer whose waits have no limit is left out.
func expiryCases() []Case {
	c := smallPool()
	c.MaxWait = 5 * time.Millisecond
	expire := func(b *testing.B, p Pool) {
		b.StopTimer()
		warm(b, 2*expiring) // each caller's timer may start a goroutine, too
		before := settledFootprint(b, runtime.NumGoroutine())
		for range b.N {
			expireAll(b, p, c.Max)
		}
		after := settledFootprint(b, before.goroutines)
		b.ReportMetric(float64(after.goroutines-before.goroutines), "goroutines-kept")
		b.ReportMetric(float64(after.heap-before.heap), "kept-B")
	}
	return quick(append(overPeers("W6Expiry", "", c, expire), inContext("W6Expiry", "", c, expire)))
}

// expireAll runs the clock only while callers come and give up.
func expireAll(b *testing.B, p Pool, n int) {
	giveBack := takeAll(b, p, n)
	var refused atomic.Int64
	var callers sync.WaitGroup
	b.StartTimer()
	for range expiring {
		callers.Go(func() {
			if p.Use(context.Background(), nothing) != nil {
				refused.Add(1)
			}
		})
	}
	callers.Wait()
	b.StopTimer()
	giveBack()
	if got := refused.Load(); got != expiring {
		b.Fatalf("%d of %d callers were refused", got, expiring)
	}
	takeAll(b, p, n)() // nothing is lost
}

// takeAll holds n resources at the same time. Its callers have the short limit of all the others, which a busy machine may
// reach with resources idle: so it tries again. What is lost stays lost.
func takeAll(b *testing.B, p Pool, n int) (giveBack func()) {
	const tries = 20
	var err error
	for range tries {
		if giveBack, err = tryTakeAll(p, n); err == nil {
			return giveBack
		}
	}
	b.Fatalf("%d resources could not be held at once, in %d tries: %v", n, tries, err)
	return nil
}

// tryTakeAll returns when all are held, or when one can't be. giveBack returns when all are back.
func tryTakeAll(p Pool, n int) (giveBack func(), err error) {
	gate := make(chan struct{})
	held := make(chan error, n)
	var holders sync.WaitGroup
	for range n {
		holders.Go(func() {
			err := p.Use(context.Background(), func() {
				held <- nil
				<-gate
			})
			if err != nil {
				held <- err
			}
		})
	}
	giveBack = func() {
		close(gate)
		holders.Wait()
	}
	for range n {
		err = errors.Join(err, <-held)
	}
	if err != nil {
		giveBack()
	}
	return giveBack, err
}

// settledFootprint gives goroutines that have nothing more to do a second to end.
func settledFootprint(b *testing.B, goroutines int) footprint {
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for n := 0; n < 1000 && runtime.NumGoroutine() > goroutines; n++ {
		<-look.C
	}
	untilAsleep(b, func() bool { return true })
	return takeFootprint()
}
