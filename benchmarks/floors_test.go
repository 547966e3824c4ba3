package benchmarks

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkFloor measures what no pool on this machine can be faster than.
func BenchmarkFloor(b *testing.B) {
	b.Run("of=mutex pair", func(b *testing.B) {
		var mu sync.Mutex
		shared := 0
		for b.Loop() {
			mu.Lock()
			shared++
			mu.Unlock()
			mu.Lock()
			shared++
			mu.Unlock()
		}
	})
	b.Run("of=CAS pair", func(b *testing.B) {
		var word atomic.Int64
		for b.Loop() {
			word.CompareAndSwap(0, 1)
			word.CompareAndSwap(1, 0)
		}
	})
	b.Run("of=channel hand-off", benchmarkHandOff)
	b.Run("of=time.Now", func(b *testing.B) {
		for b.Loop() {
			_ = time.Now()
		}
	})
	b.Run("of=context.WithTimeout", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, cancel := context.WithTimeout(context.Background(), time.Second)
			cancel()
		}
	})
}

// benchmarkHandOff passes one token between two goroutines: an operation is one way.
func benchmarkHandOff(b *testing.B) {
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
