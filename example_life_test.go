package weir_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir"
)

var silent = weir.WithLogger(slog.New(slog.DiscardHandler))

// New returns when MinIdle resources are open, so that the first callers wait for no open.
func ExampleWithMinIdle() {
	ctx := context.Background()
	pool, err := weir.New(ctx, exchange(), weir.WithMinIdle(3))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close(ctx)
	fmt.Println("idle:", pool.Stats().Idle)

	// If that fails, New fails, unless it is told to wait or to go on in the background.
	broken := exchange()
	broken.Open = func(context.Context) (*line, error) { return nil, errors.New("no dial tone") }
	_, err = weir.New(ctx, broken, weir.WithMinIdle(3), silent)
	fmt.Println(err)
	// Output:
	// idle: 3
	// weir: new: pool "pool": no dial tone
}

// An open that fails does not fail a caller who can still be served.
func ExampleWithOpenBackoff() {
	ctx := context.Background()
	var opened atomic.Int32
	factory := exchange()
	open := factory.Open
	factory.Open = func(ctx context.Context) (*line, error) {
		if opened.Add(1) <= 3 {
			return nil, errors.New("no dial tone")
		}
		return open(ctx)
	}
	pool, _ := weir.New(ctx, factory, weir.WithOpenBackoff(time.Millisecond, time.Second), silent)
	defer pool.Close(ctx)

	lease, err := pool.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()
	fmt.Println("line", lease.Value().number, "after", pool.Stats().OpenFails, "failures")
	// Output: line 1 after 3 failures
}

// Every resource is replaced when it is old enough, idle or busy, and its successor is there before it goes.
func ExampleWithMaxLifetime() {
	ctx := context.Background()
	retired := make(chan weir.Event, 16)
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(1), weir.WithMaxLifetime(50*time.Millisecond), weir.WithSweepEvery(5*time.Millisecond),
		weir.WithObserver(observer(func(e weir.Event) {
			if e.Kind == weir.EventRetired {
				retired <- e
			}
		})))
	defer pool.Close(ctx)

	first := <-retired
	fmt.Println("resource", first.Resource, "retired for its", first.Reason)
	// Output: resource 1 retired for its lifetime
}

// A lease that is out for too long is named, with the line that borrowed, and taken back if the pool is told to.
func ExampleWithLeakThreshold() {
	ctx := context.Background()
	leaked, retired := make(chan weir.Event, 1), make(chan weir.Event, 1)
	pool, _ := weir.New(ctx, exchange(), silent, weir.WithSweepEvery(5*time.Millisecond),
		weir.WithLeakThreshold(20*time.Millisecond), weir.WithReclaimAfter(40*time.Millisecond),
		weir.WithObserver(observer(func(e weir.Event) {
			switch e.Kind {
			case weir.EventLeaked:
				leaked <- e
			case weir.EventRetired:
				retired <- e
			}
		})))

	lease, _ := pool.Acquire(ctx)
	e := <-leaked
	file, _, _ := strings.Cut(e.Holder.Site(), ":")
	fmt.Println(e.Err, "- borrowed in", file)
	fmt.Println("retired:", (<-retired).Reason)
	fmt.Println("still valid:", lease.Valid())
	pool.Close(ctx)
	// Output:
	// lease is out for longer than LeakThreshold - borrowed in example_life_test.go
	// retired: leaked
	// still valid: false
}

// The books always balance.
func ExamplePool_Stats() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(2))
	defer pool.Close(ctx)

	lease, _ := pool.Acquire(ctx)
	s := pool.Stats()
	fmt.Println("open", s.Open, "= idle", s.Idle, "+ in use", s.InUse, "+ checking", s.Checking, "+ closing", s.Closing)
	lease.Release()
	// Output: open 2 = idle 1 + in use 1 + checking 0 + closing 0
}

// While a pool is paused it lends nothing; callers wait, and are served in order when it goes on.
func ExamplePool_Pause() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(1), weir.WithMaxWait(10*time.Millisecond))
	defer pool.Close(ctx)

	pool.Pause()
	_, err := pool.Acquire(ctx)
	fmt.Println(errors.Is(err, weir.ErrExhausted))
	pool.Resume()
	lease, err := pool.Acquire(ctx)
	fmt.Println(err)
	lease.Release()
	// Output:
	// true
	// <nil>
}
