package benchmarks

import (
	"context"
	"fmt"
	"log/slog"
	"math/bits"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/weirpool/weir"
)

// growthCases is W9: what becomes dearer as more wait, or more is idle. The sizes are those of full, or small ones.
//
// "waiters=N": one use of any of N+10 goroutines on 10 resources, so that N wait at any time, each yielding once while it
// holds. "leaving=N": one caller of N who wait gives up, in the middle of the queue: from the end of its context until it
// knows. Both for pools that a server would use.
//
// "idle=N": acquire and release by one goroutine while N resources are idle and the pool looks after them as it does by
// default. All pools that have a limit.
//
// "longest hold": the same, weir only, one by one, while sweeps follow each other without a pause, on pools of few and of
// many idle resources, on a pool whose resources come to the end of their lives all the time and are replaced, and on one whose
// idle resources have been so for too long and are closed. The pool of few shows what the machine does to anybody.
//
//	p99.99-ns, longest-ns  of one acquire and release
//	retired                resources, meanwhile
func growthCases(full bool) []Case {
	crowds, stocks := []int{10, 100}, []int{10, 1_000}
	if full {
		crowds, stocks = []int{10, 100, 1_000, 10_000}, []int{10, 1_000, 100_000}
	}
	var cases []Case
	for _, n := range crowds {
		cases = append(cases, onlyServers(overPeers("W9Growth", fmt.Sprintf("waiters=%d", n), smallPool(),
			func(b *testing.B, p Pool) { useInCrowd(b, p, n) }))...)
	}
	for _, n := range crowds {
		cases = append(cases, onlyServers(overPeers("W9Growth", fmt.Sprintf("leaving=%d", n), smallPool(),
			func(b *testing.B, p Pool) { leaveQueue(b, p, n) }))...)
	}
	for _, n := range stocks {
		cases = append(cases, idleCases(n)...)
	}
	return append(cases, sweptCases(slices.Max(stocks))...)
}

// onlyServers keeps the pools that servers use, and the channel to show what a crowd of that size costs anybody: the others would
// only make a long table longer.
func onlyServers(cases []Case) []Case {
	return slices.DeleteFunc(cases, func(c Case) bool {
		return !slices.Contains([]string{"pool=weir", "pool=puddle", "pool=database/sql", "pool=smartconnpool", "pool=channel"}, c.Contender)
	})
}

// useInCrowd measures while more goroutines than n wait, from the first use to the last: those that are left over when enough
// uses are done leave afterwards.
func useInCrowd(b *testing.B, p Pool, n int) {
	b.StopTimer()
	letGo := holdAll(b, p, smallPool().Max)
	defer letGo()
	var uses atomic.Int64
	enough := make(chan struct{})
	join := enterAll(b, n+smallPool().Max, func(int) {
		for uses.Load() < int64(b.N) {
			if err := p.Use(context.Background(), runtime.Gosched); err != nil {
				b.Error(err)
			}
			if uses.Add(1) == int64(b.N) {
				close(enough)
			}
		}
	})
	b.StartTimer()
	letGo()
	<-enough
	b.StopTimer()
	join()
}

// leaveQueue cancels, one at a time, callers in the middle of a queue of n. Half of them, in front, stay; the others leave
// in the order in which they came and queue again at the end, so that who leaves next is always in the middle.
func leaveQueue(b *testing.B, p Pool, n int) {
	letGo := holdAll(b, p, smallPool().Max)
	defer letGo()
	ahead, end := context.WithCancel(context.Background())
	joinAhead := enterAll(b, n/2, func(int) { mustGiveUp(b, p, ahead) })
	leavers := make([]*leaver, n-n/2)
	for i := range leavers {
		leavers[i] = newLeaver()
	}
	var over atomic.Bool
	join := enterAll(b, len(leavers), func(i int) { leavers[i].queue(b, p, &over) })
	for _, l := range leavers { // from now on their order is known
		l.leave()
	}
	var took time.Duration
	for i := 0; b.Loop(); i++ {
		took += leavers[i%len(leavers)].leave()
	}
	over.Store(true)
	for _, l := range leavers {
		l.leave()
	}
	end()
	join()
	joinAhead()
	b.ReportMetric(float64(took)/float64(b.N), "ns/op")
}

// A leaver is a caller who queues again whenever its wait was cut short.
type leaver struct {
	cancel chan context.CancelFunc // ends its present wait
	gone   chan time.Time          // when it knew
}

func newLeaver() *leaver { return &leaver{make(chan context.CancelFunc, 1), make(chan time.Time, 1)} }

func (l *leaver) queue(tb testing.TB, p Pool, over *atomic.Bool) {
	defer close(l.cancel) // it may see that all is over before it is told to leave for the last time
	for !over.Load() {
		ctx, cancel := context.WithCancel(context.Background())
		l.cancel <- cancel
		mustGiveUp(tb, p, ctx)
		l.gone <- time.Now()
	}
}

// leave returns how long the leaver took to learn that its context had ended, or 0 if it has left for good.
func (l *leaver) leave() time.Duration {
	cancel, queues := <-l.cancel
	if !queues {
		return 0
	}
	start := time.Now()
	cancel()
	return (<-l.gone).Sub(start)
}

func mustGiveUp(tb testing.TB, p Pool, ctx context.Context) {
	if p.Use(ctx, nothing) == nil {
		tb.Error("a caller was served while all resources were out")
	}
}

