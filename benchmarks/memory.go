package benchmarks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// memoryCases is W7: what a pool takes beside what it pools. The sizes are those of full, or small ones that take no time.
//
// "of=idle resource": bytes of heap for each idle resource, without the resource itself.
//
//	B/idle, B/idle-of-1000  in a pool of 10,000 and one of 1,000
//
// weir opens what it is to begin with all at once, and what so many opens leave behind stays; "weir opened in steps" is a pool
// that came to its size by a hundred at a time.
//
// "of=waiter", "of=cancellable waiter": bytes for each caller who waits, beside those of a goroutine that waits on a plain
// channel; the first with a context that can't end, the second with one for each caller that can.
//
//	B/waiter, B/waiter-of-1000                heap, with 10,000 and with 1,000 of them
//	stack-B/waiter, stack-B/waiter-of-1000    stacks
//
// "of=100 million acquires": what a long life leaves behind. The time is that of one acquire and release, at a goroutine a
// processor.
//
//	rss-before-B, rss-after-B  the process's resident memory, or all the runtime's where the system does not tell
//	kept-B                     bytes of heap after collections of garbage, beyond those before
//
// The times of the others mean nothing and are reported as 0.
func memoryCases(full bool) []Case {
	sizes, acquires := []int{100}, 100_000
	if full {
		sizes, acquires = []int{1_000, 10_000}, 100_000_000
	}
	var cases []Case
	add := func(variant, peer string, run func(*testing.B)) {
		cases = append(cases, Case{Workload: "W7Memory", Variant: "of=" + variant, Contender: "pool=" + peer, Rounds: 1, Run: run})
	}
	for _, peer := range boundedPeers() {
		add("idle resource", peer.Name, func(b *testing.B) {
			idleMemory(b, sizes, func(n int) (Pool, error) { return peer.Open(Config{Max: n, Idle: n, Open: Instant}) })
		})
	}
	add("idle resource", "weir opened in steps", func(b *testing.B) {
		idleMemory(b, sizes, func(n int) (Pool, error) { return openStocked(n, 100) })
	})
	for _, peer := range boundedPeers() {
		add("waiter", peer.Name, func(b *testing.B) { waiterMemory(b, peer, sizes, false) })
	}
	for _, peer := range boundedPeers() {
		if !peer.Unlimited { // a context would not reach it
			add("cancellable waiter", peer.Name, func(b *testing.B) { waiterMemory(b, peer, sizes, true) })
		}
	}
	for _, peer := range boundedPeers() {
		if slices.Contains([]string{"weir", "puddle", "database/sql"}, peer.Name) {
			add("100 million acquires", peer.Name, func(b *testing.B) { churnMemory(b, peer, acquires) })
		}
	}
	return cases
}

// boundedPeers leaves out those that have no idle resources to count, or no waiters.
func boundedPeers() []Peer {
	return slices.DeleteFunc(Peers(), func(p Peer) bool { return p.Unbounded })
}

// A footprint is what the process holds when nothing is garbage.
type footprint struct {
	heap, stack float64 // bytes
	goroutines  int
}

func takeFootprint() footprint {
	runtime.GC() // moves what is in a sync.Pool to its second chance
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{float64(m.HeapAlloc), float64(m.StackInuse), runtime.NumGoroutine()}
}

// since takes off what was held before.
func (f footprint) since(before footprint) footprint {
	return footprint{f.heap - before.heap, f.stack - before.stack, f.goroutines - before.goroutines}
}

// each spreads a footprint over n.
func (f footprint) each(n int) footprint {
	return footprint{f.heap / float64(n), f.stack / float64(n), f.goroutines / n}
}

// park lets n goroutines wait on a channel and returns what that takes.
func park(b *testing.B, n int) (f footprint) {
	before := takeFootprint()
	parked(b, n, func() { f = takeFootprint().since(before) })
	return f
}

// warm makes the runtime's own records of n goroutines, which it keeps for ever: without that the first user of so many would
// be charged for them.
func warm(b *testing.B, n int) { parked(b, n, nothing) }

func parked(b *testing.B, n int, look func()) {
	gate := make(chan struct{})
	join := enterAll(b, n, func(int) { <-gate })
	look()
	close(gate)
	join()
}

// enterAll starts n goroutines and returns when all of them sleep. join waits for their end.
func enterAll(b *testing.B, n int, wait func(i int)) (join func()) {
	var entered atomic.Int64
	var waiting sync.WaitGroup
	for i := range n {
		waiting.Go(func() {
			entered.Add(1)
			wait(i)
		})
	}
	untilAsleep(b, func() bool { return entered.Load() == int64(n) })
	return waiting.Wait
}

