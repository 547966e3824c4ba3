package benchmarks

import (
	"context"
	"time"
)

// A channelPool is the pool one writes in ten lines: a buffered channel in which nil stands for a resource still to be
// opened.
type channelPool struct {
	places  chan *Resource
	open    func(context.Context) (*Resource, error)
	maxWait time.Duration
}

func openChannel(c Config) (Pool, error) {
	p := &channelPool{make(chan *Resource, c.Max), c.Open, c.MaxWait}
	for i := range c.Max {
		if i >= c.Idle {
			p.places <- nil
			continue
		}
		r, err := c.Open(context.Background())
		if err != nil {
			return nil, err
		}
		p.places <- r
	}
	return p, nil
}

func (p *channelPool) Use(ctx context.Context, work func()) error {
	r, err := p.acquire(ctx)
	if err != nil {
		return err
	}
	work()
	p.places <- r
	return nil
}

func (p *channelPool) acquire(ctx context.Context) (*Resource, error) {
	if p.maxWait == 0 {
		return p.take(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, p.maxWait)
	defer cancel()
	return p.take(ctx)
}

func (p *channelPool) take(ctx context.Context) (*Resource, error) {
	select {
	case r := <-p.places:
		if r != nil {
			return r, nil
		}
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	r, err := p.open(ctx)
	if err != nil {
		p.places <- nil
		return nil, err
	}
	return r, nil
}

func (p *channelPool) Close() {}
