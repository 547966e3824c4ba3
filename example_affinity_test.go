package weir_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/weirpool/weir"
)

// Whoever brings a resource into some state labels it; whoever needs that state again gets it, if it is idle, and saves the way there.
func ExamplePool_AcquirePreferring() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(2))
	defer pool.Close(ctx)
	const paris, tokyo = 1, 2

	a, _ := pool.Acquire(ctx)
	b, _ := pool.Acquire(ctx)
	a.Label(paris)
	b.Label(tokyo)
	toParis, toTokyo := a.ID(), b.ID()
	a.Release()
	b.Release() // used last: Acquire would lend it next

	lease, err := pool.AcquirePreferring(ctx, paris, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()
	fmt.Println("to Paris:", lease.ID() == toParis, "to Tokyo:", lease.ID() == toTokyo)
	// Output: to Paris: true to Tokyo: false
}

// What a resource still knows of its last use can be asked until somebody else has used it.
func ExampleLease_Again() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange())
	defer pool.Close(ctx)

	first, _ := pool.Acquire(ctx)
	first.Release()
	again, ok := first.Again()
	fmt.Println("nobody used it since:", ok, again.ID() == first.ID())
	again.Release()

	_, ok = first.Again()
	fmt.Println("somebody did:", ok)
	// Output:
	// nobody used it since: true true
	// somebody did: false
}

// Who finds the pool empty is told what for.
func ExampleLease_Note() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMaxOpen(1), weir.WithMaxWait(time.Millisecond))
	defer pool.Close(ctx)

	lease, _ := pool.Acquire(ctx)
	defer lease.Release()
	lease.Note("conference call")

	_, err := pool.Acquire(ctx)
	if full, ok := errors.AsType[*weir.ExhaustedError](err); ok {
		fmt.Println(full.Holders[0].Note)
	}
	// Output: conference call
}