// unitOf names a metric by the size it was measured at: the largest has the plain name.
func unitOf(name string, n int, sizes []int) string {
	if n == slices.Max(sizes) {
		return name
	}
	return fmt.Sprintf("%s-of-%d", name, n)
}

func idleMemory(b *testing.B, sizes []int, open func(n int) (Pool, error)) {
	took := map[int]float64{}
	for b.Loop() {
		for _, n := range sizes {
			took[n] = heapOfIdle(b, n, open)
		}
	}
	for n, heap := range took {
		b.ReportMetric(heap, unitOf("B/idle", n, sizes))
	}
	b.ReportMetric(0, "ns/op")
}

func heapOfIdle(b *testing.B, n int, open func(n int) (Pool, error)) float64 {
	warm(b, 2*n) // some pools open each resource in a goroutine, for a caller that is another
	bare := heapOfResources(n)
	before := takeFootprint()
	p, err := open(n)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	untilAsleep(b, func() bool { return true })
	f := takeFootprint()
	return f.since(before).each(n).heap - bare
}

// heapOfResources is what the resources take themselves, each.
func heapOfResources(n int) float64 {
	all := make([]*Resource, n)
	before := takeFootprint()
	for i := range all {
		all[i], _ = Instant(context.Background())
	}
	f := takeFootprint()
	runtime.KeepAlive(all)
	return f.since(before).each(n).heap
}

func waiterMemory(b *testing.B, peer Peer, sizes []int, cancellable bool) {
	took := map[int]footprint{}
	for b.Loop() {
		for _, n := range sizes {
			took[n] = footprintOfWaiters(b, peer, n, cancellable)
		}
	}
	for n, f := range took {
		b.ReportMetric(f.heap, unitOf("B/waiter", n, sizes))
		b.ReportMetric(f.stack, unitOf("stack-B/waiter", n, sizes))
	}
	b.ReportMetric(0, "ns/op")
}

func footprintOfWaiters(b *testing.B, peer Peer, n int, cancellable bool) footprint {
	c := smallPool()
	p, err := peer.Open(c)
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	warm(b, n)
	plain := park(b, n)
	contexts := make([]context.Context, n)
	for i := range contexts {
		contexts[i] = context.Background()
		if cancellable {
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			ctx.Done() // makes its channel now: it is the caller's, whoever asks for it first
			contexts[i] = ctx
		}
	}
	letGo := holdAll(b, p, c.Max)
	before := takeFootprint()
	errs := make([]error, n)
	join := enterAll(b, n, func(i int) { errs[i] = p.Use(contexts[i], nothing) })
	f := takeFootprint().since(before)
	letGo()
	join()
	if err := errors.Join(errs...); err != nil {
		b.Fatal(err)
	}
	return footprint{heap: f.heap - plain.heap, stack: f.stack - plain.stack}.each(n)
}

// churnMemory does its work once, however often it is called for: it is long enough to be measured so.
func churnMemory(b *testing.B, peer Peer, acquires int) {
	p, err := peer.Open(Config{Max: 64, Idle: 64, Open: Instant})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	if err := churn(p, 100_000); err != nil {
		b.Fatal(err)
	}
	before := takeFootprint()
	debug.FreeOSMemory()
	rss := residentBytes()
	start := time.Now()
	for b.Loop() {
		if err := churn(p, acquires); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(time.Since(start))/float64(b.N*acquires), "ns/op")
	b.ReportMetric(rss, "rss-before-B")
	b.ReportMetric(residentBytes(), "rss-after-B")
	b.ReportMetric(takeFootprint().since(before).heap, "kept-B")
}

// churn acquires and releases n times, at a goroutine a processor.
func churn(p Pool, n int) error {
	errs := make([]error, runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for i := range errs {
		share := n / len(errs)
		if i < n%len(errs) {
			share++
		}
		workers.Go(func() {
			ctx := context.Background()
			for range share {
				if errs[i] = p.Use(ctx, nothing); errs[i] != nil {
					return
				}
			}
		})
	}
	workers.Wait()
	return errors.Join(errs...)
}

// residentBytes is the process's resident memory. Where the system does not tell it is what the runtime has in use.
func residentBytes() float64 {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		if kib, ok := residentKiB(string(status)); ok {
			return kib * 1024
		}
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapInuse + m.StackInuse)
}

func residentKiB(status string) (kib float64, ok bool) {
	for line := range strings.Lines(status) {
		if n, err := fmt.Sscanf(line, "VmRSS: %f kB", &kib); n == 1 && err == nil {
			return kib, true
		}
	}
	return 0, false
}