// idleCases fills a pool with n resources once for each peer: b.Loop calls for no second one.
func idleCases(n int) []Case {
	var cases []Case
	for _, peer := range boundedPeers() {
		open := func() (Pool, error) { return peer.Open(Config{Max: n, Idle: n, Open: Instant}) }
		if peer.Name == "weir" {
			open = func() (Pool, error) { return openStocked(n, stockStep) }
		}
		c := Case{Workload: "W9Growth", Variant: fmt.Sprintf("idle=%d", n), Contender: "pool=" + peer.Name}
		c.Run = func(b *testing.B) { onPool(b, open, alone) }
		if n >= 100_000 {
			c.Rounds = 1
		}
		cases = append(cases, c)
	}
	return cases
}

// stockStep is small enough for a server and large enough to get to 100,000 soon.
const stockStep = 1_000

// openStocked is as the peer weir, and comes to its n idle resources by step at a time.
func openStocked(n, step int) (Pool, error) {
	p, err := OpenWeir(Config{Max: n, Open: Instant}, EveryFeature())
	if err != nil {
		return nil, err
	}
	if err := stock(p.(weirPool).pool, n, step); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// stock makes a pool open n resources, step at a time: what it costs to have 100,000 opens under way at once is another
// question.
func stock(pool *weir.Pool[*Resource], n, step int) error {
	const patience = 10 * time.Second
	look := time.NewTicker(100 * time.Microsecond)
	defer look.Stop()
	for have := 0; have < n; {
		have = min(have+step, n)
		if err := pool.Resize(have, n); err != nil {
			return err
		}
		limit := time.Now().Add(patience)
		for pool.Stats().Open < have {
			if time.Now().After(limit) {
				return fmt.Errorf("benchmarks: %d of %d resources were open after %v", pool.Stats().Open, have, patience)
			}
			<-look.C
		}
	}
	return nil
}

// sweptCases look for the longest time for which a sweep of many resources keeps somebody out.
func sweptCases(many int) []Case {
	const few = 10
	swept := func(of string, n, minIdle int, more ...weir.Option) Case {
		return Case{Workload: "W9Growth", Variant: "longest hold", Contender: "of=" + of, Rounds: 2, Run: func(b *testing.B) {
			pool, err := openSwept(n, more...)
			if err != nil {
				b.Fatal(err)
			}
			defer pool.Close(context.Background())
			if err := pool.Resize(minIdle, n); err != nil {
				b.Fatal(err)
			}
			watchHolds(b, pool)
		}}
	}
	return []Case{
		swept(fmt.Sprintf("%d idle", few), few, few),
		swept(fmt.Sprintf("%d idle", many), many, many),
		// the jitter spreads the ends of their lives over all of this minute
		swept(fmt.Sprintf("%d idle and ageing", many), many, many,
			weir.WithMaxLifetime(time.Minute), weir.WithMaxLifetimeJitter(time.Minute-1)),
		swept(fmt.Sprintf("%d idle for too long", many), many, 0, weir.WithIdleTimeout(time.Millisecond)),
	}
}

// openSwept makes a pool of which n resources are idle and that is swept all the time.
func openSwept(n int, more ...weir.Option) (*weir.Pool[*Resource], error) {
	factory := weir.Factory[*Resource]{
		Open:  Instant,
		Close: func(*Resource) error { return nil },
		Check: func(context.Context, *Resource) error { return nil },
	}
	opts := append([]weir.Option{
		weir.WithMaxOpen(n),
		weir.WithSweepEvery(time.Millisecond), // of many resources one takes longer than that
		weir.WithoutCheck(weir.OnAcquire),     // whose wait is not what is looked for
		weir.WithLogger(slog.New(slog.DiscardHandler)),
	}, more...)
	pool, err := weir.New(context.Background(), factory, opts...)
	if err != nil {
		return nil, err
	}
	if err := stock(pool, n, stockStep); err != nil {
		pool.Close(context.Background())
		return nil, err
	}
	return pool, nil
}

// watchHolds acquires and releases, and nothing else, with a clock to each.
func watchHolds(b *testing.B, pool *weir.Pool[*Resource]) {
	runtime.GC()
	p := weirPool{pool}
	before := retiredBy(pool)
	var all tail
	for b.Loop() {
		start := time.Now()
		if err := p.Use(context.Background(), nothing); err != nil {
			b.Fatal(err)
		}
		all.add(time.Since(start))
	}
	b.ReportMetric(float64(all.quantile(0.9999)), "p99.99-ns")
	b.ReportMetric(float64(all.longest), "longest-ns")
	b.ReportMetric(float64(retiredBy(pool)-before), "retired")
}

func retiredBy(pool *weir.Pool[*Resource]) (n uint64) {
	for _, of := range pool.Stats().Retired {
		n += of
	}
	return n
}

// A tail counts durations, to a sixteenth of each, in a space that does not grow: what is looked for is pauses, and a
// growing slice would make some.
type tail struct {
	counts  [64 * tailParts]int
	n       int
	longest time.Duration
}

const tailParts = 16 // of each power of two

func (t *tail) add(d time.Duration) {
	t.n++
	t.longest = max(t.longest, d)
	t.counts[tailPlace(d)]++
}

func tailPlace(d time.Duration) int {
	n := uint64(max(d, 0))
	if n < tailParts {
		return int(n)
	}
	shift := bits.Len64(n) - bits.Len64(tailParts)
	return (shift+1)*tailParts + int(n>>shift) - tailParts
}

// quantile returns the upper end of the place in which the share q of all durations is reached.
func (t *tail) quantile(q float64) time.Duration {
	left := int(q * float64(t.n))
	for i, n := range t.counts {
		if left -= n; left < 0 {
			return min(tailEnd(i), t.longest)
		}
	}
	return t.longest
}

func tailEnd(i int) time.Duration {
	if i < tailParts {
		return time.Duration(i)
	}
	shift := i/tailParts - 1
	return time.Duration(uint64(i%tailParts+tailParts+1)<<shift - 1)
}
