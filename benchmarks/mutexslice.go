package benchmarks

import (
	"context"
	"sync"
)

// A mutexSlice is the least that a pool can be: what is idle in a slice, and a condition to wait on. A goroutine that runs
// takes before those who wait, and a wait can't be given up.
type mutexSlice struct {
	openOne func(context.Context) (*Resource, error)
	max     int
	mu      sync.Mutex // guards the fields below
	free    *sync.Cond // something is idle, or may be opened
	idle    []*Resource
	open    int
}

func openMutexSlice(c Config) (Pool, error) {
	p := &mutexSlice{openOne: c.Open, max: c.Max}
	p.free = sync.NewCond(&p.mu)
	for range c.Idle {
		r, err := c.Open(context.Background())
		if err != nil {
			return nil, err
		}
		p.idle = append(p.idle, r)
		p.open++
	}
	return p, nil
}

func (p *mutexSlice) Use(ctx context.Context, work func()) error {
	r, err := p.take(ctx)
	if err != nil {
		return err
	}
	work()
	p.mu.Lock()
	p.idle = append(p.idle, r)
	p.mu.Unlock()
	p.free.Signal()
	return nil
}

func (p *mutexSlice) take(ctx context.Context) (*Resource, error) {
	p.mu.Lock()
	for len(p.idle) == 0 && p.open == p.max {
		p.free.Wait()
	}
	if n := len(p.idle); n > 0 {
		r := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return r, nil
	}
	p.open++
	p.mu.Unlock()
	r, err := p.openOne(ctx)
	if err != nil {
		p.mu.Lock()
		p.open--
		p.mu.Unlock()
		p.free.Signal()
	}
	return r, err
}

func (p *mutexSlice) Close() {}
