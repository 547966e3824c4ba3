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

// A line stands for a connection.
type line struct{ number int }

func exchange() weir.Factory[*line] {
	var opened atomic.Int32
	return weir.Factory[*line]{
		Open:  func(context.Context) (*line, error) { return &line{int(opened.Add(1))}, nil },
		Close: func(*line) error { return nil },
	}
}

func Example() {
	ctx := context.Background()
	pool, err := weir.New(ctx, exchange(), weir.WithName("exchange"), weir.WithMaxOpen(4), weir.WithMinIdle(1))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer pool.Close(ctx)

	lease, err := pool.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer lease.Release()
	fmt.Println("line", lease.Value().number)
	// Output: line 1
}

func ExamplePool_Do() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(1))
	defer pool.Close(ctx)

	err := pool.Do(ctx, func(ctx context.Context, l *line) error {
		return fmt.Errorf("line %d hissed: %w", l.number, weir.ErrBroken)
	})
	fmt.Println(err)
	pool.Do(ctx, func(ctx context.Context, l *line) error {
		fmt.Println("line", l.number)
		return nil
	})
	// Output:
	// line 1 hissed: weir: resource is broken
	// line 2
}

// A slow open holds nobody up: the caller takes what comes first.
func ExamplePool_Acquire() {
	ctx := context.Background()
	var opened atomic.Int32
	factory := exchange()
	open := factory.Open
	factory.Open = func(ctx context.Context) (*line, error) {
		if opened.Add(1) > 1 {
			<-ctx.Done() // all but the first never get through
			return nil, ctx.Err()
		}
		return open(ctx)
	}
	pool, _ := weir.New(ctx, factory, weir.WithMinIdle(1), weir.WithLogger(slog.New(slog.DiscardHandler)))
	defer pool.Close(ctx)

	first, _ := pool.Acquire(ctx)
	time.AfterFunc(20*time.Millisecond, first.Release)
	second, err := pool.Acquire(ctx)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("line", second.Value().number)
	second.Release()
	// Output: line 1
}

func ExampleExhaustedError() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithName("exchange"), weir.WithMaxOpen(1), weir.WithMaxWait(20*time.Millisecond),
		weir.WithLeakThreshold(time.Minute)) // which records call sites
	defer pool.Close(ctx)

	lease, _ := pool.Acquire(ctx)
	defer lease.Release()
	_, err := pool.Acquire(ctx)

	var full *weir.ExhaustedError
	fmt.Println(errors.As(err, &full), errors.Is(err, weir.ErrExhausted), errors.Is(err, context.DeadlineExceeded))
	fmt.Println(full.Limit, full.InUse, "of", full.MaxOpen)
	site, _, _ := strings.Cut(full.Holders[0].Site(), ":")
	fmt.Println("held at", site)
	// Output:
	// true true true
	// MaxWait 1 of 1
	// held at example_test.go
}

// With FailFast callers do not wait for a server that is known to be away.
func ExampleWithFailFast() {
	ctx := context.Background()
	factory := exchange()
	factory.Open = func(context.Context) (*line, error) { return nil, errors.New("no dial tone") }
	pool, _ := weir.New(ctx, factory, weir.WithFailFast(), weir.WithLogger(slog.New(slog.DiscardHandler)))
	defer pool.Close(ctx)

	_, err := pool.Acquire(ctx)
	var full *weir.ExhaustedError
	errors.As(err, &full)
	fmt.Println(full.Limit, "-", full.LastOpenError)
	// Output: FailFast - no dial tone
}

// A resource that fails its check is replaced; the caller notices nothing.
func ExampleWithCheckWindow() {
	ctx := context.Background()
	factory := exchange()
	factory.Check = func(_ context.Context, l *line) error {
		if l.number == 1 {
			return errors.New("line is dead")
		}
		return nil
	}
	pool, _ := weir.New(ctx, factory, weir.WithoutCheck(weir.OnOpen), weir.WithMinIdle(1), weir.WithCheckWindow(0),
		weir.WithLogger(slog.New(slog.DiscardHandler)))
	defer pool.Close(ctx)

	lease, _ := pool.Acquire(ctx)
	defer lease.Release()
	fmt.Println("line", lease.Value().number)
	// Output: line 2
}

func ExampleLease_Release() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMaxOpen(1), weir.WithLogger(slog.New(slog.DiscardHandler)))
	defer pool.Close(ctx)

	mine, _ := pool.Acquire(ctx)
	mine.Release()
	yours, _ := pool.Acquire(ctx)
	mine.Release() // once too often: it does not touch yours
	fmt.Println(mine.Valid(), yours.Valid(), pool.Stats().Misuses)
	yours.Release()
	// Output: false true 1
}

func ExamplePool_Resize() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange(), weir.WithMaxOpen(4))
	defer pool.Close(ctx)

	fmt.Println(pool.Resize(2, 8), pool.Stats().MaxOpen)
	fmt.Println(pool.Resize(9, 8))
	// Output:
	// <nil> 8
	// weir: resize: WithMinIdle: 9: limit is MaxOpen, 8
}

func ExamplePool_Close() {
	ctx := context.Background()
	pool, _ := weir.New(ctx, exchange())
	lease, _ := pool.Acquire(ctx)

	soon, cancel := context.WithTimeout(ctx, 10*time.Millisecond)
	defer cancel()
	var forced *weir.CloseError
	if errors.As(pool.Close(soon), &forced) {
		fmt.Println("taken back:", forced.Forced)
	}
	_, err := pool.Acquire(ctx)
	fmt.Println(errors.Is(err, weir.ErrClosed), lease.Valid())
	// Output:
	// taken back: 1
	// true false
}

// An observer is told of everything that happens to resources, with the reason.
func ExampleObserver() {
	ctx := context.Background()
	retired := make(chan weir.Event, 1)
	pool, _ := weir.New(ctx, exchange(), weir.WithMinIdle(1), weir.WithObserver(observer(func(e weir.Event) {
		if e.Kind == weir.EventRetired {
			retired <- e
		}
	})))
	pool.Close(ctx)
	e := <-retired
	fmt.Println(e.Kind, e.Resource, e.Reason)
	// Output: retired 1 closed
}

type observer func(weir.Event)

func (o observer) Observe(e weir.Event) { o(e) }
