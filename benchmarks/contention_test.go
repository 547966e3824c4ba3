package benchmarks

import (
	"context"
	"runtime"
	"runtime/metrics"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A body is what the goroutines of a crowd do with a resource.
type body struct {
	name string
	work func()
}

func bodies() []body {
	return []body{
		{"none", nothing},
		{"gosched", runtime.Gosched},
		{"sleep100us", func() { time.Sleep(100 * time.Microsecond) }},
	}
}

// crowdSize is how many goroutines share the small pool.
const crowdSize = 64

// BenchmarkW3Contention: 64 goroutines on 10 resources. The time is that of one use of any of them.
func BenchmarkW3Contention(b *testing.B) { crowdOverPeers(b, smallPool()) }

// BenchmarkW4ContentionLimited is W3 with a limit on the wait.
func BenchmarkW4ContentionLimited(b *testing.B) {
	c := smallPool()
	c.MaxWait = time.Second
	crowdOverPeers(b, c)
}

func crowdOverPeers(b *testing.B, c Config) {
	for _, body := range bodies() {
		b.Run("body="+body.name, func(b *testing.B) {
			overPeers(b, c, func(b *testing.B, p Pool) { crowd(b, p, c, body.work) })
		})
	}
}

// crowd is the workload: every goroutine queues behind holders of all the resources before the measured part begins, else
// a pool is measured by how soon its queue forms.
func crowd(b *testing.B, p Pool, c Config, work func()) {
	letGo := holdAll(b, p, c.Max)
	defer letGo()
	size := min(crowdSize, b.N)
	served := make([]int, size*fieldsPerLine)
	var entered, left, refused atomic.Int64
	left.Store(int64(b.N))
	var members sync.WaitGroup
	for i := range size {
		members.Go(func() {
			mine := &served[i*fieldsPerLine]
			for entered.Add(1); left.Add(-1) >= 0; {
				err := p.Use(context.Background(), work)
				switch {
				case err == nil:
					*mine++
				case c.MaxWait > 0: // on a starved machine a limit may be reached: the results say so
					refused.Add(1)
				default:
					b.Error(err)
					return
				}
			}
		})
	}
	untilAsleep(b, func() bool { return entered.Load() == int64(size) })
	b.ResetTimer()
	letGo()
	members.Wait()
	b.StopTimer()
	if n := refused.Load(); n > 0 {
		b.ReportMetric(float64(n), "refused")
	}
	reportFairness(b, served)
}

// fieldsPerLine keeps counters of different goroutines on different cache lines.
const fieldsPerLine = 16

// reportFairness says how many times as often the luckiest goroutine was served as the unluckiest one.
func reportFairness(b *testing.B, served []int) {
	var each []int
	for i := 0; i < len(served); i += fieldsPerLine {
		each = append(each, served[i])
	}
	if b.N < 100*crowdSize {
		return // too few for a ratio
	}
	b.ReportMetric(float64(slices.Max(each))/float64(max(slices.Min(each), 1)), "max/min")
}

// holdAll takes n resources and returns when all are held. letGo gives them back.
func holdAll(b *testing.B, p Pool, n int) (letGo func()) {
	b.Helper()
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
	for range n {
		if err := <-held; err != nil {
			b.Fatal(err)
		}
	}
	b.Cleanup(holders.Wait)
	return sync.OnceFunc(func() { close(gate) })
}

// untilAsleep returns when ready holds and no goroutine but the caller's wants to run.
func untilAsleep(b *testing.B, ready func() bool) {
	b.Helper()
	samples := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
	}
	look := time.NewTicker(100 * time.Microsecond) // yielding instead keeps the scheduler, and this loop, busy
	defer look.Stop()
	limit := time.Now().Add(10 * time.Second)
	for calm := 0; calm < 2; {
		if time.Now().After(limit) {
			b.Fatal("goroutines did not come to rest in 10s")
		}
		<-look.C
		metrics.Read(samples)
		if ready() && samples[0].Value.Uint64() == 0 && samples[1].Value.Uint64() <= 1 {
			calm++
		} else {
			calm = 0
		}
	}
}
