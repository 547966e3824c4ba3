package benchmarks

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// floorCases measure what no pool on this machine can be faster than.
func floorCases() []Case {
	var cases []Case
	for _, f := range []struct {
		of  string
		run func(b *testing.B)
	}{
		{"mutex pair", mutexPair},
		{"mutex pair in parallel", mutexPairInParallel},
		{"CAS pair", casPair},
		{"channel hand-off", handOff},
		{"time.Now", timeNow},
		{"context.WithTimeout", withTimeout},
		{"turn of 64 that yield", turns},
	} {
		cases = append(cases, Case{Workload: "Floor", Contender: "of=" + f.of, Run: f.run})
	}
	return quick(cases)
}

// A guarded is what a pool with one mutex is at the very least.
type guarded struct {
	mu sync.Mutex // guards n
	n  int
}

// pair locks once to acquire and once to release.
func (g *guarded) pair() {
	g.mu.Lock()
	g.n++
	g.mu.Unlock()
	g.mu.Lock()
	g.n--
	g.mu.Unlock()
}

func mutexPair(b *testing.B) {
	var g guarded
	for b.Loop() {
		g.pair()
	}
}

func mutexPairInParallel(b *testing.B) {
	var g guarded
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			g.pair()
		}
	})
}

func casPair(b *testing.B) {
	var word atomic.Int64
	for b.Loop() {
		word.CompareAndSwap(0, 1)
		word.CompareAndSwap(1, 0)
	}
}

// handOff passes one token between two goroutines: an operation is one way.
func handOff(b *testing.B) {
	there, back := make(chan struct{}, 1), make(chan struct{}, 1)
	go func() {
		for range there {
			back <- struct{}{}
		}
		close(back)
	}()
	for i := 0; i < b.N; i += 2 {
		there <- struct{}{}
		<-back
	}
	close(there)
	<-back
}

// turns is what a crowd is without a pool: 64 goroutines do nothing but yield. What a turn is late for, no order of service can
// make up: the longest wait of W3 is to be read beside the longest one here.
func turns(b *testing.B) {
	const size = 64
	c := crowd{pool: turnstile{}, size: size, work: nothing, settle: func(func() bool) error { return nil }}
	contend(b, c)
}

// A turnstile is a pool that lends nothing to anybody at once: the wait is for the next turn.
type turnstile struct{}

func (turnstile) Use(_ context.Context, work func()) error {
	runtime.Gosched()
	work()
	return nil
}

func (turnstile) Close() {}

func timeNow(b *testing.B) {
	for b.Loop() {
		_ = time.Now()
	}
}

func withTimeout(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, cancel := context.WithTimeout(context.Background(), time.Second)
		cancel()
	}
}
