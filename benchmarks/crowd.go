package benchmarks

import (
	"context"
	"fmt"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A crowd is many goroutines that share so small a pool that most of them wait.
type crowd struct {
	pool    Pool
	size    int    // goroutines
	max     int    // resources
	limited bool   // a wait may end in a refusal
	work    func() // what each does with a resource
	// settle returns when queued holds and every goroutine of the crowd is asleep.
	settle func(queued func() bool) error
}

// patience is how long a pool may do nothing at all before it counts as stuck. Some peers deadlock for good.
const patience = 4 * time.Second

var errStuck = fmt.Errorf("benchmarks: the pool is stuck: nobody was served for %v", patience)

// share has the crowd use its resources n times in all, and calls start when that begins.
func (c crowd) share(n int, start func()) (refused int64, err error) {
	var left, refusals, ended atomic.Int64
	left.Store(int64(n))
	size := min(c.size, n)
	faults := make(chan error, size)
	members, err := c.gather(size, func(int) {
		defer ended.Add(1)
		for left.Add(-1) >= 0 {
			err := c.pool.Use(context.Background(), c.work)
			switch {
			case err == nil:
			case c.limited: // on a starved machine a limit may be reached: the results say so
				refusals.Add(1)
			default:
				faults <- err
				return
			}
		}
	})
	if err != nil {
		left.Store(0)
		return 0, err
	}
	start()
	members.letGo()
	if err := await(members.gone, func() int64 { return ended.Load() - left.Load() }); err != nil {
		return 0, err
	}
	return refusals.Load(), anyOf(faults)
}

// A gathered crowd queues, or holds.
type gathered struct {
	letGo func()          // gives the resources back for which it queues
	gone  <-chan struct{} // is closed when all goroutines have ended
}

// gather starts size goroutines and returns when all of them queue behind holders of every resource. Without that a pool is
// measured by how soon its queue forms.
func (c crowd) gather(size int, member func(i int)) (gathered, error) {
	holders, err := hold(c.pool, c.max)
	if err != nil {
		return gathered{}, err
	}
	var entered atomic.Int64
	var members sync.WaitGroup
	for i := range size {
		members.Go(func() {
			entered.Add(1)
			member(i)
		})
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		members.Wait()
		<-holders.gone
	}()
	if err := c.settle(func() bool { return entered.Load() == int64(size) }); err != nil {
		holders.letGo()
		return gathered{}, err
	}
	return gathered{holders.letGo, gone}, nil
}

// hold takes n resources and returns when all are held.
func hold(p Pool, n int) (gathered, error) {
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
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		holders.Wait()
	}()
	all := gathered{sync.OnceFunc(func() { close(gate) }), gone}
	limit := time.After(patience)
	for range n {
		var err error
		select {
		case err = <-held:
		case <-limit:
			err = errStuck
		}
		if err != nil {
			all.letGo()
			return gathered{}, err
		}
	}
	return all, nil
}

// holdAll takes n resources and returns when all are held. letGo gives them back.
func holdAll(b *testing.B, p Pool, n int) (letGo func()) {
	b.Helper()
	holders, err := hold(p, n)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		holders.letGo() // else a case that failed before it did would not end
		if err := await(holders.gone, func() int64 { return 0 }); err != nil {
			b.Error(err)
		}
	})
	return holders.letGo
}

// await returns when done is closed, or with an error when progress stands still before.
func await(done <-chan struct{}, progress func() int64) error {
	look := time.NewTicker(patience)
	defer look.Stop()
	for before := progress(); ; {
		select {
		case <-done:
			return nil
		case <-look.C:
		}
		now := progress()
		if now == before {
			return errStuck
		}
		before = now
	}
}

// anyOf returns an error that somebody left, or nil.
func anyOf(faults <-chan error) error {
	select {
	case err := <-faults:
		return err
	default:
		return nil
	}
}

// untilAsleep returns when ready holds and no goroutine but the caller's wants to run.
func untilAsleep(b *testing.B, ready func() bool) {
	b.Helper()
	if err := asleep(ready); err != nil {
		b.Fatal(err)
	}
}

// restWithin is for 10,000 goroutines on a busy machine.
const restWithin = 10 * time.Second

func asleep(ready func() bool) error {
	samples := []metrics.Sample{
		{Name: "/sched/goroutines/runnable:goroutines"},
		{Name: "/sched/goroutines/running:goroutines"},
	}
	look := time.NewTicker(100 * time.Microsecond) // yielding instead keeps the scheduler, and this loop, busy
	defer look.Stop()
	start := time.Now()
	for calm := 0; calm < 2; {
		if time.Since(start) > restWithin {
			return fmt.Errorf("benchmarks: goroutines did not come to rest in %v", restWithin)
		}
		<-look.C
		metrics.Read(samples)
		if ready() && samples[0].Value.Uint64() == 0 && samples[1].Value.Uint64() <= 1 {
			calm++
		} else {
			calm = 0
		}
	}
	return nil
}
