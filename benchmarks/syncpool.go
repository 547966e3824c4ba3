package benchmarks

import (
	"context"
	"sync"
)

// A floorPool is what the standard library has for memory. It is no pool for connections: what is idle may vanish at any
// collection of garbage, without being closed. It shows how little an acquire can cost.
type floorPool struct {
	pool sync.Pool
	open func(context.Context) (*Resource, error)
}

func openSyncPool(c Config) (Pool, error) {
	p := &floorPool{open: c.Open}
	for range c.Idle {
		r, err := c.Open(context.Background())
		if err != nil {
			return nil, err
		}
		p.pool.Put(r)
	}
	return p, nil
}

func (p *floorPool) Use(ctx context.Context, work func()) error {
	r, _ := p.pool.Get().(*Resource)
	if r == nil {
		var err error
		if r, err = p.open(ctx); err != nil {
			return err
		}
	}
	work()
	p.pool.Put(r)
	return nil
}

func (p *floorPool) Close() {}
