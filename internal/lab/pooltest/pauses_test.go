package pooltest_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// pauses measures, until the test ends, what a busy machine takes for itself: by how much chains of wake-ups come late that use no pool,
// each as the end of a wait is one, a timer and then a goroutine that it wakes. It returns the longest so far.
func pauses(t testing.TB) (longest func() time.Duration) {
	const chains, step = 8, 20 * time.Millisecond
	var worst atomic.Int64
	var all sync.WaitGroup
	stop := make(chan struct{})
	t.Cleanup(all.Wait)
	t.Cleanup(func() { close(stop) })
	for range chains {
		all.Go(func() {
			for {
				woken := make(chan struct{})
				due := time.Now().Add(step)
				timer := time.AfterFunc(step, func() { close(woken) })
				select {
				case <-woken:
				case <-stop:
					timer.Stop()
					return
				}
				for late := int64(time.Since(due)); ; {
					was := worst.Load()
					if late <= was || worst.CompareAndSwap(was, late) {
						break
					}
				}
			}
		})
	}
	return func() time.Duration { return time.Duration(worst.Load()) }
}
