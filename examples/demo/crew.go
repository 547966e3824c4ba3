package main

import (
	"context"
	"database/sql"
	"sync"
	"sync/atomic"
	"time"

	"github.com/weirpool/weir/mysqlpool"
)

// A task is what a caller does with a connection. round counts the caller's own tasks from 1.
type task func(ctx context.Context, conn *sql.Conn, caller, round int) error

// A crew is callers who borrow from one pool over and over, each in a goroutine of its own.
type crew struct {
	pool *mysqlpool.Pool
	do   task
	rest time.Duration // between two tasks of one caller

	stopped chan struct{}
	callers sync.WaitGroup
	served  atomic.Int64
	failed  atomic.Int64

	mu      sync.Mutex // guards the fields below
	longest time.Duration
	first   error
}

func newCrew(pool *mysqlpool.Pool, rest time.Duration, do task) *crew {
	return &crew{pool: pool, do: do, rest: rest, stopped: make(chan struct{})}
}

// start sends n callers off. They work until stop, or until ctx ends.
func (c *crew) start(ctx context.Context, n int) {
	for caller := range n {
		c.callers.Go(func() { c.work(ctx, caller) })
	}
}

func (c *crew) work(ctx context.Context, caller int) {
	for round := 1; ctx.Err() == nil; round++ {
		select {
		case <-c.stopped:
			return
		case <-time.After(c.rest):
		}
		c.once(ctx, caller, round)
	}
}

func (c *crew) once(ctx context.Context, caller, round int) {
	asked := time.Now()
	err := c.pool.Do(ctx, func(ctx context.Context, conn *sql.Conn) error {
		c.waited(time.Since(asked))
		return c.do(ctx, conn, caller, round)
	})
	if err == nil {
		c.served.Add(1)
		return
	}
	if ctx.Err() != nil {
		return // the demo is being ended
	}
	c.failed.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == nil {
		c.first = err
	}
}

func (c *crew) waited(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.longest = max(c.longest, d)
}

// stop lets every caller finish its task.
func (c *crew) stop() {
	close(c.stopped)
	c.callers.Wait()
}

// findings are the longest wait for a connection and the first error, once the crew has stopped.
func (c *crew) findings() (longest time.Duration, first error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.longest, c.first
}
